// What the proof of nodes in trouble goes by: it must see that something ran twice, too soon, too late or never.
import { expect } from "chai";

import { Finding } from "../../../scripts/prove/nodes/finding.ts";
import { createdAfterMs, overlapMs } from "../../../scripts/prove/nodes/stage.ts";
import type { Life } from "../../../scripts/prove/nodes/stage.ts";

function life(fromMs: number, untilMs: number): Life {
  return { node: `n${fromMs}`, id: `c${fromMs}`, fromMs, untilMs };
}

describe("scripts/prove/nodes", () => {
  it("sees for how long two containers ran at once, one within the other's life and one that still runs too", () => {
    expect(overlapMs([life(0, 20), life(30, Infinity)])).to.equal(0);
    expect(overlapMs([life(0, 35), life(30, Infinity)])).to.equal(5);
    expect(overlapMs([life(0, Infinity), life(30, 40)])).to.equal(10);
    expect(overlapMs([life(0, 100), life(10, 20), life(90, 95)])).to.equal(10);
    expect(overlapMs([life(0, Infinity), life(30, Infinity)])).to.equal(Infinity);
  });

  it("takes what came too soon, too late or never for broken", () => {
    for (const ms of [4, 21, createdAfterMs([], 0), NaN]) {
      const finding = new Finding("replaced");
      finding.within("replacedMs", ms, [5, 20]);
      expect(finding.held, String(ms)).to.equal(false);
    }
    const finding = new Finding("replaced");
    finding.within("replacedMs", 5, [5, 20]);
    finding.must("it is so", true);
    finding.same("its tasks", ["a"], ["a"]);
    expect(finding.problems).to.deep.equal([]);
    finding.must("it is so", false);
    finding.same("its tasks", ["a", "b"], ["a"]);
    expect(finding.problems).to.deep.equal(["not so: it is so", 'its tasks changed from ["a"] to ["a","b"]']);
  });
});
