/** The plan for one slot by itself: endings, lost nodes, surplus, promotions, successors. */
import { endedByItself, isTerminal, observedState } from "../../model/task-state.ts";
import { decideRestart, endText } from "../../model/restart.ts";
import type { Cause } from "../../model/index.ts";
import type { ServiceState, Slot, SlotTask } from "./slot.ts";
import { cause, earlier } from "./steps.ts";
import type { Step } from "./steps.ts";
import { planSurplus, settlesAtMs } from "./surplus.ts";

/** A successor starts after this long even if its predecessor has not reported its end. */
export const PREDECESSOR_WAIT_MS = 60_000;

export type SlotPlan = {
  readonly slot: Slot;
  readonly steps: Step[];
  wakeAtMs: number | null;
  /**
   * serving: a current task serves · idle: nothing a rollout waits for · moving: its current task does
   * not serve (yet) · unplaced: no node takes its current task · outdated: all its good tasks are.
   */
  phase: "serving" | "idle" | "moving" | "unplaced" | "outdated";
  /** For `outdated`: the tasks a rollout replaces. */
  outdated: readonly SlotTask[];
  /** Why its last task failed for good; empty if it did not. */
  givenUp: string;
};

export function newPlan(slot: Slot): SlotPlan {
  return { slot, steps: [], wakeAtMs: null, phase: "idle", outdated: [], givenUp: "" };
}

export function planSlot(slot: Slot, state: ServiceState): SlotPlan {
  const plan = newPlan(slot);
  plan.steps.push(...planEndings(slot));
  const isGood = ({ fate }: SlotTask): boolean => fate === "good";
  const [currentGood, oldGood] = partition(slot.tasks.filter(isGood), (view) => view.current);
  const old = keepOne(plan, oldGood, state);
  const current = dropBlocked(plan, keepOne(plan, currentGood, state), old, state);
  dropSilentSurplus(plan, current, state);
  if (current.some((view) => view.serving)) {
    plan.phase = "serving";
    shutDown(plan, old, cause("orchestrator", `replaced by revision ${state.service.revision}`));
  } else {
    promote(plan, old, state);
    if (current.length > 0) plan.phase = phaseOf(slot, current);
    else if (old.length > 0) planReplacement(plan, old, state);
    else planSuccessor(plan, state);
  }
  promote(plan, current, state);
  return plan;
}

export function shutDown(plan: SlotPlan, views: readonly SlotTask[], why: Cause): void {
  for (const { task } of views) {
    plan.steps.push({ kind: "desire", key: plan.slot.key, task, desired: "SHUTDOWN", cause: why });
  }
}

type NewTask = {
  readonly startAtMs: number | "after-predecessors";
  readonly replaces?: string;
  readonly earlyEnds?: number;
  readonly why: Cause;
};

export function create(
  plan: SlotPlan,
  { startAtMs, replaces = "", earlyEnds = 0, why }: NewTask,
  state: ServiceState,
): void {
  const waits = startAtMs === "after-predecessors" || startAtMs > state.nowMs;
  plan.steps.push({
    kind: "create",
    key: plan.slot.key,
    slot: plan.slot.number,
    pinnedNodeId: plan.slot.nodeId,
    revision: state.service.revision,
    run: state.run,
    desired: waits ? "READY" : goalOf(state),
    startAfterMs: waits && startAtMs !== "after-predecessors" ? startAtMs : 0,
    earlyEnds,
    replaces,
    cause: why,
  });
  if (waits && startAtMs !== "after-predecessors") plan.wakeAtMs = earlier(plan.wakeAtMs, startAtMs);
}

/** Two tasks of one slot cannot hold the same port of a node: then the old one goes first, whatever was asked. */
export function startsFirst({ service, spec }: ServiceState): boolean {
  return service.spec?.update?.order === "START_FIRST" && spec.ports.every((port) => port.published === 0);
}

/** What is over gets a desired state that says so. */
function planEndings(slot: Slot): Step[] {
  const steps: Step[] = [];
  for (const { task, fate, gone, trouble } of slot.tasks) {
    const { key } = slot;
    if (gone) steps.push({ kind: "orphan", key, task, cause: cause("orchestrator", "its node was removed") });
    else if (fate === "ended") {
      steps.push({
        kind: "desire",
        key,
        task,
        desired: "SHUTDOWN",
        cause: cause("restart", endText(task)),
      });
    } else if (fate === "lost") {
      steps.push({
        kind: "desire",
        key,
        task,
        desired: "SHUTDOWN",
        cause: cause("orchestrator", trouble),
      });
    }
  }
  return steps;
}

function keepOne(plan: SlotPlan, group: readonly SlotTask[], state: ServiceState): readonly SlotTask[] {
  const { keep, drop, wakeAtMs } = planSurplus(group, state.nowMs, state.service.spec?.nodeLoss?.onReturn);
  shutDown(plan, drop, cause("orchestrator", "surplus: another task of the slot runs"));
  plan.wakeAtMs = earlier(plan.wakeAtMs, wakeAtMs);
  return keep;
}

/**
 * A silent task that came back out of date may hold what its current stand-in waits for. Where old and
 * new cannot run side by side the slot goes back to the rollout, which replaces in its turn.
 */
