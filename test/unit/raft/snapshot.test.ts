import { expect } from "chai";
import { AssertionFailure } from "../../../src/util/assert.ts";
import { RaftCore } from "../../../src/raft/core.ts";
import { DEFAULT_RAFT_OPTIONS } from "../../../src/raft/types.ts";
import { RaftCluster, changed } from "../../support/raft-harness.ts";
import { RaftMember, configEntry, entry, snapshotMeta, voters } from "../../support/raft-member.ts";

const ABC = voters("a", "b", "c");

describe("raft snapshots", () => {
  it("C1: brings a follower behind the compaction point up by snapshot, then log", () => {
    const cluster = new RaftCluster({ seed: 1, voters: ["a", "b", "c"], snapshotEach: 20 });
    const leader = cluster.elect();
    const away = [...cluster.nodes.keys()].find((id) => id !== leader.id) ?? "";
    cluster.crash(away);
    for (let i = 0; i < 100; i++) {
      cluster.propose(leader.id);
      cluster.run(20);
    }
    cluster.start(away);
    cluster.runUntil(() => cluster.hasConverged(), 10_000, "convergence");
    expect(cluster.counts.installs).to.be.greaterThan(0);
    expect(cluster.node(away).chain.at(-1)).to.equal(leader.chain.at(-1));
  });

  it("C2: keeps the log that a slow pull needs, so that one pull is enough under constant writes", () => {
    const cluster = new RaftCluster({
      seed: 2,
      voters: ["a", "b", "c"],
      snapshotEach: 5,
      faults: { pullMs: [3_000, 3_000] },
    });
    const leader = cluster.elect();
    const away = [...cluster.nodes.keys()].find((id) => id !== leader.id) ?? "";
    cluster.crash(away);
    const write = (ms: number): void => {
      for (let at = 0; at < ms; at += 50) {
        cluster.propose(leader.id);
        cluster.run(50);
      }
    };
    write(3_000);
    cluster.start(away);
    write(10_000);
    expect(cluster.counts.installs).to.equal(1);
    cluster.runUntil(() => cluster.hasConverged(), 2_000, "convergence");
  });

  it("C4: ignores a stale snapshot, and acknowledges it", () => {
    const follower = new RaftMember("a", { terms: [1, 1, 1], hardState: { commit: 4 } });
    follower.receive({ type: "snapshot", from: "b", meta: snapshotMeta(3, 1, ABC) });
    expect(follower.sent).to.deep.equal([{ type: "snapshot-reply", from: "a", to: "b", term: 1, index: 4, ok: true }]);
    expect(follower.status.lastIndex).to.equal(4);
  });

  it("C4: only moves its commit forward for a snapshot that its log leads up to, and keeps the tail", () => {
    const follower = new RaftMember("a", { terms: [1, 1, 1, 1] });
    follower.receive({ type: "snapshot", from: "b", meta: snapshotMeta(3, 1, ABC) });
    expect(follower.out("snapshot-reply")[0]).to.include({ ok: true, index: 3 });
    expect(follower.status).to.include({ commit: 3, lastIndex: 5 });
    expect(follower.committed.map(({ index }) => index)).to.deep.equal([1, 2, 3]);
  });

  it("pulls one that it needs, once, and starts over from it when it is installed", () => {
    const meta = snapshotMeta(50, 4, changed(ABC, "d", "learner"));
    const follower = new RaftMember("a", { terms: [2, 2], hardState: { term: 4 } });
    const ask = { type: "message", message: { type: "snapshot", from: "b", to: "a", term: 4, meta } } as const;
    expect(follower.core.step(ask).fetchSnapshot).to.deep.equal({ from: "b", meta });
    expect(follower.core.step(ask).fetchSnapshot, "repeated while it pulls").to.equal(null);
    expect(follower.core.beginInstall(meta)).to.equal(true);
    follower.append("b", [3, 2], [entry(4, 4)], 4);
    expect(follower.status, "the log stands still").to.include({ lastIndex: 3, commit: 1 });
    follower.receive({ type: "heartbeat", from: "b", commit: 1, readSeq: 7 });
    expect(follower.out("heartbeat-reply")[0]).to.include({ readSeq: 7 });
    follower.sent.length = 0;
    follower.step({ type: "snapshot-installed", meta });
    expect(follower.status).to.deep.include({ lastIndex: 50, commit: 50, applied: 50, config: meta.config });
    expect(follower.out("snapshot-reply")[0]).to.include({ ok: true, index: 50, to: "b" });
    expect([follower.core.firstIndex, follower.core.termAt(50)]).to.deep.equal([51, 4]);
    follower.append("b", [50, 4], [entry(51, 4)], 51);
    expect(follower.committed.at(-1)?.index).to.equal(51);
  });

  it("C6: a new leader's snapshot replaces the old one's, whose failure then means nothing", () => {
    const follower = new RaftMember("a", { hardState: { term: 4 } });
    const first = snapshotMeta(50, 4, ABC);
    const second = snapshotMeta(60, 5, ABC);
    follower.step({ type: "message", message: { type: "snapshot", from: "b", to: "a", term: 4, meta: first } });
    const effects = follower.core.step({
      type: "message",
      message: { type: "snapshot", from: "c", to: "a", term: 5, meta: second },
    });
    expect(effects.fetchSnapshot).to.deep.equal({ from: "c", meta: second });
    expect(follower.core.step({ type: "snapshot-failed", from: "b", index: 50 }).messages).to.deep.equal([]);
    expect(follower.core.step({ type: "snapshot-failed", from: "c", index: 60 }).messages[0] ?? null).to.equal(null);
  });

  it("tells its leader when a pull failed, and takes the next offer", () => {
    const follower = new RaftMember("a", { hardState: { term: 4 } });
    const meta = snapshotMeta(50, 4, ABC);
    follower.receive({ type: "snapshot", from: "b", meta });
    follower.step({ type: "snapshot-failed", from: "b", index: 50 });
    expect(follower.out("snapshot-reply")[0]).to.include({ ok: false, index: 50, to: "b" });
    const again = follower.core.step({
      type: "message",
      message: { type: "snapshot", from: "b", to: "a", term: 4, meta },
    });
    expect(again.fetchSnapshot).to.not.equal(null);
  });

  it("goes on installing when an older pull reports its failure late", () => {
    const follower = new RaftMember("a", { hardState: { term: 4 } });
    const meta = snapshotMeta(50, 4, ABC);
    follower.receive({ type: "snapshot", from: "b", meta });
    expect(follower.core.beginInstall(meta)).to.equal(true);
    follower.step({ type: "snapshot-failed", from: "b", index: 40 });
    follower.step({ type: "snapshot-failed", from: "c", index: 50 });
    follower.append("b", [1, 1], [entry(2, 4)], 1);
    expect(follower.status.lastIndex).to.equal(1);
    follower.step({ type: "snapshot-failed", from: "b", index: 50 });
    follower.append("b", [1, 1], [entry(2, 4)], 1);
    expect(follower.status.lastIndex).to.equal(2);
  });

  it("refuses to install what its log has overtaken", () => {
    const follower = new RaftMember("a", { hardState: { term: 4 } });
    const meta = snapshotMeta(3, 4, ABC);
    follower.receive({ type: "snapshot", from: "b", meta });
    follower.append("b", [1, 1], [entry(2, 4), entry(3, 4)], 1);
    expect(follower.core.beginInstall(meta)).to.equal(false);
    follower.sent.length = 0;
    follower.step({ type: "snapshot-failed", from: "b", index: 3 });
    expect(follower.out("snapshot-reply")[0]).to.include({ ok: true, index: 3 });
    expect(follower.status.commit).to.equal(3);
  });

  it("C7: a snapshot carries the membership of its index, not the latest", () => {
    const withD = changed(ABC, "d", "learner");
    const member = new RaftMember("a", {
      entries: [configEntry(1, 1, ABC), entry(2, 1), configEntry(3, 1, withD), entry(4, 1)],
      hardState: { commit: 4 },
    });
    member.tick();
    expect(member.core.configAt(2)).to.deep.equal(ABC);
    member.step({ type: "snapshot-taken", meta: snapshotMeta(2, 1, member.core.configAt(2)), compactTo: 2 });
    expect(member.core.configAt(2)).to.deep.equal(ABC);
    expect(member.core.configAt(3)).to.deep.equal(withD);
    expect(member.core.firstIndex).to.equal(3);
  });

  it("compacts what its snapshot covers and keeps what it was told to keep", () => {
    const member = new RaftMember("a", { terms: [1, 1, 1, 1], hardState: { commit: 5 } });
    member.tick();
    member.step({ type: "snapshot-taken", meta: snapshotMeta(4, 1, ABC), compactTo: 2 });
    expect(member.core.firstIndex).to.equal(3);
    expect(member.core.entriesFrom(3, 1_000_000).map(({ index }) => index)).to.deep.equal([3, 4, 5]);
    expect(() => member.step({ type: "snapshot-taken", meta: snapshotMeta(9, 1, ABC), compactTo: 9 })).to.throw(
      AssertionFailure,
      "applied",
    );
  });

  it("starts from a snapshot whose log is gone or ends before it, and refuses one that it contradicts", () => {
    const meta = snapshotMeta(10, 3, ABC);
    const member = new RaftMember("a", { snapshot: meta, terms: [3, 3] });
    expect(member.status).to.deep.include({ lastIndex: 12, commit: 10, applied: 10, config: ABC });
    const options = {
      id: "a",
      hardState: { term: 3, vote: null, commit: 2 },
      snapshot: meta,
      prevIndex: 0,
      prevTerm: 0,
      applied: 10,
    };
    const behind = new RaftCore(
      { ...options, entries: [configEntry(1, 1, ABC), entry(2, 1)] },
      { ...DEFAULT_RAFT_OPTIONS, random: () => 0 },
    );
    expect([behind.firstIndex, behind.lastIndex, behind.status().commit]).to.deep.equal([11, 10, 10]);
    const wrong = Array.from({ length: 12 }, (_, i) => entry(i + 1, 1));
    expect(() => new RaftMember("a", { snapshot: meta, entries: wrong })).to.throw(AssertionFailure);
  });

  it("offers a snapshot instead of what is compacted, and goes on behind it", () => {
    const leader = new RaftMember("a", { snapshot: snapshotMeta(10, 3, ABC), terms: [3] }).lead("b");
    leader.receive({ type: "append-reply", from: "c", ok: false, index: 11, hintIndex: 4, hintTerm: 2 });
    expect(leader.out("snapshot", "c").map(({ meta }) => meta.index)).to.deep.equal([10]);
    leader.ack("b", 12);
    leader.propose();
    expect(leader.out("append", "c"), "silent until it has pulled").to.deep.equal([]);
    leader.receive({ type: "snapshot-reply", from: "c", ok: true, index: 10 });
    expect(leader.out("append", "c").map(({ prevIndex, entries }) => [prevIndex, entries.length])).to.deep.equal([
      [10, 3],
    ]);
  });

  it("offers again after a failed pull, but only at the next heartbeat", () => {
    const leader = new RaftMember("a", { snapshot: snapshotMeta(10, 3, ABC) }).lead("b");
    leader.receive({ type: "append-reply", from: "c", ok: false, index: 10, hintIndex: 4, hintTerm: 2 });
    leader.receive({ type: "snapshot-reply", from: "c", ok: false, index: 10 });
    expect(leader.sent).to.deep.equal([]);
    leader.receive({ type: "heartbeat-reply", from: "c", readSeq: 0 });
    expect(leader.out("snapshot", "c")).to.have.length(1);
  });
});
