/**
 * What holds of every rollout, whatever its settings, whichever tasks of the new revision fail and how, whenever leaders
 * change and old tasks die. Node losses and scaling are the convergence test's.
 */
import { expect } from "chai";
import fc from "fast-check";
import { planOf } from "../../../../src/manager/orchestrator/plan.ts";
import { failureKey, isActive, isFinished, isOfRollout, promoted, resumed } from "../../../../src/model/rollout.ts";
import { slotName } from "../../../../src/model/naming.ts";
import { isReady, isTerminal, isWanted } from "../../../../src/model/task-state.ts";
import type { Task } from "../../../../src/model/index.ts";
import { RolloutRig } from "../../../support/loops/rollout-rig.ts";
import type { Behaviour } from "../../../support/loops/world.ts";

const MONITOR_MS = 2000;
const DEADLINE_MS = 20_000;

const outcomes: Readonly<Record<string, Behaviour>> = {
  well: {},
  slow: { pullMs: 30_000, startMs: 3000, stopMs: 4000 },
  crashes: { exits: { afterMs: 500, code: 1 } },
  rejected: { rejects: "no such image" },
  hangs: { hangs: true },
  unready: { unreadyMs: 10_000_000 },
  "ready late": { unreadyMs: 4000 },
};

const scenario = fc.record({
  replicas: fc.integer({ min: 1, max: 5 }),
  order: fc.constantFrom("STOP_FIRST" as const, "START_FIRST" as const),
  parallelism: fc.integer({ min: 0, max: 3 }),
  delayMs: fc.constantFrom(0, 1000, 3000),
  failureAction: fc.constantFrom("ROLLBACK" as const, "PAUSE" as const, "CONTINUE" as const),
  maxFailureRatio: fc.constantFrom(0, 0.3),
  canary: fc.integer({ min: 0, max: 2 }),
  tight: fc.boolean(),
  /** Of the new revision, by slot. */
  outcomes: fc.array(fc.constantFrom(...Object.keys(outcomes)), { minLength: 5, maxLength: 5 }),
  events: fc.array(fc.tuple(fc.constantFrom("leader", "old dies"), fc.integer({ min: 0, max: 8000 })), {
    maxLength: 5,
  }),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

class Checked {
  readonly rig: RolloutRig;
  readonly #scenario: Scenario;
  #failure: unknown = null;
  #isSettling = false;
  /** Old tasks that ended by themselves: what runs is fewer by them. */
  killed = 0;

  constructor(made: Scenario) {
    this.#scenario = made;
    const { replicas, order, parallelism, delayMs, failureAction, maxFailureRatio, canary } = made;
    const update = { delayMs, failureAction, maxFailureRatio, canary, monitorMs: MONITOR_MS };
    this.rig = new RolloutRig(
      { replicas, order, parallelism, update: { ...update, progressDeadlineMs: DEADLINE_MS } },
      { nodes: 5 },
    );
  }

  async run(): Promise<void> {
    const { rig } = this;
    const { world } = rig;
    const before = await rig.deploy({ memoryMiB: this.#scenario.tight ? 5000 : 100 });
    world.behave = (task, { container }) =>
      container!.image === "web:2" ? outcomes[this.#scenario.outcomes[task.slot - 1]!]! : {};
    world.store.onSpeculative((changes) => {
      try {
        this.#checkMotion();
        for (const change of changes) {
          if (change.table === "task") this.#checkStop(change.before, change.after, before);
        }
      } catch (error) {
        this.#failure ??= error;
      }
    });
    rig.put({ image: "web:2", memoryMiB: this.#scenario.tight ? 5000 : 100 });
    for (const [event, ms] of this.#scenario.events) {
      await world.run(ms);
      if (event === "leader") await world.changeLeader();
      else this.#kill();
    }
    await this.#settle();
    await rig.stop();
    if (this.#failure !== null) throw this.#failure as Error;
  }

  #kill(): void {
    const [victim] = this.rig.world.running().filter(({ revision }) => revision === 1);
    if (victim === undefined) return;
    this.killed += 1;
    this.rig.world.fail(victim.id);
  }

  /** At most `parallelism` slots are in motion that have not failed, and a canary is no more than it is. */
  #checkMotion(): void {
    const { rollout } = this.rig;
    // Resuming forgives: what had failed is in motion again.
    if (rollout === null || this.#isSettling) return;
    const failed = new Set(rollout.failures.map(failureKey));
    const own = this.rig.world.tasks().filter((task) => isOfRollout(task, rollout));
    const begun = new Set(own.filter(isWanted).map(slotName));
    const wasReady = new Set(own.filter(({ readyAtMs }) => readyAtMs > 0).map(slotName));
    const inMotion = [...begun].filter((slot) => !wasReady.has(slot) && !failed.has(slot));
    const limit = this.#scenario.parallelism || Infinity;
    if (rollout.state === "UPDATING" || rollout.state === "CANARY") {
      expect(inMotion.length, "slots in motion").to.be.at.most(limit);
    }
    if (rollout.state === "CANARY") expect(begun.size, "slots of the canary").to.be.at.most(rollout.canary);
  }

  /** Who may be told to stop, and when. */
  #checkStop(before: Task | undefined, after: Task | undefined, originals: readonly Task[]): void {
    if (before === undefined || after === undefined || isWanted(after) || !isWanted(before)) return;
    if (isTerminal(after.status!.state) || !isReady(before) || before.revision !== 1) return;
    const { rollout, world } = this.rig;
    expect(rollout.to, "a rollback touches no healthy old task").to.equal(2);
    expect(
      isActive(rollout.state) || rollout.state === "COMPLETED",
      `nothing is stopped while ${rollout.state}`,
    ).to.equal(true);
    expect(originals.length).to.be.above(0);
    const others = world.slot(before.slot).filter((task) => task.revision === 2 && isWanted(task));
    if (this.#scenario.order === "START_FIRST" && !this.#scenario.tight) {
      expect(others.some(isReady), "start-first: its successor is ready").to.equal(true);
    } else {
      const isPrepared = (task: Task): boolean => task.status!.state === "READY" || isReady(task);
      expect(others.some(isPrepared), "stop-first: its successor is prepared").to.equal(true);
    }
  }

  /** Whatever it is waiting for is given; then nothing is left to do. */
  async #settle(): Promise<void> {
    const { rig } = this;
    const { world } = rig;
    await world.run(400_000);
    this.#isSettling = true;
    expect(
      isFinished(rig.rollout.state) || !isActive(rig.rollout.state) || rig.rollout.state === "CANARY",
      "it ends",
    ).to.equal(true);
    world.behave = () => ({});
    // What hangs does so until somebody ends it.
    const hangs = ({ status }: Task): boolean => status!.state === "STARTING" || status!.state === "RUNNING";
    for (const task of world.wanted()) if (hangs(task) && !isReady(task)) world.fail(task.id);
    for (let round = 0; round < 3 && !isFinished(rig.rollout.state); round += 1) {
      if (rig.rollout.state === "CANARY") world.steer(promoted);
      else if (!isActive(rig.rollout.state)) world.steer(resumed);
      await world.run(700_000);
    }
    expect(["COMPLETED", "ROLLED_BACK"]).to.include(rig.rollout.state);
    // The longest back-off of a slot that failed, twice: a task that could not be prepared waits its own out first.
    await world.run(610_000);
    rig.expectAll(rig.rollout.to === 1 ? "web:1" : "web:2");
    expect(world.running().every(isReady)).to.equal(true);
    expect(planOf(world.tx, "web")).to.deep.equal({ steps: [], wakeAtMs: null });
    const { replicas, order, tight, maxFailureRatio, failureAction } = this.#scenario;
    const toleratesNone = maxFailureRatio === 0 && failureAction !== "CONTINUE";
    // A revision that crashes only where it comes late is believed until then.
    const crashing = this.#scenario.outcomes.slice(0, replicas).filter((outcome) => outcome === "crashes").length;
    if (order === "START_FIRST" && !tight && toleratesNone && (crashing === 0 || crashing === replicas)) {
      expect(rig.fewest, "start-first: as many as ever run").to.be.at.least(replicas - this.killed);
    }
  }
}

describe("manager/orchestrator: rollouts, whatever happens", () => {
  it("stay within their parallelism, stop nothing without a successor, never touch healthy old tasks on the way back, and end", async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(scenario, async (made) => await new Checked(made).run()),
      { numRuns: Number(process.env["SHOAL_TEST_RUNS"] ?? 40) },
    );
  });
});
