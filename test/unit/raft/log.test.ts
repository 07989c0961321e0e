import { expect } from "chai";
import fc from "fast-check";
import { AssertionFailure } from "../../../src/util/assert.ts";
import { ENTRY_OVERHEAD_BYTES, RaftLog } from "../../../src/raft/log.ts";
import { entry } from "../../support/raft-member.ts";

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

  it("prefers the later last term over the longer log", () => {
    const log = logOf([1, 1, 2]);
    expect(log.isUpToDate(9, 1)).to.equal(false);
    expect(log.isUpToDate(2, 2)).to.equal(false);
    expect(log.isUpToDate(3, 2)).to.equal(true);
    expect(log.isUpToDate(1, 3)).to.equal(true);
  });
});
