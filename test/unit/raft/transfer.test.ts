import { expect } from "chai";
import { RaftCluster } from "../../support/raft-harness.ts";
import { RaftMember, voters } from "../../support/raft-member.ts";

function readyLeader(): RaftMember {
  const leader = new RaftMember("a").lead("b");
  leader.ack("b", 2);
  return leader;
}

describe("raft leadership transfer", () => {
  it("B26: tells the target only when it has everything, and refuses proposals meanwhile", () => {
    const leader = readyLeader();
    leader.propose(3);
    leader.step({ type: "transfer", to: "b" });
    expect(leader.out("timeout-now")).to.deep.equal([]);
    expect(leader.status.transferTarget).to.equal("b");
    expect(leader.core.canPropose(1)).to.include({ ok: false, reason: "transferring" });
    leader.ack("b", 4);
    expect(leader.out("timeout-now")).to.deep.equal([]);
    leader.ack("b", 5);
    expect(leader.out("timeout-now").map(({ to }) => to)).to.deep.equal(["b"]);
  });

  it("chooses the voter that has most, and does nothing where there is none", () => {
    const leader = readyLeader();
    leader.ack("c", 2);
    leader.propose();
    leader.ack("c", 3);
    leader.sent.length = 0;
    leader.step({ type: "transfer", to: null });
    expect(leader.out("timeout-now").map(({ to }) => to)).to.deep.equal(["c"]);

    const alone = new RaftMember("a", { config: voters("a") });
    alone.tick();
    alone.step({ type: "transfer", to: null });
    expect(alone.status.transferTarget).to.equal(null);
    for (const to of ["a", "x"]) {
      const other = readyLeader();
      other.step({ type: "transfer", to });
      expect(other.status.transferTarget, `to ${to}`).to.equal(null);
    }
  });

  it("Q7: takes proposals again after an election timeout when the target is dead, and reads all along", () => {
    const leader = readyLeader();
    leader.step({ type: "transfer", to: "c" });
    leader.sent.length = 0;
    leader.step({ type: "read", requestId: 1 });
    const seq = leader.out("heartbeat").at(-1)?.readSeq ?? 0;
    leader.receive({ type: "heartbeat-reply", from: "b", readSeq: seq });
    expect(leader.reads).to.deep.equal([{ requestId: 1, ok: true, index: 2 }]);
    for (let i = 0; i < 20; i++) {
      leader.tick();
      leader.receive({ type: "heartbeat-reply", from: "b", readSeq: 0 });
    }
    expect(leader.status).to.include({ role: "leader", transferTarget: null });
    expect(leader.core.canPropose(1)).to.include({ ok: true });
  });

  it("repeats itself: the word may be lost", () => {
    const leader = readyLeader();
    leader.step({ type: "transfer", to: "b" });
    expect(leader.tick(4).filter(({ type }) => type === "timeout-now").length).to.be.greaterThan(0);
  });

  it("O3: moves leadership within 100 ms, past everyone's stickiness", () => {
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

  it("a leader that steps down has a successor at once", () => {
    const cluster = new RaftCluster({ seed: 5, voters: ["a", "b", "c"] });
    const old = cluster.elect();
    cluster.run(300);
    cluster.step(old.id, { type: "step-down", why: "its disk is stuck" });
    expect(old.status.role).to.equal("follower");
    expect(cluster.runUntil(() => cluster.ready !== null, 1_000, "a successor")).to.be.lessThan(100);
    expect(cluster.elect().id).to.not.equal(old.id);
  });

  it("steps down without a successor where nobody can take over", () => {
    const leader = new RaftMember("a", { config: voters("a") });
    leader.tick();
    leader.step({ type: "step-down", why: "test" });
    expect(leader.status.role).to.equal("follower");
    leader.tick();
    expect(leader.status.role, "a lone voter comes back").to.equal("leader");
  });
});
