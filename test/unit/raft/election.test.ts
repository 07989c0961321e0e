import { expect } from "chai";
import { AssertionFailure } from "../../../src/util/assert.ts";
import { RaftCluster } from "../../support/raft-harness.ts";
import { RaftMember, configEntry, voters } from "../../support/raft-member.ts";

const T = 2_000;

describe("raft election", () => {
  it("E1: elects exactly one leader, whose no-op commits, and nobody is disturbed afterwards", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = new RaftCluster({ seed, voters: ["a", "b", "c"] });
      const leader = cluster.elect();
      cluster.run(5 * T);
      expect(cluster.elect().id, "the leader stays").to.equal(leader.id);
      expect(cluster.counts.elections).to.equal(1);
      expect(leader.status.commit).to.equal(2);
      for (const node of cluster.nodes.values()) expect(node.applied).to.equal(2);
    }
  });

  it("E2: refuses its vote to a shorter or older log, however high the term", () => {
    const member = new RaftMember("a", { terms: [2, 2] });
    member.receive({ type: "vote", from: "b", term: 50, lastIndex: 9, lastTerm: 1, transfer: false });
    expect(member.out("vote-reply")[0]).to.include({ granted: false, term: 50 });
    member.receive({ type: "vote", from: "b", term: 51, lastIndex: 2, lastTerm: 2, transfer: false });
    expect(member.out("vote-reply")[0]).to.include({ granted: false });
    member.receive({ type: "vote", from: "b", term: 52, lastIndex: 3, lastTerm: 2, transfer: false });
    expect(member.out("vote-reply")[0]).to.include({ granted: true, to: "b" });
  });

  it("E3: remembers its vote across a restart, and repeats it to the same candidate", () => {
    const before = new RaftMember("a");
    before.receive({ type: "vote", from: "b", term: 5, lastIndex: 1, lastTerm: 1, transfer: false });
    expect(before.hardState).to.deep.include({ term: 5, vote: "b" });
    const after = new RaftMember("a", { hardState: before.hardState });
    after.receive({ type: "vote", from: "c", term: 5, lastIndex: 1, lastTerm: 1, transfer: false });
    expect(after.out("vote-reply")[0]).to.include({ granted: false });
    after.receive({ type: "vote", from: "b", term: 5, lastIndex: 1, lastTerm: 1, transfer: false });
    expect(after.out("vote-reply")[0]).to.include({ granted: true });
  });

  it("E4: sends no vote, and asks for none, before its own is durable", () => {
    const voter = new RaftMember("a", { slowDisk: true });
    expect(
      voter.receive({ type: "vote", from: "b", term: 5, lastIndex: 1, lastTerm: 1, transfer: false }),
    ).to.deep.equal([]);
    voter.persist();
    expect(voter.out("vote-reply")[0]).to.include({ granted: true });

    const candidate = new RaftMember("a", { slowDisk: true });
    candidate.tick(60);
    candidate.receive({ type: "pre-vote-reply", from: "b", granted: true, term: 2 });
    expect(candidate.status.role).to.equal("candidate");
    expect(candidate.out("vote")).to.deep.equal([]);
    candidate.persist();
    expect(candidate.out("vote").map(({ to }) => to)).to.deep.equal(["b", "c"]);
  });

  it("E4: drops a vote that was overtaken by a higher term while it was being written", () => {
    const voter = new RaftMember("a", { slowDisk: true });
    voter.receive({ type: "vote", from: "b", term: 5, lastIndex: 1, lastTerm: 1, transfer: false });
    voter.receive({ type: "vote", from: "c", term: 6, lastIndex: 1, lastTerm: 1, transfer: false });
    voter.sent.length = 0;
    voter.persist(1);
    expect(voter.sent).to.deep.equal([]);
    voter.persist(1);
    expect(voter.out("vote-reply").map(({ to, term }) => [to, term])).to.deep.equal([["c", 6]]);
  });

  it("E5: gets a leader among four voters although the first rounds split", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const cluster = new RaftCluster({ seed, voters: ["a", "b", "c", "d"], faults: { delayMs: [40, 60] } });
      cluster.elect(5 * T);
    }
  });

  it("E6: does not let a member that was alone for long depose the leader or raise the term", () => {
    const cluster = new RaftCluster({ seed: 3, voters: ["a", "b", "c"] });
    const leader = cluster.elect();
    const { term } = leader.status;
    const lonely = [...cluster.nodes.keys()].find((id) => id !== leader.id) ?? "";
    cluster.partition([...cluster.nodes.keys()].filter((id) => id !== lonely));
    cluster.run(100 * T);
    expect(cluster.node(lonely).status.term).to.equal(term);
    cluster.heal();
    cluster.run(2 * T);
    expect(cluster.elect().status).to.include({ id: leader.id, term });
  });

  it("E7: is not disturbed by a member that hears nothing but is heard", () => {
    const cluster = new RaftCluster({ seed: 4, voters: ["a", "b", "c"] });
    const leader = cluster.elect();
    const { term } = leader.status;
    const deaf = [...cluster.nodes.keys()].find((id) => id !== leader.id) ?? "";
    cluster.passes = ({ to }) => to !== deaf;
    cluster.run(20 * T);
    expect(cluster.elect().status).to.include({ id: leader.id, term });
  });

  it("E8: ends a leader that is heard but hears nobody, and elects another", () => {
    const cluster = new RaftCluster({ seed: 5, voters: ["a", "b", "c"] });
    const old = cluster.elect();
    cluster.passes = ({ to }) => to !== old.id;
    const took = cluster.runUntil(() => (cluster.ready ?? old).id !== old.id, 10_000, "another leader");
    expect(took).to.be.lessThan(5_000);
    expect(old.status.role).to.not.equal("leader");
  });

  it("E10: learns a higher term from a refused pre-vote", () => {
    const member = new RaftMember("a");
    member.tick(60);
    expect(member.status.role).to.equal("pre-candidate");
    member.receive({ type: "pre-vote-reply", from: "b", granted: false, term: 7 });
    expect(member.status).to.include({ role: "follower", term: 7 });
    const voter = new RaftMember("b", { hardState: { term: 9 } });
    voter.receive({ type: "pre-vote", from: "a", term: 3, lastIndex: 5, lastTerm: 1 });
    expect(voter.out("pre-vote-reply")[0]).to.include({ granted: false, term: 9 });
  });

  it("E11: ignores a stale pre-vote grant", () => {
    const member = new RaftMember("a");
    member.tick(60);
    member.append("b", [1, 1], [], 0);
    expect(member.status).to.include({ role: "follower", leader: "b" });
    member.receive({ type: "pre-vote-reply", from: "c", granted: true, term: 2 });
    expect(member.status).to.include({ role: "follower", term: 1 });

    const leader = new RaftMember("a").lead("b");
    leader.receive({ type: "pre-vote-reply", from: "c", granted: true, term: 2 });
    expect(leader.status).to.include({ role: "leader", term: 2 });
  });

  it("E13: a lone voter leads from its first tick, and commits only what is on its disk", () => {
    const member = new RaftMember("a", { config: voters("a"), terms: [1, 1], slowDisk: true });
    member.tick();
    expect(member.status.role).to.equal("candidate");
    member.persist(1);
    expect(member.status).to.include({ role: "leader", commit: 1, ready: false });
    member.persist(1);
    expect(member.status).to.include({ commit: 4, ready: true });
    expect(
      member.committed.map(({ index }) => index),
      "its log is replayed",
    ).to.deep.equal([1, 2, 3, 4]);
  });

  it("E14: a learner never campaigns, but votes: others may know that it is a voter", () => {
    const config = { members: [...voters("b", "c").members, { id: "l", address: "l:1", role: "learner" as const }] };
    const learner = new RaftMember("l", { config });
    expect(learner.tick(200)).to.deep.equal([]);
    expect(learner.status.role).to.equal("learner");
    learner.receive({ type: "vote", from: "b", term: 5, lastIndex: 1, lastTerm: 1, transfer: false });
    expect(learner.out("vote-reply")[0]).to.include({ granted: true });
    learner.receive({ type: "timeout-now", from: "b" });
    expect(learner.status.role).to.equal("learner");
  });

  it("E15: counts a peer once, however often it answers", () => {
    const member = new RaftMember("a", { config: voters("a", "b", "c", "d", "e") });
    member.tick(60);
    for (let i = 0; i < 3; i++) member.receive({ type: "pre-vote-reply", from: "b", granted: true, term: 2 });
    expect(member.status.role).to.equal("pre-candidate");
    member.receive({ type: "pre-vote-reply", from: "c", granted: true, term: 2 });
    for (let i = 0; i < 3; i++) member.receive({ type: "vote-reply", from: "b", granted: true });
    expect(member.status.role).to.equal("candidate");
    member.receive({ type: "vote-reply", from: "c", granted: true });
    expect(member.status.role).to.equal("leader");
  });

  it("E17: crashes when there are two leaders in one term", () => {
    const leader = new RaftMember("a").lead("b");
    expect(() => leader.append("b", [1, 1], [])).to.throw(AssertionFailure, "two leaders");
    const follower = new RaftMember("a");
    follower.append("b", [1, 1], []);
    expect(() => follower.append("c", [1, 1], [])).to.throw(AssertionFailure, "two leaders");
  });

  it("refuses votes and pre-votes while it hears a leader, except for a transfer", () => {
    const member = new RaftMember("a");
    member.append("b", [1, 1], []);
    member.receive({ type: "pre-vote", from: "c", term: 2, lastIndex: 9, lastTerm: 1 });
    expect(member.out("pre-vote-reply")[0]).to.include({ granted: false });
    expect(
      member.receive({ type: "vote", from: "c", term: 2, lastIndex: 9, lastTerm: 1, transfer: false }),
    ).to.deep.equal([]);
    expect(member.status).to.include({ term: 1, leader: "b" });
    member.receive({ type: "vote", from: "c", term: 2, lastIndex: 9, lastTerm: 1, transfer: true });
    expect(member.out("vote-reply")[0]).to.include({ granted: true });
  });

  it("B6: tells a leader of an old term about the present one", () => {
    const member = new RaftMember("a", { hardState: { term: 9 } });
    member.receive({ type: "heartbeat", from: "b", term: 4, commit: 0, readSeq: 3 });
    expect(member.sent[0]).to.include({ type: "heartbeat-reply", to: "b", term: 9, readSeq: 0 });
    const leader = new RaftMember("b").lead("c");
    leader.receive({ type: "heartbeat-reply", from: "a", term: 9, readSeq: 0 });
    expect(leader.status).to.include({ role: "follower", term: 9 });
  });

  it("does not campaign while it does not know any cluster", () => {
    const joiner = new RaftMember("n", { entries: [], hardState: { term: 0, commit: 0 } });
    expect(joiner.tick(100)).to.deep.equal([]);
    joiner.append("b", [0, 0], [configEntry(1, 1, voters("b", "n"))]);
    expect(joiner.status.leader).to.equal("b");
  });
});

