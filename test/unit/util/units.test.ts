import { expect } from "chai";
import { formatSpan } from "../../../src/util/units.ts";

describe("util/units", () => {
  const spans: readonly (readonly [number, string])[] = [
    [0, "0ms"],
    [-5, "0ms"],
    [999, "999ms"],
    [1000, "1s"],
    [59_600, "1m"],
    [90_000, "1m30s"],
    [3_600_000, "1h"],
    [3_660_000, "1h1m"],
    [3_605_000, "1h"],
    [90_000_000, "25h"],
  ];
  for (const [ms, text] of spans) {
    it(`writes ${ms} ms as ${text}`, () => {
      expect(formatSpan(ms)).to.equal(text);
    });
  }
});