function dropBlocked(
  plan: SlotPlan,
  current: readonly SlotTask[],
  old: readonly SlotTask[],
  state: ServiceState,
): readonly SlotTask[] {
  const isBlocked = current.length > 0 && current.every(({ task }) => task.nodeId === "");
  if (!isBlocked || old.length === 0 || startsFirst(state)) return current;
  shutDown(plan, current, cause("orchestrator", "the slot's out-of-date task runs again"));
  return [];
}

/** The stand-in fell silent after its original had come back: only the original is needed. */
function dropSilentSurplus(plan: SlotPlan, current: readonly SlotTask[], state: ServiceState): void {
  const [keeper, ...others] = current;
  if (keeper === undefined || others.length > 0 || !keeper.serving) return;
  const newer = plan.slot.tasks.slice(plan.slot.tasks.indexOf(keeper) + 1).filter((view) => view.fate === "silent");
  if (newer.length === 0) return;
  const settled = settlesAtMs(keeper, state.nowMs);
  if (settled === 0) shutDown(plan, newer, cause("orchestrator", "surplus: the task it stood in for runs again"));
  else plan.wakeAtMs = earlier(plan.wakeAtMs, settled);
}

/** Desired READY becomes RUNNING once its time has come and its stopping predecessors are gone. */
function promote(plan: SlotPlan, views: readonly SlotTask[], state: ServiceState): void {
  for (const view of views) {
    if (view.task.desired !== "READY") continue;
    const dueMs = Math.max(view.task.startAfterMs, predecessorsGoneMs(plan.slot, view, state.nowMs));
    if (dueMs > state.nowMs) {
      plan.wakeAtMs = earlier(plan.wakeAtMs, dueMs);
      continue;
    }
    const why = cause("restart", view.task.startAfterMs > 0 ? "the restart delay is over" : "its predecessor stopped");
    plan.steps.push({ kind: "desire", key: plan.slot.key, task: view.task, desired: goalOf(state), cause: why });
  }
}

function goalOf({ run }: ServiceState): "RUNNING" | "COMPLETE" {
  return run > 0 ? "COMPLETE" : "RUNNING";
}

/** 0 if none is stopping any more; else the time after which they are not waited for. */
function predecessorsGoneMs(slot: Slot, view: SlotTask, nowMs: number): number {
  const isStopping = slot.tasks.some(
    ({ task, fate, node }) =>
      task !== view.task &&
      fate === "stopping" &&
      task.nodeId !== "" &&
      !isTerminal(observedState(task)) &&
      // From a node that does not answer the end would never be heard of.
      (node?.status?.state === "READY" || node?.status?.state === "UNREACHABLE"),
  );
  return isStopping ? (view.task.meta?.createdAtMs ?? nowMs) + PREDECESSOR_WAIT_MS : 0;
}

/** A slot that never ran and that no node can take would hold a rollout up for nothing. */
function phaseOf(slot: Slot, current: readonly SlotTask[]): SlotPlan["phase"] {
  if (current.some(({ task }) => task.nodeId !== "" || task.pendingReason === "")) return "moving";
  return slot.tasks.every(({ task }) => (task.status?.startedAtMs ?? 0) === 0) ? "idle" : "unplaced";
}

/** Out-of-date tasks run, no current one: the rollout's turn, unless a current one has just failed here. */
function planReplacement(plan: SlotPlan, old: readonly SlotTask[], state: ServiceState): void {
  const failed = plan.slot.tasks.findLast((view) => view.current && ranOut(view));
  if (failed === undefined) {
    plan.phase = "outdated";
    plan.outdated = old;
  } else planRestart(plan, failed, "", state);
}

/** No good task is left: the slot needs a new one, now or by the restart policy. */
function planSuccessor(plan: SlotPlan, state: ServiceState): void {
  const { tasks } = plan.slot;
  const silent = tasks.findLast((view) => view.fate === "silent");
  const last = tasks.findLast((view) => view.fate !== "silent" && view.task.desired !== "REMOVE");
  const replaces = silent?.task.id ?? "";
  const isOlder = silent !== undefined && last !== undefined && tasks.indexOf(last) < tasks.indexOf(silent);
  if (last !== undefined && !isOlder && last.current && ranOut(last)) {
    planRestart(plan, last, replaces, state);
    return;
  }
  const end = last !== undefined && ranOut(last) ? endText(last.task) : "the slot has no task";
  const why = (last?.fate === "lost" ? last : silent)?.trouble ?? end;
  plan.phase = "moving";
  create(plan, { startAtMs: 0, replaces, why: cause("orchestrator", why) }, state);
}

function planRestart(plan: SlotPlan, last: SlotTask, replaces: string, state: ServiceState): void {
  const history = plan.slot.tasks.map((view) => view.task);
  const restart = decideRestart(last.task, history, state.spec.restart, { nowMs: state.nowMs, sinceMs: 0 });
  plan.phase = "moving";
  switch (restart.kind) {
    case "restart": {
      const { startAtMs, earlyEnds } = restart;
      create(plan, { startAtMs, replaces, earlyEnds, why: cause("restart", endText(last.task)) }, state);
      return;
    }
    case "wait":
      plan.wakeAtMs = earlier(plan.wakeAtMs, restart.untilMs);
      return;
    case "never":
      // A failure for good holds a rollout up; a task that did its work does not.
      if (restart.completed) plan.phase = "idle";
      else plan.givenUp = restart.reason;
  }
}

function ranOut({ task, fate }: SlotTask): boolean {
  return (fate === "ended" || fate === "stopping") && endedByItself(task);
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): readonly [T[], T[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}
