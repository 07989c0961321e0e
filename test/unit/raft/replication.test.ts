import { expect } from "chai";
import { AssertionFailure } from "../../../src/util/assert.ts";
import { ENTRY_OVERHEAD_BYTES } from "../../../src/raft/log.ts";
import { Progress } from "../../../src/raft/progress.ts";
import { DEFAULT_RAFT_OPTIONS } from "../../../src/raft/types.ts";
import { RaftCluster } from "../../support/raft-harness.ts";
import { RaftMember, configEntry, entry, voters } from "../../support/raft-member.ts";

const founding = configEntry(1, 1, voters("a", "b", "c"));

describe("raft leader", () => {
  it("R1: does not commit an entry of an older term that a majority has, until one of its own term is (Figure 8)", () => {
    // Term 4, with an entry of term 2 that b has as well.
    const leader = new RaftMember("a", { terms: [2], hardState: { term: 3 } }).lead("b");
    expect(leader.status).to.include({ term: 4, lastIndex: 3 });
    leader.ack("b", 2);
    expect(leader.status.commit).to.equal(1);
    leader.ack("b", 3);
    expect(leader.status.commit).to.equal(3);
  });

  it("R4: never takes back what a peer has, whatever order its answers come in", () => {
    const leader = new RaftMember("a").lead("b");
    leader.ack("b", 2);
    leader.propose(5);
    leader.ack("b", 7);
    leader.ack("b", 3);
    leader.ack("b", 2);
    const matchOf = (id: string): number | undefined => leader.status.peers.find((peer) => peer.id === id)?.match;
    expect(matchOf("b")).to.equal(7);
    // A rejection from before.
    leader.receive({ type: "append-reply", from: "b", ok: false, index: 4, hintIndex: 1, hintTerm: 1 });
    expect(leader.out("append")).to.deep.equal([]);
    expect(matchOf("b")).to.equal(7);
  });

  it("R4: keeps next beyond match through any sequence of answers", () => {
    const peer = new Progress("b", { voter: true, next: 10, now: 0, window: { messagesMax: 2, bytesMax: 100 } });
    peer.rejected(9, 4);
    expect(peer.next).to.equal(4);
    peer.rejected(9, 1);
    expect(peer.next, "a stale rejection").to.equal(4);
    peer.acked(3);
    expect([peer.state, peer.match, peer.next]).to.deep.equal(["replicate", 3, 4]);
    peer.sent(6, 10);
    peer.sent(8, 10);
    expect(peer.canSend()).to.equal(false);
    peer.acked(6);
    expect(peer.canSend()).to.equal(true);
    peer.rejected(2, 0);
    expect([peer.state, peer.next]).to.deep.equal(["replicate", 9]);
    peer.rejected(8, 1);
    expect([peer.state, peer.match, peer.next]).to.deep.equal(["probe", 6, 7]);
    peer.check(20);
    peer.next = 6;
    expect(() => peer.check(20)).to.throw(AssertionFailure, "beyond match");
  });

  it("R6: finds the common prefix of five divergent terms in at most a round trip a term", () => {
    const mine = [2, 4, 6, 8, 10].flatMap((term) => Array.from({ length: 1_000 }, () => term));
    const theirs = [3, 5, 7, 9, 11].flatMap((term) => Array.from({ length: 1_000 }, () => term));
    const leader = new RaftMember("a", { terms: mine, hardState: { term: 12 } }).lead("b");
    const follower = new RaftMember("c", { terms: theirs, hardState: { term: 12 } });
    let trips = 0;
    let isFound = false;
    let request = leader.out("append", "c")[0];
    while (request !== undefined && trips < 100) {
      trips++;
      follower.receive(request);
      const [answer] = follower.out("append-reply");
      isFound = answer?.ok === true;
      if (answer === undefined || isFound) break;
      leader.receive(answer);
      request = leader.out("append", "c")[0];
    }
    expect(isFound).to.equal(true);
    expect(trips).to.be.at.most(7);
    expect(follower.core.termAt(1_001), "its own branch is gone").to.equal(2);
  });

  it("R9: commits by its followers while its own disk is busy, and loses nothing when it crashes then", () => {
    const cluster = new RaftCluster({ seed: 7, voters: ["a", "b", "c"] });
    const old = cluster.elect();
    cluster.run(100);
    // Only this one's disk is busy, for ever; the others take 2 ms as before.
    old.isWriting = true;
    const index = cluster.propose(old.id, 3) ?? 0;
    cluster.runUntil(() => old.status.commit >= index + 2, 1_000, "a commit without the leader's disk");
    expect(old.disk.chain.length).to.equal(index);
    cluster.crash(old.id);
    cluster.elect();
    cluster.start(old.id);
    cluster.runUntil(() => cluster.hasConverged(), 5_000, "convergence");
    expect(cluster.node(old.id).applied).to.be.at.least(index + 2);
  });

  it("sends appends before its own write, and counts itself only after it", () => {
    const leader = new RaftMember("a", { config: voters("a", "b"), slowDisk: true }).lead("b");
    leader.persist();
    leader.ack("b", 2);
    expect(leader.status).to.include({ commit: 2, ready: true });
    leader.propose();
    expect(leader.out("append").map(({ entries }) => entries.length)).to.deep.equal([1]);
    leader.ack("b", 3);
    expect(leader.status.commit).to.equal(2);
    leader.persist();
    expect(leader.status.commit).to.equal(3);
  });

  it("R10: refuses proposals beyond the bound on uncommitted bytes, and takes them again once it has committed", () => {
    const uncommittedBytesMax = 10 * (100 + ENTRY_OVERHEAD_BYTES);
    const leader = new RaftMember("a", { raft: { uncommittedBytesMax } }).lead("b");
    leader.ack("b", 2);
    expect(leader.core.canPropose(1_000_000), "an empty queue takes anything").to.include({ ok: true, firstIndex: 3 });
    leader.propose(9, 100);
    expect(leader.core.canPropose(100)).to.include({ ok: true });
    leader.propose(1, 100);
    expect(leader.core.canPropose(1)).to.deep.equal({ ok: false, reason: "exhausted", leader: "a" });
    const added = { members: [...leader.status.config.members, { id: "d", address: "d:1", role: "learner" as const }] };
    expect(leader.core.canProposeConfig(added, { force: false }), "changes of membership still pass").to.include({
      ok: true,
    });
    leader.ack("b", 12);
    expect(leader.core.canPropose(100)).to.include({ ok: true });
  });

  it("refuses proposals elsewhere, and names the leader", () => {
    const follower = new RaftMember("a");
    expect(follower.core.canPropose(1)).to.deep.equal({ ok: false, reason: "not-leader", leader: null });
    follower.append("b", [1, 1], []);
    expect(follower.core.canPropose(1)).to.deep.equal({ ok: false, reason: "not-leader", leader: "b" });
    const young = new RaftMember("a").lead("b");
    expect(young.core.canPropose(1)).to.deep.equal({ ok: false, reason: "not-ready", leader: "a" });
    expect(() => young.propose()).to.throw(AssertionFailure, "canPropose");
  });

  it("is ready only after its own no-op was committed and applied", () => {
    const leader = new RaftMember("a").lead("b");
    const { committed } = leader.core.step({
      type: "message",
      message: { type: "append-reply", from: "b", to: "a", term: 2, ok: true, index: 2, hintIndex: 0, hintTerm: 0 },
    });
    expect(committed.map(({ kind }) => kind)).to.deep.equal(["noop"]);
    expect(leader.status).to.include({ commit: 2, ready: false });
    expect(leader.core.step({ type: "applied", index: 2 }).statusChanged).to.equal(true);
    expect(leader.status.ready).to.equal(true);
  });

  it("R11: sends an entry alone that is larger than a message and than the window", () => {
    const raft = { appendBytesMax: 200, inflightBytesMax: 500, inflightMessagesMax: 4 };
    const leader = new RaftMember("a", { raft }).lead("b");
    leader.ack("b", 2);
    leader.propose(1, 5_000);
    expect(leader.out("append", "b").map(({ entries }) => entries.length)).to.deep.equal([1]);
    leader.propose(1, 10);
    expect(leader.out("append", "b"), "the window is full").to.deep.equal([]);
    leader.ack("b", 3);
    expect(leader.out("append", "b").flatMap(({ entries }) => entries.map(({ index }) => index))).to.deep.equal([4]);
  });

  it("keeps at most a window of messages under way to each peer, and refills it by acks", () => {
    const raft = { appendBytesMax: 1, inflightMessagesMax: 3 };
    const leader = new RaftMember("a", { raft }).lead("b");
    leader.ack("b", 2);
    leader.propose(10);
    expect(leader.out("append", "b").map(({ prevIndex }) => prevIndex)).to.deep.equal([2, 3, 4]);
    expect(leader.out("append", "c"), "c is still being probed").to.deep.equal([]);
    leader.ack("b", 4);
    expect(leader.out("append", "b").map(({ prevIndex }) => prevIndex)).to.deep.equal([5, 6]);
  });

  it("finds out by a heartbeat's answer whether what is under way was lost", () => {
    const leader = new RaftMember("a", { raft: { appendBytesMax: 1, inflightMessagesMax: 2 } }).lead("b");
    leader.ack("b", 2);
    leader.propose(4);
    leader.receive({ type: "heartbeat-reply", from: "b", readSeq: 0 });
    expect(leader.out("append", "b").map(({ prevIndex, entries }) => [prevIndex, entries.length])).to.deep.equal([
      [4, 0],
    ]);
    leader.receive({ type: "append-reply", from: "b", ok: false, index: 4, hintIndex: 2, hintTerm: 2 });
    expect(leader.out("append", "b")[0]).to.include({ prevIndex: 2 });
  });

  it("goes back to probing when a peer's stream broke", () => {
    const leader = new RaftMember("a").lead("b");
    leader.ack("b", 2);
    leader.propose();
    leader.step({ type: "peer-unreachable", peer: "b" });
    leader.propose();
    expect(leader.out("append", "b").map(({ prevIndex, entries }) => [prevIndex, entries.length])).to.deep.equal([
      [2, 2],
    ]);
    leader.propose();
    expect(leader.out("append", "b"), "one probe at a time").to.deep.equal([]);
  });

  it("tells idle followers of a commit at once, not at the next heartbeat", () => {
    const cluster = new RaftCluster({ seed: 8, voters: ["a", "b", "c"] });
    const leader = cluster.elect();
    cluster.run(150);
    const index = cluster.propose(leader.id) ?? 0;
    // Append 1 ms, disk 2 ms, ack 1 ms, commit 1 ms, apply 1 ms.
    cluster.run(8);
    for (const node of cluster.nodes.values()) expect(node.applied).to.equal(index);
  });

  it("B2: tells of a commit those who wait for nothing else, and no more than each verifiably has; no answer comes", () => {
    const leader = new RaftMember("a").lead("b");
    leader.ack("b", 2);
    expect(leader.out("commit").map(({ to, commit }) => [to, commit])).to.deep.equal([["b", 2]]);
    leader.propose();
    leader.ack("c", 2);
    expect(leader.out("commit"), "an append is on its way to c").to.deep.equal([]);
    const follower = new RaftMember("b", { terms: [2], hardState: { term: 2 } });
    expect(follower.receive({ type: "commit", from: "a", commit: 2 })).to.deep.equal([]);
    expect(follower.status.commit).to.equal(2);
    expect(() => follower.receive({ type: "commit", from: "a", commit: 9 })).to.throw(AssertionFailure, "gone");
  });

  it("B2: says in a heartbeat no more than the peer verifiably has", () => {
    const leader = new RaftMember("a").lead("b");
    leader.ack("b", 2);
    const beats = leader.tick(DEFAULT_RAFT_OPTIONS.heartbeatTicks).filter((message) => message.type === "heartbeat");
    expect(beats.map(({ to, commit }) => [to, commit])).to.deep.equal([
      ["b", 2],
      ["c", 0],
    ]);
  });
});

