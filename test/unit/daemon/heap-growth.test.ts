import { expect } from "chai";
import { FREE_BELOW_BYTES, isTight, TIGHT_FROM_BYTES } from "../../../src/daemon/heap-growth.ts";

describe("daemon/heap-growth", () => {
  it("bounds the growth of a large heap, and leaves it until the heap is small again", () => {
    expect(isTight(TIGHT_FROM_BYTES - 1, false)).to.equal(false);
    expect(isTight(TIGHT_FROM_BYTES, false)).to.equal(true);
    expect(isTight(FREE_BELOW_BYTES, true)).to.equal(true);
    expect(isTight(FREE_BELOW_BYTES - 1, true)).to.equal(false);
  });
});