describe("raft election after a lost leader", () => {
  const crashTimes = (ids: readonly string[], runs: number): number[] => {
    const times: number[] = [];
    for (let seed = 1; seed <= runs; seed++) {
      const cluster = new RaftCluster({ seed, voters: ids, faults: { diskMs: [1, 15] } });
      const leader = cluster.elect();
      cluster.run(500);
      cluster.crash(leader.id);
      times.push(cluster.runUntil(() => cluster.ready !== null, 10_000, "a new leader"));
    }
    return times.toSorted((a, b) => a - b);
  };

  it("has a new leader within 300 ms of the resets, with three voters and with five", () => {
    for (const ids of [
      ["a", "b", "c"],
      ["a", "b", "c", "d", "e"],
    ]) {
      const times = crashTimes(ids, 150);
      expect(times.at(-1), "the slowest of 150").to.be.lessThan(300);
      expect(times[75], "the median").to.be.lessThan(120);
    }
  });

  it("takes an election timeout where nobody is told", () => {
    const cluster = new RaftCluster({ seed: 1, voters: ["a", "b", "c"] });
    const leader = cluster.elect();
    cluster.run(500);
    cluster.crash(leader.id, { resets: false });
    expect(cluster.runUntil(() => cluster.ready !== null, 10_000, "a new leader")).to.be.within(900, 4_000);
  });

  it("leaves a leader alone that only one member cannot reach", () => {
    const cluster = new RaftCluster({ seed: 2, voters: ["a", "b", "c"] });
    const leader = cluster.elect();
    cluster.run(500);
    const { term } = leader.status;
    const cutOff = [...cluster.nodes.keys()].find((id) => id !== leader.id) ?? "";
    cluster.passes = ({ from, to }) => !(from === leader.id && to === cutOff) && !(from === cutOff && to === leader.id);
    cluster.step(cutOff, { type: "leader-lost", leader: leader.id });
    cluster.run(5 * T);
    expect(cluster.elect().status).to.include({ id: leader.id, term });
  });

  it("follows its leader again when that turns out to be alive", () => {
    const member = new RaftMember("a", { raft: { random: () => 0.99 } });
    member.append("b", [1, 1], []);
    member.step({ type: "leader-lost", leader: "b" });
    expect(member.status.leader).to.equal(null);
    member.receive({ type: "heartbeat", from: "b", commit: 1, readSeq: 0 });
    expect(member.status).to.include({ role: "follower", leader: "b" });
    expect(member.tick(6), "nothing is left of the hurry").to.deep.equal([]);
  });

  it("ignores the loss of someone who is not its leader", () => {
    const member = new RaftMember("a");
    member.append("b", [1, 1], []);
    member.step({ type: "leader-lost", leader: "c" });
    expect(member.status.leader).to.equal("b");
  });

  it("asks again within a few ticks when others have not noticed yet, but not for ever", () => {
    const member = new RaftMember("a");
    member.append("b", [1, 1], []);
    member.step({ type: "leader-lost", leader: "b" });
    expect(member.out("pre-vote").map(({ to }) => to)).to.deep.equal(["b", "c"]);
    member.receive({ type: "pre-vote-reply", from: "c", granted: false });
    expect(member.tick(2).filter(({ type }) => type === "pre-vote")).to.not.deep.equal([]);
    member.receive({ type: "pre-vote-reply", from: "c", granted: false });
    member.tick(20);
    const later = member.tick(15);
    expect(later, "the short way closes after an election timeout").to.deep.equal([]);
  });

  it("lets the lower id go first of two that campaign at once", () => {
    const lower = new RaftMember("a", { raft: { random: () => 0 } });
    lower.append("b", [1, 1], []);
    lower.step({ type: "leader-lost", leader: "b" });
    const answers = lower.receive({ type: "pre-vote", from: "c", term: 2, lastIndex: 1, lastTerm: 1 });
    expect(answers.map(({ type }) => type)).to.deep.equal(["pre-vote-reply", "pre-vote"]);
    expect(lower.out("pre-vote-reply")[0]).to.include({ granted: false });
    const higher = new RaftMember("c");
    higher.append("b", [1, 1], []);
    higher.step({ type: "leader-lost", leader: "b" });
    higher.receive({ type: "pre-vote", from: "a", term: 2, lastIndex: 1, lastTerm: 1 });
    expect(higher.out("pre-vote-reply")[0]).to.include({ granted: true });
  });

  it("helps its own leader back that has left its term", () => {
    const member = new RaftMember("a");
    member.append("b", [1, 1], []);
    member.receive({ type: "pre-vote", from: "b", term: 3, lastIndex: 1, lastTerm: 1 });
    expect(member.out("pre-vote-reply")[0]).to.include({ granted: true });
  });
});
