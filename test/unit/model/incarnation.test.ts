import { expect } from "chai";
import fc from "fast-check";
import { nextIncarnation, relate } from "../../../src/model/incarnation.ts";

describe("model/incarnation", () => {
  it("orders lives by when they began, the first one before all", () => {
    expect(relate("abc", "abc")).to.equal("same");
    expect(relate("100.x", "abc")).to.equal("newer");
    expect(relate("abc", "100.x")).to.equal("older");
    expect(relate("99.x", "100.x")).to.equal("older");
    expect(relate("100.y", "100.x")).to.equal("other");
    expect(relate("def", "abc")).to.equal("other");
    for (const [theirs, ours] of [
      ["", "abc"],
      ["abc", ""],
      ["", ""],
    ] as const)
      expect(relate(theirs, ours)).to.equal("unknown");
  });

  it("makes every life newer than the one it began from, whatever the clock says", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1, max: 4e12 }), { minLength: 1, maxLength: 8 }), (clocks) => {
        let last = "firstlife";
        for (const [at, wallMs] of clocks.entries()) {
          const next = nextIncarnation(last, { id: `id${at}`, wallMs });
          expect(relate(next, last), `${next} after ${last}`).to.equal("newer");
          expect(relate(last, next)).to.equal("older");
          last = next;
        }
      }),
    );
  });

  it("makes the later of two recoveries from one state the newer", () => {
    const one = nextIncarnation("first", { id: "a", wallMs: 1_700_000_000_000 });
    const two = nextIncarnation("first", { id: "b", wallMs: 1_700_000_060_000 });
    expect(relate(two, one)).to.equal("newer");
  });
});
