import { expect } from "chai";
import { AssertionFailure } from "../../../src/util/assert.ts";
import { RaftCore } from "../../../src/raft/core.ts";
import { DEFAULT_RAFT_OPTIONS } from "../../../src/raft/types.ts";
import { RaftMember, configEntry, entry, snapshotMeta, voters } from "../../support/raft-member.ts";

const ABC = voters("a", "b", "c");

describe("raft snapshots", () => {
  it("says that it has what one holds only once that is durable, or it would be offered again at once", () => {
    const follower = new RaftMember("a", { terms: [1], slowDisk: true });
    follower.append("b", [2, 1], [entry(3, 1), entry(4, 1)], 4);
    follower.receive({ type: "snapshot", from: "b", meta: snapshotMeta(4, 1, ABC) });
    expect(follower.sent).to.deep.equal([]);
    follower.persist();
    expect(follower.out("append-reply").map(({ ok, index }) => [ok, index])).to.deep.equal([[true, 4]]);
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

  it("holds no more than what was applied", () => {
    const member = new RaftMember("a", { terms: [1, 1, 1, 1], hardState: { commit: 5 } });
    member.tick();
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
});
