import { expect } from "chai";
import { Applier } from "../../../../src/manager/replica/applier.ts";
import { newReplicaMetrics } from "../../../../src/manager/replica/metrics.ts";
import type { Entry } from "../../../../src/raft/types.ts";
import { EMPTY_CONFIG } from "../../../../src/raft/config.ts";
import { AppError } from "../../../../src/util/errors.ts";
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

  it("stops at an entry that it cannot apply, says which, and skips nothing", async () => {
    const sim = new Sim(1);
    const stateMachine = new Journal();
    const apply = stateMachine.apply.bind(stateMachine);
    let failure: Error | null = new AppError("unsupported", "An entry of tomorrow");
    stateMachine.apply = (entry) => {
      if (entry.index === 3 && failure !== null) throw failure;
      apply(entry);
    };
    const fatal: AppError[] = [];
    const deps = { env: sim.env("a"), stateMachine, metrics: newReplicaMetrics() };
    const position = { index: 0, term: 1, config: EMPTY_CONFIG };
    const applier = new Applier({ ...deps, onFatal: (error) => fatal.push(error) }, position);
    applier.push(entries(1, 5));
    applier.run({ bounded: true });
    expect([applier.index, stateMachine.lines.length, applier.hasMore]).to.deep.equal([2, 2, false]);
    expect(fatal.map(({ code, details }) => [code, details?.["index"]])).to.deep.equal([["unsupported", "3"]]);
    // What is no operating error is a bug: it ends the process, and is not taken for an answer.
    failure = new TypeError("a bug");
    const other = new Applier({ ...deps, onFatal: (error) => fatal.push(error) }, { ...position, index: 2 });
    other.push(entries(3, 3));
    expect(() => other.run({ bounded: true })).to.throw(TypeError);
    expect(other.index).to.equal(2);
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
