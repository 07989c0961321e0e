import { assert } from "chai";
import { runSeeds } from "../../../scripts/sim/run-seeds.ts";
import type { RunSeed } from "../../sim/simulator.ts";

const NAMES = ["crashes", "elections"];

/** A simulator in which these happen. */
function simulatorOf(counts: Readonly<Record<string, number>>): RunSeed {
  return (seed) => ({ seed, verdict: "passed", invariant: null, why: null, hash: "00", counts, history: [] });
}

async function isFine(count: number, counts: Readonly<Record<string, number>>): Promise<boolean> {
  const { error, log } = console;
  console.error = console.log = () => undefined;
  try {
    const range = { first: 1, count, trace: false, json: true, command: "" };
    return await runSeeds(simulatorOf(counts), { ...range, mustHappen: { seeds: 3, names: NAMES } });
  } finally {
    Object.assign(console, { error, log });
  }
}

describe("scripts/sim", () => {
  it("fails when every seed passes and something they are for never happened", async () => {
    assert.isFalse(await isFine(3, { crashes: 5 }));
    assert.isFalse(await isFine(3, { crashes: 5, elections: 0 }));
    assert.isTrue(await isFine(3, { crashes: 5, elections: 1 }));
  });

  it("asks that of many seeds only", async () => {
    assert.isTrue(await isFine(2, {}));
  });
});
