/**
 * Properties of jobs and cron services over random histories: nodes fall silent, drain and come back,
 * tasks fail, leaders change, wall clocks jump, specs change. No time is run twice, no slot of a run
 * has two tasks on nodes that answer, and in the end every run is over.
 */
import { expect } from "chai";
import fc from "fast-check";
import { slotName } from "../../../../src/model/naming.ts";
import { isOpen } from "../../../../src/model/run.ts";
import { compareStates, isComplete, isTerminal, isWanted } from "../../../../src/model/task-state.ts";
import type { Run, ServiceSpec, Task } from "../../../../src/model/index.ts";
import type { Change } from "../../../../src/store/types.ts";
import { cron, globalJob, job, service, spec } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";

const NODES = ["n1", "n2", "n3"] as const;
const DAY = 86_400_000;

const nodeId = fc.constantFrom(...NODES);
const action = fc.oneof(
  fc.record({ kind: fc.constant("lose" as const), id: nodeId }),
  fc.record({ kind: fc.constant("return" as const), id: nodeId }),
  fc.record({ kind: fc.constant("drain" as const), id: nodeId }),
  fc.record({ kind: fc.constant("activate" as const), id: nodeId }),
  fc.record({ kind: fc.constant("fail" as const), nth: fc.nat(10) }),
  fc.record({ kind: fc.constant("leader" as const) }),
  fc.record({ kind: fc.constant("leaderless" as const), ms: fc.constantFrom(1000, 400_000) }),
  fc.record({ kind: fc.constant("clock" as const), ms: fc.constantFrom(DAY, -DAY, 90_000, -90_000) }),
  fc.record({ kind: fc.constant("change" as const), image: fc.constantFrom("a:1", "a:2") }),
  fc.record({ kind: fc.constant("run" as const) }),
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;
const script = fc.array(fc.tuple(action, fc.constantFrom(0, 1, 500, 20_000, 61_000)), { maxLength: 20 });
const mode = fc.oneof(
  fc.record({ kind: fc.constant("job" as const), total: fc.integer({ min: 1, max: 5 }), concurrent: fc.nat(3) }),
  fc.record({ kind: fc.constant("global" as const) }),
  fc.record({
    kind: fc.constant("cron" as const),
    overlap: fc.constantFrom("SKIP" as const, "REPLACE" as const, "ALLOW" as const),
    total: fc.integer({ min: 1, max: 3 }),
  }),
);
type Mode = typeof mode extends fc.Arbitrary<infer T> ? T : never;

const DEADLINE_MS = 600_000;

function modeOf(asked: Mode): Partial<ServiceSpec> {
  switch (asked.kind) {
    case "job":
      return job({ total: asked.total, concurrent: asked.concurrent });
    case "global":
      return globalJob();
    case "cron":
      return cron({ overlap: asked.overlap }, { total: asked.total, deadlineMs: DEADLINE_MS });
  }
}

function submit(world: World, asked: Mode, image: string): void {
  const restart = { condition: "ON_FAILURE", maxAttempts: 2, delayMs: 100 } as const;
  world.putService(service("web", { mode: modeOf(asked), task: spec({ image, restart }) }));
}

async function perform(world: World, step: Action, asked: Mode): Promise<void> {
  switch (step.kind) {
    case "lose":
      return world.loseNode(step.id);
    case "return":
      return world.returnNode(step.id);
    case "drain":
      return world.changeNode(step.id, { availability: "DRAIN" });
    case "activate":
      return world.changeNode(step.id, { availability: "ACTIVE" });
    case "fail": {
      const running = world.wanted().filter(({ status }) => status!.state === "RUNNING");
      const victim = running[step.nth % Math.max(1, running.length)];
      return victim === undefined ? undefined : world.fail(victim.id);
    }
    case "leader":
      return await world.changeLeader();
    case "leaderless":
      await world.stopLoops();
      await world.run(step.ms);
      return await world.changeLeader();
    case "clock":
      world.env.wallSkewMs += step.ms;
      return;
    case "change":
      return submit(world, asked, step.image);
    case "run":
      return world.runNow();
  }
}

class Watch {
  readonly #world: World;
  readonly #asked: Mode;
  readonly #startedFor = new Map<number, string>();
  failure: unknown = null;

  constructor(world: World, asked: Mode) {
    this.#world = world;
    this.#asked = asked;
    world.store.onSpeculative((changes) => {
      try {
        for (const change of changes) this.#check(change);
      } catch (error) {
        this.failure ??= error;
      }
    });
  }

  #check(change: Change): void {
    if (change.table === "run" && change.after !== undefined) this.#checkRun(change.before, change.after);
    if (change.table === "task" && change.after !== undefined) this.#checkTask(change.before, change.after);
  }

  #checkRun(before: Run | undefined, run: Run): void {
    if (before === undefined && run.state === "RUNNING" && run.scheduledAtMs > 0) {
      expect(this.#startedFor.get(run.scheduledAtMs), "a time is run once").to.equal(undefined);
      this.#startedFor.set(run.scheduledAtMs, run.id);
      const latest = Math.max(...this.#startedFor.keys());
      expect(run.scheduledAtMs, "times are run in their order").to.equal(latest);
      expect(run.startedAtMs, "and not before they come").to.be.at.least(run.scheduledAtMs);
    }
    if (before !== undefined && !isOpen(before) && this.#asked.kind !== "global")
      expect(isOpen(run), "what is over stays over").to.equal(false);
    if (run.state === "SUCCEEDED") expect(run.completed, "success is complete").to.equal(run.wanted);
  }

  #checkTask(before: Task | undefined, task: Task): void {
    if (before !== undefined)
      expect(compareStates(task.desired, before.desired), "desired state rises").to.be.at.least(0);
    else this.#checkNew(task);
    if (task.desired === "COMPLETE" || task.desired === "READY") {
      const open = this.#world
        .runs()
        .filter(isOpen)
        .map(({ number }) => number);
      if (isWanted(task) && before === undefined) expect(open, "tasks are made for open runs").to.include(task.run);
    }
  }

  /** When a task is created nothing else of its slot works on a node that answers. */
  #checkNew(task: Task): void {
    const others = this.#world.tasks().filter((other) => other.run === task.run && slotName(other) === slotName(task));
    expect(others.some(isComplete), "a completed slot is not run again").to.equal(false);
    const live = others.filter(
      (other) =>
        other.id !== task.id &&
        isWanted(other) &&
        !isTerminal(other.status!.state) &&
        (other.nodeId === "" || this.#world.tx.get("node", other.nodeId)!.status!.state === "READY"),
    );
    expect(
      live.map(({ id }) => id),
      "a slot of a run has one task",
    ).to.deep.equal([]);
  }
}

describe("manager/orchestrator: jobs and cron", () => {
  it("from any history: no time run twice, no slot run beside itself, and every run comes to its end", async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(mode, script, fc.nat(1000), async (asked, steps, seed) => {
        const world = new World(seed);
        const watch = new Watch(world, asked);
        world.addNodes(...NODES);
        world.behave = ({ slot, id }) => ({
          exits: { afterMs: 15_000, code: (id.charCodeAt(0) + slot) % 5 === 0 ? 1 : 0 },
        });
        submit(world, asked, "a:0");
        for (const [step, ms] of steps) {
          await perform(world, step, asked);
          await world.run(ms);
        }
        for (const id of NODES) {
          world.changeNode(id, { availability: "ACTIVE" });
          world.returnNode(id);
        }
        if (asked.kind === "cron")
          world.putService(service("web", { mode: { ...modeOf(asked), cron: suspended(asked) } }));
        await world.run(DEADLINE_MS + 60_000);
        if (watch.failure !== null) throw watch.failure as Error;
        expect(world.runs().filter(isOpen), "every run is over").to.deep.equal([]);
        expect(world.wanted(), "nothing of it works any more").to.deep.equal([]);
        await world.stopLoops();
      }),
      { numRuns: Number(process.env["SHOAL_TEST_RUNS"] ?? 25) },
    );
  });
});

function suspended(asked: Mode): NonNullable<ServiceSpec["cron"]> {
  return { ...modeOf(asked).cron!, suspended: true };
}