describe("raft follower", () => {
  it("R2: commits only what an append verified, and crashes rather than lack what it acknowledged", () => {
    const follower = new RaftMember("a", { terms: [2, 2, 2], hardState: { term: 5 } });
    follower.append("b", [2, 2], [], 4);
    expect(follower.status.commit, "the tail was not verified").to.equal(2);
    follower.receive({ type: "heartbeat", from: "b", commit: 2, readSeq: 0 });
    expect(follower.status.commit).to.equal(2);
    expect(() => follower.receive({ type: "heartbeat", from: "b", commit: 9, readSeq: 0 })).to.throw(
      AssertionFailure,
      "gone",
    );
  });

  it("R3: a late append that is a prefix truncates nothing; a conflict truncates from itself on", () => {
    const follower = new RaftMember("a", { terms: [2, 2, 2, 2], hardState: { term: 3 } });
    follower.append("b", [1, 1], [entry(2, 2), entry(3, 2)]);
    expect(follower.status.lastIndex).to.equal(5);
    expect(follower.persists).to.deep.equal([]);
    follower.append("b", [2, 2], [entry(3, 2), entry(4, 3)]);
    expect(follower.status.lastIndex).to.equal(4);
    expect([2, 3, 4].map((index) => follower.core.termAt(index))).to.deep.equal([2, 2, 3]);
  });

  it("never truncates what is committed", () => {
    const follower = new RaftMember("a", { terms: [2, 2], hardState: { term: 3, commit: 3 } });
    expect(() => follower.append("b", [1, 1], [entry(2, 3)])).to.throw(AssertionFailure);
    const other = new RaftMember("a", { terms: [2, 2], hardState: { term: 3, commit: 3 } });
    expect(() => other.append("b", [3, 3], [])).to.throw(AssertionFailure, "every committed entry");
  });

  it("acknowledges only what is durable, once for many appends", () => {
    const follower = new RaftMember("a", { slowDisk: true });
    follower.append("b", [1, 1], [entry(2, 1)]);
    follower.append("b", [2, 1], [entry(3, 1)]);
    expect(follower.sent).to.deep.equal([]);
    follower.persist(1);
    expect(follower.out("append-reply").map(({ index }) => index)).to.deep.equal([2]);
    follower.sent.length = 0;
    follower.persist(1);
    expect(follower.out("append-reply").map(({ index }) => index)).to.deep.equal([3]);
    follower.append("b", [3, 1], []);
    expect(follower.out("append-reply").map(({ ok, index }) => [ok, index])).to.deep.equal([[true, 3]]);
  });

  it("acknowledges nothing in a term that is not durable yet", () => {
    const follower = new RaftMember("a", { terms: [1], slowDisk: true });
    follower.receive({ type: "append", from: "b", term: 4, prevIndex: 2, prevTerm: 1, entries: [], commit: 2 });
    expect(follower.sent).to.deep.equal([]);
    expect(follower.persists[0]).to.deep.include({ entries: [], hardState: { term: 4, vote: null, commit: 2 } });
    follower.persist();
    expect(follower.out("append-reply")[0]).to.include({ ok: true, index: 2, term: 4 });
  });

  it("B15: a write that was overtaken by a truncation credits nothing that came back meanwhile (ABA)", () => {
    const follower = new RaftMember("a", { slowDisk: true });
    const send = (from: string, term: number, entries: readonly ReturnType<typeof entry>[]): void => {
      follower.receive({ type: "append", from, term, prevIndex: 1, prevTerm: 1, entries, commit: 1 });
    };
    send("b", 2, [entry(2, 2), entry(3, 2)]);
    send("c", 3, [entry(2, 3)]);
    // The leader of term 4 has what the one of term 2 wrote.
    send("b", 4, [entry(2, 2), entry(3, 2)]);
    follower.sent.length = 0;
    follower.persist(2);
    expect(follower.out("append-reply"), "the disk holds the entry of term 3").to.deep.equal([]);
    follower.persist(1);
    expect(follower.out("append-reply").map(({ index, term }) => [index, term])).to.deep.equal([[3, 4]]);
  });

  it("does not take what one leader verified for another's, nor for the same one's of a later term", () => {
    for (const next of ["c", "b"]) {
      const follower = new RaftMember("a", { hardState: { term: 2 } });
      follower.append("b", [1, 1], [entry(2, 2), entry(3, 2)]);
      expect(follower.out("append-reply")[0]).to.include({ ok: true, index: 3 });
      follower.receive({ type: "append", from: next, term: 4, prevIndex: 1, prevTerm: 1, entries: [], commit: 1 });
      expect(follower.out("append-reply")[0], `to ${next}`).to.include({ ok: true, index: 1 });
    }
  });

  it("insists that writes complete in order", () => {
    const follower = new RaftMember("a", { slowDisk: true });
    follower.append("b", [1, 1], [entry(2, 1)]);
    follower.append("b", [2, 1], [entry(3, 1)]);
    expect(() => follower.step({ type: "persisted", token: follower.tokens[1] ?? 0 })).to.throw(
      AssertionFailure,
      "in order",
    );
  });

  it("hints at its last entry whose term is not above the probe's", () => {
    const follower = new RaftMember("a", { terms: [2, 2, 5, 5, 5], hardState: { term: 6 } });
    follower.append("b", [6, 3], []);
    expect(follower.out("append-reply")[0]).to.include({ ok: false, index: 6, hintIndex: 3, hintTerm: 2 });
    follower.append("b", [20, 6], []);
    expect(follower.out("append-reply")[0]).to.include({ ok: false, index: 20, hintIndex: 6, hintTerm: 5 });
  });

  it("R14: hands out everything committed once, from where its state machine stands", () => {
    const config = voters("a", "b", "c");
    const entries = [founding, entry(2, 1), entry(3, 1), entry(4, 1)];
    const follower = new RaftMember("a", { config, entries, hardState: { term: 1, commit: 3 } });
    follower.tick();
    expect(follower.committed.map(({ index }) => index)).to.deep.equal([1, 2, 3]);
    follower.append("b", [4, 1], [], 4);
    expect(follower.committed.map(({ index }) => index)).to.deep.equal([1, 2, 3, 4]);
  });

  it("refuses to start on a disk that lost committed entries", () => {
    expect(() => new RaftMember("a", { terms: [1], hardState: { commit: 9 } })).to.throw(AssertionFailure, "missing");
  });

  it("the commit index alone causes no write", () => {
    const follower = new RaftMember("a", { terms: [1, 1] });
    follower.append("b", [3, 1], [], 3);
    expect(follower.status.commit).to.equal(3);
    expect(follower.persists).to.deep.equal([]);
  });
});

describe("raft replication under a hostile network", () => {
  it("R12: holds with every message doubled, overtaken and late", () => {
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
});
