/**
 * What a rollout's record becomes: which slots failed, whether it pauses, goes back or is over, how
 * far it is. Decided from the service's tasks and the record alone, so it survives every leader.
 */
import { endedByItself, isReady, isTerminal, observedState, TASK_STATE_NUMBER } from "../../model/task-state.ts";
import {
  FAILURE_TEXT_BYTES_MAX,
  failureKey,
  isActive,
  isOfRollout,
  paused,
  promoted,
  readyForMs,
  ROLLOUT_FAILURES_MAX,
} from "../../model/rollout.ts";
import { reasonText } from "../../model/reason.ts";
import { taskName } from "../../model/naming.ts";
import { endedAtMs, endText } from "../../model/restart.ts";
import type { Rollout, RolloutFailure, Task } from "../../model/index.ts";
import { cutText } from "../../util/text.ts";
import { formatSpan } from "../../util/units.ts";
import type { SlotPlan } from "./slot-plan.ts";
import type { ServiceState, Slot, SlotTask } from "./slot.ts";
import { earlier } from "./steps.ts";
import type { RolloutChange } from "./steps.ts";

export type RecordPlan = {
  readonly change: RolloutChange | null;
  /** As it is after the change. */
  readonly rollout: Rollout | null;
  readonly wakeAtMs: number | null;
};

export function planRecord(plans: readonly SlotPlan[], state: ServiceState): RecordPlan {
  const before = state.service.rollout;
  if (before === null || !isActive(before.state)) return { change: null, rollout: before, wakeAtMs: null };
  const assessed = new Assessment(plans, before, state);
  const next = { ...before, ...assessed.progress(), failures: assessed.failures };
  if (assessed.isExceeded) return fail(next, state);
  return assessed.isDone ? finish(next, assessed, state) : goOn(next, assessed, state);
}

/** What the slots' tasks say about a rollout under way. */
class Assessment {
  readonly #rollout: Rollout;
  readonly #state: ServiceState;
  /** Slots it has to do with. */
  readonly #slots: readonly SlotPlan[];
  readonly failures: RolloutFailure[];
  readonly #failed: ReadonlySet<string>;
  /** When the next task is late or the last monitor period over; null if nothing is waited for. */
  deadlineMs: number | null = null;
  monitoredUntilMs = 0;
  /** Slots that never ran, and that no node takes: they are not the rollout's to wait for. */
  readonly waitingForNode: number;

