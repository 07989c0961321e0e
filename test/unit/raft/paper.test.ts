/**
 * Sentences of the paper that hold for every message, role or roll of the dice. What a history of
 * messages shows, the scripts say.
 */
import { expect } from "chai";
import fc from "fast-check";
import { DEFAULT_RAFT_OPTIONS } from "../../../src/raft/types.ts";
import { RaftMember, entry, snapshotMeta, voters } from "../../support/raft-member.ts";
import type { Message } from "../../../src/raft/types.ts";

const ABC = voters("a", "b", "c");

/** A member of term 5 in each role; `a` is always it. */
const ROLES: Readonly<Record<string, () => RaftMember>> = {
  follower: () => {
    const member = new RaftMember("a", { terms: [1, 5] });
    member.append("b", [3, 5], []);
    return member;
  },
  "pre-candidate": () => {
    const member = new RaftMember("a", { terms: [1, 5] });
    member.tick(40);
    return member;
  },
  candidate: () => {
    const member = new RaftMember("a", { terms: [1], hardState: { term: 4 } });
    member.tick(40);
    member.receive({ type: "pre-vote-reply", from: "b", granted: true, term: 5 });
    return member;
  },
  leader: () => new RaftMember("a", { terms: [1], hardState: { term: 4 } }).lead("c"),
};

function messagesOf(term: number): readonly Message[] {
  const envelope = { from: "b", to: "a", term } as const;
  return [
    { ...envelope, type: "pre-vote", lastIndex: 9, lastTerm: term },
    { ...envelope, type: "pre-vote-reply", granted: true },
    { ...envelope, type: "pre-vote-reply", granted: false },
    { ...envelope, type: "vote", lastIndex: 9, lastTerm: term, transfer: false },
    { ...envelope, type: "vote", lastIndex: 9, lastTerm: term, transfer: true },
    { ...envelope, type: "vote-reply", granted: true },
    { ...envelope, type: "vote-reply", granted: false },
    { ...envelope, type: "append", prevIndex: 1, prevTerm: 1, entries: [entry(2, 1)], commit: 1 },
    { ...envelope, type: "append-reply", ok: true, index: 2, hintIndex: 0, hintTerm: 0 },
    { ...envelope, type: "append-reply", ok: false, index: 2, hintIndex: 1, hintTerm: 1 },
    { ...envelope, type: "heartbeat", commit: 1, readSeq: 1 },
    { ...envelope, type: "heartbeat-reply", readSeq: 1 },
    { ...envelope, type: "commit", commit: 1 },
    { ...envelope, type: "snapshot", meta: snapshotMeta(20, term, ABC) },
    { ...envelope, type: "snapshot-reply", ok: true, index: 2 },
    { ...envelope, type: "timeout-now" },
    { ...envelope, type: "read-index", requestId: 7 },
    { ...envelope, type: "read-index-reply", requestId: 7, index: 2, ok: true },
  ];
}

/** Votes are the exception: nobody has entered a term that is only asked for, and who hears a leader helps nobody. */
function raisesTerm(message: Message, role: string): boolean {
  if (message.type === "pre-vote") return false;
  if (message.type === "pre-vote-reply") return !message.granted;
  if (message.type === "vote" && !message.transfer) return role !== "leader";
  return true;
}

describe("raft paper", () => {
  for (const [role, make] of Object.entries(ROLES)) {
    it(`§5.1 a ${role} that hears of a later term goes there as a follower`, () => {
      expect(make().status).to.include({ role, term: 5 });
      for (const message of messagesOf(8)) {
        const member = make();
        member.receive(message);
        const what = `${message.type} ${JSON.stringify(message)}`;
        if (!raisesTerm(message, role)) {
          expect(member.status, what).to.include({ term: 5, role });
          continue;
        }
        // A word to campaign at once is obeyed in the term after.
        const isTold = message.type === "timeout-now";
        expect(member.status, what).to.include({ term: isTold ? 9 : 8, role: isTold ? "candidate" : "follower" });
        expect(member.hardState.term, `${what}, on disk`).to.equal(isTold ? 9 : 8);
      }
    });

    it(`§5.1 a ${role} changes nothing for a message of an earlier term`, () => {
      for (const message of messagesOf(4)) {
        const member = make();
        const before = { status: member.status, log: member.core.entriesFrom(1, Infinity) };
        const effects = member.core.step({ type: "message", message });
        const after = { status: member.status, log: member.core.entriesFrom(1, Infinity) };
        expect(after, message.type).to.deep.equal(before);
        expect({ ...effects, messages: [] }, message.type).to.deep.equal({
          messages: [],
          persist: null,
          committed: [],
          reads: [],
          fetchSnapshot: null,
          statusChanged: false,
          removed: false,
        });
        for (const reply of effects.messages) expect([reply.to, reply.term], message.type).to.deep.equal(["b", 5]);
      }
    });
  }

  it("§5.2 an election timeout is one election time and a part of another, as the dice say", () => {
    const { electionTicks } = DEFAULT_RAFT_OPTIONS;
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (dice) => {
        const member = new RaftMember("a", { raft: { random: () => dice } });
        const timeout = electionTicks + Math.floor(dice * electionTicks);
        expect(member.tick(timeout - 1)).to.deep.equal([]);
        expect(member.tick(1).map(({ type }) => type)).to.deep.equal(["pre-vote", "pre-vote"]);
      }),
    );
  });

  it("§5.4.1 a vote goes to a log whose last term is later, or equal with no fewer entries, and to no other", () => {
    const terms = fc
      .array(fc.integer({ min: 1, max: 3 }), { maxLength: 4 })
      .map((list) => list.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(terms, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 6 }), (own, lastTerm, lastIndex) => {
        const member = new RaftMember("a", { terms: own });
        const ownTerm = own.at(-1) ?? 1;
        const isUpToDate = lastTerm === ownTerm ? lastIndex >= own.length + 1 : lastTerm > ownTerm;
        member.receive({ type: "vote", from: "b", term: 9, lastIndex, lastTerm, transfer: false });
        expect(member.out("vote-reply").map(({ granted }) => granted)).to.deep.equal([isUpToDate]);
      }),
    );
  });
});
