import { expect } from "chai";
import { explain } from "../../../../src/manager/scheduler/explain.ts";
import type { Cron, ServiceSpec } from "../../../../src/model/index.ts";
import { cron, job, node, service, spec } from "../../../support/loops/objects.ts";
import type { SpecPart } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";

describe("manager/scheduler: explanations of jobs", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
    world.addNodes("n1");
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  const submit = (mode: Partial<ServiceSpec>, part: SpecPart = {}): void =>
    world.putService(service("web", { mode, task: spec({ restart: { condition: "NONE" }, ...part }) }));
  const every = (part: Partial<Cron> = {}): Partial<ServiceSpec> => cron({ schedule: "*/5 * * * *", ...part });
  const summary = (): string => explain(world.tx, "web").summary;
  const reason = (code: string) => explain(world.tx, "web").reasons.find((one) => one.code === code);

  it("say how far a run is, and what it waits for", async () => {
    world.putNode(node("n1", { memoryMiB: 1000 }));
    submit(job({ total: 3, concurrent: 2, deadlineMs: 60_000 }), { memoryMiB: 600 });
    await world.run(1000);
    expect(summary()).to.equal("web is in run 1: 0 of 3 tasks completed");
    expect(reason("resources")?.subjectName).to.equal("n1");
    expect(reason("deadline")?.message).to.equal("run 1 is stopped at 2024-01-01T00:01:00.000Z");
  });

  it("say which node a run's task was last heard of on, when that is silent, and why it is not started elsewhere", async () => {
    submit(job(), { volume: "data" });
    await world.run(1000);
    expect(reason("task")).to.equal(undefined);
    world.changeNode("n1", { state: "DOWN" });
    await world.run(40_000);
    expect(reason("task")?.message).to.equal("it ran on node n1 when that was last heard of");
    expect(reason("ready")).to.deep.include({ subjectName: "n1", message: "the node is down" });
    expect(reason("local-data")?.message).to.equal(
      "its volume data is on node n1: it is started nowhere else by itself",
    );
  });

  it("say how a run ended, why, and where to look", async () => {
    world.behave = () => ({ exits: { afterMs: 2000, code: 7 } });
    submit(job());
    await world.run(60_000);
    expect(summary()).to.match(/^web failed at 2024-01-01T00:00:02.\d+Z$/);
    expect(reason("last-run")).to.deep.include({
      message: "run 1 failed after 2s: 1 of 1 tasks failed for good: task failed with exit code 7",
      next: "look at `shoal service logs web`",
    });
    expect(explain(world.tx, "web.1").reasons.map(({ message }) => message)).to.include(
      "it is not restarted: restart condition is none",
    );
  });

  it("do not wonder about a task that completed", async () => {
    world.behave = () => ({ exits: { afterMs: 100, code: 0 } });
    submit(job());
    await world.run(1000);
    expect(summary()).to.match(/^web succeeded/);
    const task = explain(world.tx, "web.1");
    expect(task.summary).to.equal("task complete with exit code 0");
    expect(task.reasons.map(({ code }) => code)).not.to.include("restart");
  });

  it("name the next time of a schedule, and the last run", async () => {
    world.behave = () => ({ exits: { afterMs: 100, code: 0 } });
    submit(every());
    expect(summary()).to.equal("web has not run yet, and comes next at 2024-01-01T00:05:00.000Z");
    expect(reason("schedule")?.message).to.equal("*/5 * * * * (UTC) comes next at 2024-01-01T00:05:00.000Z");
    await world.run(360_000);
    expect(summary()).to.match(
      /^web succeeded at 2024-01-01T00:05:00.\d+Z, and comes next at 2024-01-01T00:10:00.000Z$/,
    );
  });

  it("say that it is suspended, and how that ends", async () => {
    submit(every({ suspended: true }));
    await world.run(400_000);
    expect(summary()).to.equal("web has not run yet, and is suspended");
    expect(reason("suspended")?.next).to.include("shoal service resume web`");
  });

  it("say what was skipped and what for", async () => {
    submit(every());
    await world.run(1000_000);
    expect(reason("skipped")?.message).to.equal(
      "2 times up to 2024-01-01T00:15:00.000Z were skipped: the run before was open; 2 in all",
    );
  });

  it("say what was missed", async () => {
    submit(every({ startingDeadlineMs: 1000 }));
    await world.run(1000);
    await world.stopLoops();
    await world.run(302_000);
    await world.changeLeader();
    await world.run(100);
    expect(reason("missed")?.message).to.equal(
      "the time 2024-01-01T00:05:00.000Z was missed: nobody could start it in time; 1 in all",
    );
  });
});
