import { expect } from "chai";
import { inSlices, slice, SLICE_MS_MAX } from "../../../../src/manager/replica/slices.ts";
import type { Env } from "../../../../src/util/env.ts";
import { Sim } from "../../../support/sim-env.ts";

/** Each step takes `stepMs` of this clock. */
function work(env: Env, steps: number, stepMs: number): { readonly step: () => boolean; done: () => number } {
  let done = 0;
  let spent = 0;
  const now = env.now.bind(env);
  env.now = () => now() + spent;
  const step = (): boolean => {
    if (done === steps) return false;
    done += 1;
    spent += stepMs;
    return true;
  };
  return { step, done: () => done };
}

describe("manager/replica/slices", () => {
  it("ends a slice as soon as its time is over", () => {
    const env = new Sim(1).env("a");
    const { step, done } = work(env, 1000, 1);
    expect(slice(env, step)).to.equal(true);
    expect(done()).to.equal(SLICE_MS_MAX);
  });

  it("ends a slice where the clock stands still, too", () => {
    const env = new Sim(1).env("a");
    const { step, done } = work(env, 1000, 0);
    expect(slice(env, step)).to.equal(true);
    expect(done()).to.be.below(100);
  });

  it("lets others have their turn between slices, and ends with the work", async () => {
    const sim = new Sim(1);
    const env = sim.env("a");
    const { step, done } = work(env, 50, 2);
    let turns = 0;
    const other = (): void => {
      turns += 1;
      if (done() < 50) env.defer(other);
    };
    env.defer(other);
    await sim.resolve(inSlices(env, step), { timeoutMs: 1000, what: "the work" });
    expect(done()).to.equal(50);
    expect(turns).to.be.at.least(50 / 3 - 1);
  });

  it("stops between slices when it is told to", async () => {
    const sim = new Sim(1);
    const env = sim.env("a");
    const aborter = new AbortController();
    const { step, done } = work(env, 1000, 1);
    const ended = inSlices(env, step, aborter.signal);
    aborter.abort();
    await sim.resolve(ended, { timeoutMs: 1000, what: "the end" });
    expect(done()).to.equal(SLICE_MS_MAX);
  });
});
