import { expect } from "chai";
import { cutText } from "../../../src/util/text.ts";

describe("util/text", () => {
  it("leaves what fits, by bytes", () => {
    expect(cutText("plain", 5)).to.equal("plain");
    expect(cutText("語語", 6)).to.equal("語語");
  });

  it("cuts between characters, never beyond the bytes asked for", () => {
    for (const text of ["a".repeat(50), "語".repeat(50), "🚢".repeat(50), "a語🚢".repeat(20)]) {
      for (let max = 3; max < 40; max += 1) {
        const cut = cutText(text, max);
        expect(Buffer.byteLength(cut)).to.be.within(max - 6, max);
        expect(cut.endsWith("…")).to.equal(true);
        expect(text.startsWith(cut.slice(0, -1))).to.equal(true);
        expect(Buffer.from(cut).toString(), "no half of a character").to.equal(cut);
      }
    }
  });
});
