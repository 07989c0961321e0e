/** What only many runs of a cluster in calm or bad weather show: how long it takes, and that it always ends. */
import { expect } from "chai";
import { RaftCluster, changed } from "../../support/raft-harness.ts";
import type { Config } from "../../../src/raft/types.ts";

describe("raft clusters", () => {
  it("E5: get a leader among four voters although the first rounds split", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const cluster = new RaftCluster({ seed, voters: ["a", "b", "c", "d"], faults: { delayMs: [40, 60] } });
      cluster.elect(10_000);
    }
  });

  it("have a new leader within 300 ms of the resets, with three voters and with five", () => {
    for (const voters of [
      ["a", "b", "c"],
      ["a", "b", "c", "d", "e"],
    ]) {
      const times: number[] = [];
      for (let seed = 1; seed <= 150; seed++) {
        const cluster = new RaftCluster({ seed, voters, faults: { diskMs: [1, 15] } });
        const leader = cluster.elect();
        cluster.run(500);
        cluster.crash(leader.id);
        times.push(cluster.runUntil(() => cluster.ready !== null, 10_000, "a new leader"));
      }
      times.sort((a, b) => a - b);
      expect(times.at(-1), "the slowest of 150").to.be.lessThan(300);
      expect(times[75], "the median").to.be.lessThan(120);
    }
  });

  it("O3: move leadership within 100 ms, past everyone's stickiness", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = new RaftCluster({ seed, voters: ["a", "b", "c"] });
      const old = cluster.elect();
      cluster.run(300);
      cluster.propose(old.id, 5);
      cluster.step(old.id, { type: "transfer", to: null });
      const took = cluster.runUntil(() => cluster.ready !== null && cluster.ready.id !== old.id, 1_000, "the transfer");
      expect(took).to.be.lessThan(100);
      expect(cluster.counts.elections).to.equal(2);
    }
  });

  it("answer reads through lost heartbeats", () => {
    const cluster = new RaftCluster({ seed: 3, voters: ["a", "b", "c"], faults: { loss: 0.3 } });
    let answered = 0;
    for (let i = 0; i < 100; i++) {
      const leader = cluster.elect(20_000);
      const follower = [...cluster.nodes.keys()].find((id) => id !== leader.id) ?? "";
      const asked = [leader.id, follower].map((id) => [id, cluster.read(id)] as const);
      cluster.run(2_500);
      for (const [id, request] of asked) if (cluster.node(id).reads.get(request)?.result?.ok === true) answered++;
    }
    expect(answered).to.be.greaterThan(150);
  });

  it("R12: hold with every message doubled, overtaken and late", () => {
    for (let seed = 1; seed <= 5; seed++) {
      const cluster = new RaftCluster({
        seed,
        voters: ["a", "b", "c"],
        faults: { duplicate: 1, ordered: false, late: 0.3, lateMs: 20_000, delayMs: [1, 20] },
      });
      for (let i = 0; i < 400; i++) {
        for (const id of cluster.nodes.keys()) cluster.propose(id);
        cluster.run(50);
      }
      Object.assign(cluster.faults, { duplicate: 0, late: 0 });
      cluster.elect();
      cluster.runUntil(() => cluster.hasConverged(), 30_000, "convergence");
      expect(cluster.invariants.commitIndex).to.be.greaterThan(50);
    }
  });

  it("M11: replace every member many times over, one step at a time", () => {
    const cluster = new RaftCluster({ seed: 12, voters: ["a", "b", "c"], snapshotEach: 10 });
    for (let round = 0; round < 30; round++) {
      const leader = cluster.elect();
      const id = `n${round}`;
      cluster.join(id);
      const current = (): Config => cluster.elect().status.config;
      const change = (config: () => Config, what: string): void => {
        cluster.runUntil(
          () => cluster.ready !== null && cluster.proposeConfig(cluster.ready.id, config()),
          5_000,
          what,
        );
      };
      change(() => changed(current(), id, "learner"), "a learner");
      change(() => changed(current(), id, "voter"), "its promotion");
      // Now and then the leader itself is the oldest.
      const oldest = current().members.find((member) => member.id !== id)?.id ?? leader.id;
      change(() => changed(current(), oldest, null), "a removal");
      cluster.propose(cluster.elect().id, 3);
      cluster.runUntil(() => cluster.node(oldest).removed, 5_000, "the removed one stops");
    }
    expect(cluster.elect().status.config.members).to.have.length(3);
  });
});
