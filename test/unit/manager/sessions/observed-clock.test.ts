import { expect } from "chai";
import { GAP_MS_MAX, OBSERVE_EVERY_MS, ObservedClock } from "../../../../src/manager/sessions/observed-clock.ts";
import { Sim, type SimEnv } from "../../../support/sim-env.ts";

describe("manager/sessions/observed-clock", () => {
  let sim: Sim;
  let env: SimEnv;
  let clock: ObservedClock;

  beforeEach(() => {
    sim = new Sim(1);
    env = sim.env("m1");
    clock = new ObservedClock(env);
    clock.start();
  });

  it("runs with the process, between looks too", async () => {
    await sim.run(1100);
    expect(clock.now()).to.equal(1100);
    await sim.run(60_000);
    expect(clock.now()).to.equal(61_100);
  });

  it("does not count what the process slept through", async () => {
    await sim.run(1000);
    env.pause();
    await sim.run(20_000);
    // Asked before its own timer ran, and after.
    expect(clock.now()).to.equal(1000 + GAP_MS_MAX);
    env.resume();
    await sim.run(1000);
    expect(clock.now()).to.be.within(2000, 2000 + GAP_MS_MAX);
  });

  it("never goes back", async () => {
    let last = clock.now();
    for (let round = 0; round < 50; round += 1) {
      env.pause();
      await sim.run(sim.random() * 900);
      expect(clock.now()).to.be.at.least(last);
      last = clock.now();
      env.resume();
      await sim.run(sim.random() * 600);
      expect(clock.now()).to.be.at.least(last);
      last = clock.now();
    }
  });

  it("tells listeners at every look until it stops", async () => {
    let looks = 0;
    const off = clock.onLook(() => (looks += 1));
    await sim.run(4 * OBSERVE_EVERY_MS);
    expect(looks).to.equal(4);
    off();
    await sim.run(OBSERVE_EVERY_MS);
    expect(looks).to.equal(4);
    clock.onLook(() => (looks += 1));
    clock.stop();
    await sim.run(5000);
    expect(looks).to.equal(4);
  });
});
