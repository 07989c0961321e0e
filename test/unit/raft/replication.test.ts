import { expect } from "chai";
import fc from "fast-check";
import { AssertionFailure } from "../../../src/util/assert.ts";
import { makeConfig } from "../../../src/raft/config.ts";
import { RaftMember } from "../../support/raft-member.ts";
import type { Member } from "../../../src/raft/types.ts";

describe("raft leader", () => {
  it("commits what a majority of the voters has, if it is of its own term, whatever learners say: as counting one by one does", () => {
    const role = fc.constantFrom<Member["role"]>("voter", "voter", "learner");
    const roles = fc.array(role, { maxLength: 6 });
    const acks = fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 12 })), { maxLength: 30 });
    fc.assert(
      fc.property(roles, acks, (given, answers) => {
        const peers = given.map((as, at): Member => ({ id: `m${at}`, address: `m${at}:1`, role: as }));
        const config = makeConfig([{ id: "a", address: "a:1", role: "voter" }, ...peers]);
        const voters = peers.filter((peer) => peer.role === "voter").map(({ id }) => id);
        // Entries 2-4 are of older terms, 5 is its no-op.
        const leader = new RaftMember("a", { config, terms: [1, 1, 2] }).lead(...voters);
        const match = new Map<string, number>([["a", 5]]);
        const committed = (): number => {
          const has = (index: number): number => ["a", ...voters].filter((id) => (match.get(id) ?? 0) >= index).length;
          for (let index = leader.status.lastIndex; index >= 5; index--) {
            if (has(index) * 2 > voters.length + 1) return index;
          }
          return 1;
        };
        const check = (): void => void expect(leader.status.commit).to.equal(committed());
        check();
        for (const [at, index] of answers) {
          const peer = peers[at];
          if (peer === undefined || index > leader.status.lastIndex) {
            if (leader.core.canPropose(1).ok) leader.propose();
            match.set("a", leader.status.lastIndex);
          } else {
            leader.ack(peer.id, index);
            match.set(peer.id, Math.max(match.get(peer.id) ?? 0, index));
          }
          check();
        }
      }),
    );
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
});