  constructor(plans: readonly SlotPlan[], rollout: Rollout, state: ServiceState) {
    this.#rollout = rollout;
    this.#state = state;
    this.#slots = plans.filter((plan) => this.#concerns(plan));
    this.waitingForNode = plans.filter(
      ({ phase, current }) => phase === "idle" && current.some(({ task }) => task.nodeId === ""),
    ).length;
    const known = new Set(rollout.failures.map(failureKey));
    const fresh = this.#slots
      .filter(({ slot }) => !known.has(slot.key))
      .flatMap((plan) => this.#failureOf(plan) ?? [])
      .slice(0, ROLLOUT_FAILURES_MAX - known.size);
    this.failures = [...rollout.failures, ...fresh];
    this.#failed = new Set(this.failures.map(failureKey));
    for (const { slot } of this.#slots) {
      if (this.#failed.has(slot.key)) continue;
      this.monitoredUntilMs = Math.max(this.monitoredUntilMs, this.#monitoredUntilMs(slot));
      for (const { task } of slot.tasks)
        if (isOfRollout(task, rollout) && !isTerminal(observedState(task)))
          this.deadlineMs = earlier(this.deadlineMs, this.#deadlineOf(task));
    }
  }

  get isExceeded(): boolean {
    const count = this.failures.length;
    if (count === 0 || this.#state.rules.onFailure === "CONTINUE") return false;
    const { state, canary } = this.#rollout;
    // A canary fails by its own slots: of all of them it is too few to exceed any ratio.
    const tried = state === "CANARY" ? Math.min(canary, this.#slots.length) : this.#slots.length;
    return count > this.#state.rules.maxFailureRatio * tried || count >= ROLLOUT_FAILURES_MAX;
  }

  get isDone(): boolean {
    if (this.#slots.length === 0) return true;
    const isOpen = (plan: SlotPlan): boolean => !this.#isUpdated(plan) && !this.#failed.has(plan.slot.key);
    if (this.#rollout.state === "CANARY" || this.#slots.some(isOpen)) return false;
    return this.monitoredUntilMs <= this.#state.nowMs;
  }

  progress(): Pick<Rollout, "total" | "updated"> {
    return { total: this.#slots.length, updated: this.#slots.filter((plan) => this.#isUpdated(plan)).length };
  }

  /** Slots with a task of the canary, and how many of them are ready. */
  canary(): { readonly made: number; readonly ready: number; readonly wanted: number } {
    const made = this.#slots.filter(({ slot }) =>
      slot.tasks.some(({ task, fate }) => fate !== "stopping" && isOfRollout(task, this.#rollout)),
    );
    const ready = made.filter((plan) => this.#isUpdated(plan)).length;
    return { made: made.length, ready, wanted: Math.min(this.#rollout.canary, this.#slots.length) };
  }

  /** A slot that is current already, or that waits for a node for other reasons, is none of its business. */
  #concerns({ phase, slot }: SlotPlan): boolean {
    if (phase === "outdated" || phase === "moving") return true;
    return slot.tasks.some(
      ({ task }) => isOfRollout(task, this.#rollout) && (phase === "serving" || endedByItself(task)),
    );
  }

  #isUpdated({ phase, current }: SlotPlan): boolean {
    return phase === "idle" || (phase === "serving" && current.some(({ task }) => isOfRollout(task, this.#rollout)));
  }

  #failureOf({ slot }: SlotPlan): RolloutFailure | undefined {
    const stoodInFor = new Set(slot.tasks.map(({ task }) => task.replaces));
    for (const view of slot.tasks) {
      const { task } = view;
      if (!isOfRollout(task, this.#rollout) || stoodInFor.has(task.id)) continue;
      const message = this.#troubleOf(view);
      if (message === null) continue;
      return {
        taskId: task.id,
        slot: task.slot,
        pinnedNodeId: task.slot > 0 ? "" : task.pinnedNodeId,
        atMs: this.#state.nowMs,
        message: cutText(message, FAILURE_TEXT_BYTES_MAX),
      };
    }
    return undefined;
  }

  /** Why the task has failed the rollout; null if it has not. */
  #troubleOf({ task, fate }: SlotTask): string | null {
    const { nowMs, rules, spec } = this.#state;
    if (endedByItself(task)) {
      const hasDoneItsWork = observedState(task) === "COMPLETE" && (spec.restart?.condition ?? "ANY") !== "ANY";
      // A canary is watched for as long as it is one.
      const monitorMs = this.#rollout.state === "CANARY" ? Infinity : rules.monitorMs;
      const isEarly = task.readyAtMs === 0 || endedAtMs(task) - task.readyAtMs < monitorMs;
      return isEarly && !hasDoneItsWork && endedAtMs(task) > this.#rollout.countsFromMs ? endText(task) : null;
    }
    const deadlineMs = fate === "good" ? this.#deadlineOf(task) : null;
    if (deadlineMs === null || deadlineMs > nowMs) return null;
    const span = formatSpan(rules.deadlineMs);
    if (task.nodeId === "") return `no node took it within ${span}: ${task.pendingReason}`;
    const message = task.status?.checkMessage || task.status?.message || "";
    return `task not ready within ${span}: ${observedState(task).toLowerCase()}${message === "" ? "" : `, ${message}`}`;
  }

  /** When the task is late; null while it is ready, or while it does what takes what it takes. */
  #deadlineOf(task: Task): number | null {
    const sinceMs = progressAtMs(task);
    return sinceMs === null ? null : Math.max(sinceMs, this.#rollout.countsFromMs) + this.#state.rules.deadlineMs;
  }

  /** 0 once a task of the slot has outlived its monitor period: what later ones do is the restart policy's. */
  #monitoredUntilMs({ tasks }: Slot): number {
    const { nowMs, rules } = this.#state;
    const own = tasks.map(({ task }) => task).filter((task) => isOfRollout(task, this.#rollout) && task.readyAtMs > 0);
    if (own.some((task) => readyForMs(task, nowMs) >= rules.monitorMs)) return 0;
    const alive = own.filter((task) => !isTerminal(observedState(task)));
    return Math.max(0, ...alive.map((task) => task.readyAtMs + rules.monitorMs));
  }
}

/** When the task last got further; null if nothing is to be expected of it, or the time it takes does not count. */
function progressAtMs(task: Task): number | null {
  if (task.desired !== "READY" && task.desired !== "RUNNING") return null;
  const { createdAtMs = 0, updatedAtMs = 0 } = task.meta ?? {};
  const state = observedState(task);
  if (TASK_STATE_NUMBER[state] < TASK_STATE_NUMBER.PREPARING) return createdAtMs;
  switch (state) {
    // Its pull, if it is one, has bounds of its own on the node.
    case "PREPARING":
      return null;
    case "READY":
      // Told to start by its last change; until then it waits for others.
      return task.desired === "READY" ? null : updatedAtMs;
    case "RUNNING":
      // Not ready, or not any more: since its agent's last word.
      return isReady(task) ? null : updatedAtMs;
    default:
      return task.status?.atMs ?? createdAtMs;
  }
}

function fail(rollout: Rollout, state: ServiceState): RecordPlan {
  const message = failureText(rollout, state);
  const canGoBack = state.rules.onFailure === "ROLLBACK" && state.specOf(rollout.from) !== undefined;
  if (canGoBack) return { change: { kind: "back", to: rollout.from, message }, rollout, wakeAtMs: null };
  const lacks =
    state.rules.onFailure === "ROLLBACK" ? `; revision ${rollout.from} is not kept, so it cannot go back` : "";
  const next = paused(rollout, message + lacks);
  return { change: { kind: "record", rollout: next }, rollout: next, wakeAtMs: null };
}

function failureText({ failures, total }: Rollout, { service }: ServiceState): string {
  const last = failures.at(-1);
  if (last === undefined) return "";
  const name = taskName({ serviceName: service.spec?.name ?? "", ...last });
  return reasonText(`${failures.length} of ${total} failed: ${name} (task ${last.taskId}): ${last.message}`);
}

function finish(rollout: Rollout, { waitingForNode }: Assessment, state: ServiceState): RecordPlan {
  const isBack = rollout.state === "ROLLING_BACK";
  const waits = waitingForNode === 1 ? "1 task waits for a node" : `${waitingForNode} tasks wait for a node`;
  const said = rollout.failures.length > 0 ? failureText(rollout, state) : rollout.message;
  const next: Rollout = {
    ...rollout,
    state: isBack ? "ROLLED_BACK" : "COMPLETED",
    finishedAtMs: state.nowMs,
    canary: 0,
    canaryReadyAtMs: 0,
    deadlineMs: 0,
    message: [said, waitingForNode > 0 ? waits : ""].filter((text) => text !== "").join("; "),
  };
  return { change: { kind: "done", rollout: next }, rollout: next, wakeAtMs: null };
}

function goOn(rollout: Rollout, assessed: Assessment, state: ServiceState): RecordPlan {
  const { nowMs } = state;
  let next: Rollout = { ...rollout, deadlineMs: assessed.deadlineMs ?? 0, message: orderNote(rollout, state) };
  let wakeAtMs = assessed.deadlineMs;
  if (assessed.monitoredUntilMs > nowMs && next.state !== "CANARY")
    wakeAtMs = earlier(wakeAtMs, assessed.monitoredUntilMs);
  if (next.state === "CANARY") {
    next = withCanary(next, assessed, state);
    const healthyMs = state.service.spec?.update?.canaryHealthyMs ?? 0;
    const promotesAtMs = next.canaryReadyAtMs + healthyMs;
    if (next.canaryReadyAtMs > 0 && healthyMs > 0) {
      if (promotesAtMs <= nowMs) next = promoted(next);
      else wakeAtMs = earlier(wakeAtMs, promotesAtMs);
    }
  }
  const isSame = JSON.stringify(next) === JSON.stringify(state.service.rollout);
  return { change: isSame ? null : { kind: "record", rollout: next }, rollout: next, wakeAtMs };
}

function withCanary(rollout: Rollout, assessed: Assessment, { nowMs }: ServiceState): Rollout {
  const { made, ready, wanted } = assessed.canary();
  const isReady = wanted > 0 && made >= wanted && ready === made;
  const message = `canary: ${ready} of ${wanted} ready${isReady ? ", waits to be promoted or rolled back" : ""}`;
  return { ...rollout, message, canaryReadyAtMs: isReady ? rollout.canaryReadyAtMs || nowMs : 0 };
}

/** Where start-first is asked for and impossible. What was said of missing room stays said. */
function orderNote(rollout: Rollout, state: ServiceState): string {
  const { obstacle, startsFirst } = state.rules;
  if (obstacle !== "") return `stops first: ${obstacle}`;
  const hasHandover = state.tasks.some(
    (task) => task.desired === "READY" && task.startAfterMs === 0 && isOfRollout(task, rollout),
  );
  return startsFirst && hasHandover ? "stops first where no node has room for two tasks of a slot" : rollout.message;
}
