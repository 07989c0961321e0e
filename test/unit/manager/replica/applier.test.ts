import { expect } from "chai";
import { Applier } from "../../../../src/manager/replica/applier.ts";
import { newReplicaMetrics } from "../../../../src/manager/replica/metrics.ts";
import type { Entry } from "../../../../src/raft/types.ts";
import { EMPTY_CONFIG } from "../../../../src/raft/config.ts";
import { Journal, ReplicaCluster } from "../../../support/replica-cluster.ts";
import { Sim } from "../../../support/sim-env.ts";

function entries(from: number, to: number): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, at) => ({
    index: from + at,
    term: 1,
    kind: "normal",
    payload: Buffer.from(`p${from + at}`),
  }));
}

describe("manager/replica/applier", () => {
  it("says how long the oldest committed entry has waited, and nothing once all is applied", async () => {
    const sim = new Sim(1);
    const env = sim.env("a");
    let burnt = 0;
    const now = env.now.bind(env);
    env.now = () => now() + burnt;
    const stateMachine = new Journal();
    const apply = stateMachine.apply.bind(stateMachine);
    stateMachine.apply = (entry) => {
      burnt += 1;
      apply(entry);
    };
    const position = { index: 0, term: 1, config: EMPTY_CONFIG };
    const applier = new Applier(
      { env, stateMachine, metrics: newReplicaMetrics(), onFatal: (error) => expect.fail(String(error)) },
      position,
    );
    expect(applier.underWayMs).to.equal(0);
    applier.push(entries(1, 100));
    applier.run({ bounded: true });
    expect(applier.hasMore).to.equal(true);
    // More work behind it does not make what waits any younger.
    applier.push(entries(101, 200));
    expect(applier.underWayMs).to.equal(burnt);
    while (applier.index < 100) applier.run({ bounded: true });
    expect(applier.hasMore).to.equal(true);
    expect(applier.underWayMs).to.be.below(burnt / 2);
    while (applier.hasMore) applier.run({ bounded: true });
    expect(applier.underWayMs).to.equal(0);
    await sim.run(0);
  });

  it("a leader that does not keep up with applying steps down", async () => {
    const cluster = new ReplicaCluster({ seed: 3 });
    await cluster.bootstrap(["a", "b", "c"]);
    const leader = await cluster.leader();
    const { env, journal, replica } = leader;
    const { term } = replica.status();
    let burnt = 0;
    const now = env.now.bind(env);
    env.now = () => now() + burnt;
    const apply = journal.apply.bind(journal);
    journal.apply = (entry) => {
      burnt += 1;
      apply(entry);
    };
    // Between two turns of this loop others get theirs, the clock's included.
    env.defer = (fn) => void env.setTimer(60, fn);
    for (let at = 0; at < 4000; at++) replica.propose(Buffer.from(`p${at}`));
    await cluster.sim.runUntil(() => cluster.leaderOrNull()?.id !== leader.id && cluster.leaderOrNull() !== null, {
      timeoutMs: 15_000,
      what: "another leader",
    });
    expect(cluster.leaderOrNull()?.replica.status().term).to.be.above(term);
    expect(leader.fatal).to.deep.equal([]);
  });
});
