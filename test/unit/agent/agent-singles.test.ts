import { expect } from "chai";
import { AppError } from "../../../src/util/errors.ts";
import { anAssignment, completeSet } from "../../support/agent-fixtures.ts";
import { AgentWorld } from "../../support/agent-world.ts";

describe("agent/agent: what never runs twice", () => {
  let w: AgentWorld;

  beforeEach(async () => {
    w = new AgentWorld();
    await w.start();
  });

  const state = (): string | undefined => w.engine.container("t1")?.state.state;
  beforeEach(async () => {
    for (const manager of w.managers)
      manager.first = completeSet([anAssignment("t1", { single: true })], { version: 5 });
    await w.untilSession();
    await w.untilRunning();
    for (const manager of w.managers) manager.send(manager.first!);
    await w.sim.run(3000);
  });

  it("is stopped when no manager was in reach for 20 s, not sooner, and reported when one is", async () => {
    for (const manager of w.managers) manager.answers = false;
    for (const manager of w.managers) manager.refuses = new AppError("unavailable", "cut off");
    await w.sim.run(19_000);
    expect(state()).to.equal("running");
    await w.sim.run(1500);
    expect(state()).to.equal("exited");
    for (const manager of w.managers) Object.assign(manager, { answers: true, refuses: null });
    const manager = await w.untilSession();
    await w.sim.run(100);
    expect(manager.latest("t1")).to.include({ state: "SHUTDOWN", message: "stopped: no manager was in reach" });
  });

  it("is stopped when no manager answers what it says for 20 s, however much they say themselves", async () => {
    for (const manager of w.managers) manager.answers = false;
    const talk = async (seconds: number): Promise<void> => {
      for (let at = 0; at < seconds; at += 1) {
        for (const manager of w.managers) manager.send(manager.first!);
        await w.sim.run(1000);
      }
    };
    await talk(18);
    expect(state()).to.equal("running");
    await talk(4);
    expect(state()).to.equal("exited");
  });

  it("goes on where managers come and go, one of them always back within 20 s", async () => {
    for (let round = 0; round < 5; round += 1) {
      for (const manager of w.managers) manager.refuses = new AppError("unavailable", "cut off");
      for (const manager of w.managers) manager.stream?.cancel(new AppError("unavailable", "cut off"));
      await w.sim.run(15_000);
      for (const manager of w.managers) manager.refuses = null;
      await w.untilSession();
      await w.sim.run(1000);
    }
    expect(state()).to.equal("running");
  });

  it("is stopped soon after a restart of the agent that finds no manager: it cannot know how long that lasts", async () => {
    for (const manager of w.managers) manager.refuses = new AppError("unavailable", "cut off");
    w.crash();
    await w.restart();
    await w.sim.run(4500);
    expect(state()).to.equal("running");
    await w.sim.run(1000);
    expect(state()).to.equal("exited");
  });
});
