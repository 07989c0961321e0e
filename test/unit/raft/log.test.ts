import { expect } from "chai";
import fc from "fast-check";
import { AssertionFailure } from "../../../src/util/assert.ts";
import { ENTRY_OVERHEAD_BYTES, RaftLog } from "../../../src/raft/log.ts";
import { RaftMember, entry } from "../../support/raft-member.ts";

function logOf(terms: readonly number[], prevIndex = 0, prevTerm = 0): RaftLog {
  return new RaftLog(
    prevIndex,
    prevTerm,
    terms.map((term, i) => entry(prevIndex + 1 + i, term)),
  );
}

describe("raft log", () => {
  it("refuses a hole and a falling term", () => {
    expect(() => new RaftLog(0, 0, [entry(1, 1), entry(3, 1)])).to.throw(AssertionFailure, "contiguous");
    expect(() => logOf([2, 1])).to.throw(AssertionFailure, "never fall");
    expect(() => logOf([1]).append(entry(3, 1))).to.throw(AssertionFailure, "contiguous");
  });

  it("knows the term at the compaction point and none before it", () => {
    const log = logOf([1, 1, 2]);
    log.compactTo(2);
    expect(log.firstIndex).to.equal(3);
    expect([log.termAt(1), log.termAt(2), log.termAt(3), log.termAt(4)]).to.deep.equal([null, 1, 2, null]);
    log.compactTo(1);
    expect(log.firstIndex, "compaction never goes back").to.equal(3);
  });

  it("slices by bytes, and gives a lone oversized entry all the same", () => {
    const log = new RaftLog(
      0,
      0,
      [1, 2, 3].map((index) => entry(index, 1, "normal", new Uint8Array(100))),
    );
    const one = 100 + ENTRY_OVERHEAD_BYTES;
    expect(log.slice(1, 1).map(({ index }) => index)).to.deep.equal([1]);
    expect(log.slice(1, 2 * one).map(({ index }) => index)).to.deep.equal([1, 2]);
    expect(log.slice(2, 100 * one).map(({ index }) => index)).to.deep.equal([2, 3]);
  });

  it("finds the last entry whose term is low enough, as a walk backwards does", () => {
    const terms = fc.array(fc.nat(3), { maxLength: 20 }).map((steps) => {
      let term = 1;
      return steps.map((step) => (term += step));
    });
    fc.assert(
      fc.property(terms, fc.nat(25), fc.nat(30), (given, index, term) => {
        const log = logOf(given, 5, 1);
        let expected = Math.min(index + 5, log.lastIndex);
        while (expected > 5 && (log.termAt(expected) ?? 0) > term) expected--;
        expect(log.lastWithTermAtMost(index + 5, term)).to.equal(expected);
      }),
    );
  });
});

/** Two logs as Raft can make them: alike up to some entry, then of terms that only one of them has. */
const TWO_LOGS = fc.record({ common: steps(6), mine: steps(12), theirs: steps(12) }).map(({ common, mine, theirs }) => {
  const terms = ascending(1, common);
  const last = terms.at(-1) ?? 1;
  // Even terms for one, odd ones for the other.
  const branch = (parity: number, by: readonly number[]): number[] =>
    ascending(last, by).map((term) => 2 * term + parity);
  return { leader: [...terms, ...branch(0, mine)], follower: [...terms, ...branch(1, theirs)], common: terms.length };
});

function steps(maxLength: number): fc.Arbitrary<number[]> {
  return fc.array(fc.nat(2), { maxLength });
}

function ascending(from: number, by: readonly number[]): number[] {
  let term = from;
  return by.map((step) => (term += step));
}

function termsOf(member: RaftMember): number[] {
  // Behind the founding entry.
  return member.core.entriesFrom(2, Infinity).map(({ term }) => term);
}

describe("raft conflict search", () => {
  it("R6: brings any follower to its leader's log, in one round trip for each of its terms that differ, and two", () => {
    fc.assert(
      fc.property(TWO_LOGS, ({ leader: mine, follower: theirs, common }) => {
        const term = Math.max(1, ...mine, ...theirs);
        const leader = new RaftMember("a", { terms: mine, hardState: { term } }).lead("b");
        const follower = new RaftMember("c", { terms: theirs, hardState: { term } });
        const strange = new Set(theirs.slice(common)).size;
        let trips = 0;
        for (let [ask] = leader.out("append", "c"); ask !== undefined; [ask] = leader.out("append", "c")) {
          trips++;
          const [answer] = follower.receive(ask);
          if (answer === undefined) throw new Error("An append is always answered");
          leader.receive(answer);
          if (answer.type === "append-reply" && answer.ok) break;
        }
        expect(termsOf(follower)).to.deep.equal(termsOf(leader));
        expect(leader.status.peers.find(({ id }) => id === "c")?.match).to.equal(leader.status.lastIndex);
        expect(trips).to.be.at.most(strange + 2);
      }),
      { numRuns: 300 },
    );
  });

  it("R3: stores an append as a naive follower does: what agrees stays, from the first conflict on it is the leader's", () => {
    const append = fc.record({ logs: TWO_LOGS, prev: fc.nat(20), count: fc.nat(20) });
    fc.assert(
      fc.property(append, ({ logs, prev, count }) => {
        const term = Math.max(1, ...logs.leader, ...logs.follower);
        const follower = new RaftMember("a", { terms: logs.follower, hardState: { term } });
        // Index by index, the founding entry included.
        const [mine, theirs] = [
          [1, ...logs.leader],
          [1, ...logs.follower],
        ];
        const prevIndex = 1 + (prev % mine.length);
        const entries = mine.slice(prevIndex, prevIndex + count).map((of, at) => entry(prevIndex + 1 + at, of));
        const [reply] = follower.append("b", [prevIndex, mine[prevIndex - 1] ?? 0], entries);

        let expected = theirs;
        const isAccepted = theirs[prevIndex - 1] === mine[prevIndex - 1];
        if (isAccepted) {
          const conflict = entries.findIndex(({ index, term: of }) => theirs[index - 1] !== of);
          if (conflict !== -1) expected = mine.slice(0, prevIndex + entries.length);
        }
        expect([1, ...termsOf(follower)]).to.deep.equal(expected);
        expect(reply).to.include({ type: "append-reply", ok: isAccepted });
        if (isAccepted) expect(reply).to.include({ index: prevIndex + entries.length });
      }),
      { numRuns: 300 },
    );
  });
});
