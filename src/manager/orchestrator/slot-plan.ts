/**
 * The plan for one slot by itself: endings, lost nodes, surplus, promotions, successors. A slot whose
 * tasks are out of date is only told apart here: whether it takes its turn or is kept up as it is, is
 * the rollout's to say (rollout.ts).
 */
import { DEFAULT_STOP_GRACE_MS } from "../../model/defaults.ts";
import { drainDeadlineMs } from "../../model/drain.ts";
import { nodeName } from "../../model/naming.ts";
import { engineLostAtMs } from "../../model/node-loss.ts";
import { endedByItself, isTerminal, observedState } from "../../model/task-state.ts";
import { decideRestart, endedAtMs, endText } from "../../model/restart.ts";
import { isHeld } from "../../model/rollout.ts";
import { isRemovedByHand, REMOVED_BY_HAND } from "../../model/hand-removal.ts";
import type { Cause, Node, Task, TaskSpec } from "../../model/index.ts";
import type { ServiceState, Slot, SlotTask } from "./slot.ts";
import { cause, earlier } from "./steps.ts";
import type { Step } from "./steps.ts";
import { homeOf, isHomeOpen, waitForOthers } from "./tied.ts";
import { decideMove } from "./moves.ts";
import { planSurplus, settlesAtMs } from "./surplus.ts";

/** A successor starts so long after the end of its predecessor's grace even if that has not reported its end. */
export const PREDECESSOR_WAIT_MS = 50_000;

export type SlotPlan = {
  readonly slot: Slot;
  readonly steps: Step[];
  wakeAtMs: number | null;
  /**
   * serving: a current task serves · moving: its current task does not serve (yet) · idle: nobody
   * waits for its current task · outdated: it has no current task, and the last it had is out of date.
   */
  phase: "serving" | "moving" | "idle" | "outdated";
  /** Good tasks of the current revision; more than one only while it is not certain which serves. */
  current: readonly SlotTask[];
  /** Good tasks that are out of date. */
  old: readonly SlotTask[];
  /** Why its last task failed for good; empty if it did not. */
  givenUp: string;
};

export function newPlan(slot: Slot): SlotPlan {
  return { slot, steps: [], wakeAtMs: null, phase: "idle", current: [], old: [], givenUp: "" };
}

export function planSlot(slot: Slot, state: ServiceState): SlotPlan {
  const plan = newPlan(slot);
  plan.steps.push(...planSingles(slot, state), ...planEndings(slot));
  plan.wakeAtMs = engineWakeMs(slot, state);
  const good = slot.tasks.filter(({ fate }) => fate === "good");
  plan.old = keepOne(plan, withoutOvertaken(plan, good), state);
  plan.current = keepOne(
    plan,
    good.filter((view) => view.current),
    state,
  );
  dropSilentSurplus(plan, state);
  if (plan.current.some((view) => view.serving)) {
    plan.phase = "serving";
    if (plan.old.length > 0) replaceOld(plan, state);
  } else if (plan.current.length > 0) {
    plan.phase = isWaitedFor(plan) ? "moving" : "idle";
    // Beside an old task it waits for that one's end, which is the rollout's to call for.
    if (plan.old.length === 0) promote(plan, plan.current, state);
  } else if (plan.old.length > 0 || basisOf(slot)?.current === false) plan.phase = "outdated";
  else planSuccessor(plan, state.service.revision, state);
  return plan;
}

/** An out-of-date slot whose turn it is not: it stays what it is, and goes on like any other. */
export function keepUp(plan: SlotPlan, state: ServiceState): void {
  promote(plan, plan.old, state);
  if (plan.old.length > 0) return;
  const revision = basisOf(plan.slot)?.task.revision ?? state.service.revision;
  planSuccessor(plan, state.specOf(revision) === undefined ? state.service.revision : revision, state);
}

export function shutDown(plan: SlotPlan, views: readonly SlotTask[], why: Cause): void {
  for (const { task } of views) {
    plan.steps.push({ kind: "desire", key: plan.slot.key, task, desired: "SHUTDOWN", cause: why });
  }
}

export type NewTask = {
  readonly revision: number;
  /** Desired READY until then, and until the predecessors are gone. */
  readonly startAtMs: number | "after-predecessors";
  readonly replaces?: string;
  readonly earlyEnds?: number;
  /** The only node that may run it. */
  readonly nodeId?: string;
  readonly why: Cause;
};

export function create(plan: SlotPlan, newTask: NewTask, state: ServiceState): void {
  const { revision, startAtMs, replaces = "", earlyEnds = 0, nodeId = "", why } = newTask;
  if (isHomeOpen(plan.slot, newTask, state)) return;
  const { isOver } = waitForOthers(plan.slot, state);
  const waits = startAtMs === "after-predecessors" || startAtMs > state.nowMs || !isOver;
  const startAfterMs = startAtMs !== "after-predecessors" && startAtMs > state.nowMs ? startAtMs : 0;
  plan.steps.push({
    kind: "create",
    key: plan.slot.key,
    slot: plan.slot.number,
    pinnedNodeId: nodeId || plan.slot.nodeId || homeOf(plan.slot, newTask, state),
    revision,
    run: state.run,
    desired: waits ? "READY" : goalOf(state),
    startAfterMs,
    earlyEnds,
    replaces,
    cause: why,
  });
  if (startAfterMs > 0) plan.wakeAtMs = earlier(plan.wakeAtMs, startAfterMs);
}

/**
 * What the slot is, for want of a good task: what filled it last. A new task that ended before the old
 * one beside it did took nothing over: the slot is still the old one's.
 */
function basisOf({ tasks }: Slot): SlotTask | undefined {
  let last: SlotTask | undefined;
  for (const view of tasks) {
    if (view.task.desired === "REMOVE") continue;
    const lead = last === undefined ? 1 : leftAtMs(view) - leftAtMs(last);
    // Infinity minus itself is no number: a tie.
    if (lead > 0 || (!(lead < 0) && view.current === last?.current)) last = view;
  }
  return last;
}

function leftAtMs({ task, fate, node }: SlotTask): number {
  if (isTerminal(observedState(task))) return endedAtMs(task);
  if (fate === "silent") return node?.status?.sinceMs ?? 0;
  // Nobody may ever hear of its end: it left when it was told to, or what follows it would never be the slot's.
  return fate === "stopping" && !willReport(node) ? (task.meta?.updatedAtMs ?? 0) : Infinity;
}

function willReport(node: Node | undefined): boolean {
  const state = node?.status?.state;
  return (state === "READY" || state === "UNREACHABLE") && node?.status?.engineOk === true;
}

export function ranOut({ task, fate }: SlotTask): boolean {
  return (fate === "ended" || fate === "stopping") && endedByItself(task);
}

/** A task that was told to stop may still do so: nobody takes its place before it is gone. */
export function isStopping({ task, fate, node }: SlotTask): boolean {
  return (
    fate === "stopping" &&
    task.nodeId !== "" &&
    !isTerminal(observedState(task)) &&
    // From a node that does not answer the end would never be heard of.
    (node?.status?.state === "READY" || node?.status?.state === "UNREACHABLE")
  );
}

/** When what runs without its engine is given up. */
function engineWakeMs({ tasks }: Slot, { nowMs }: ServiceState): number | null {
  return tasks.reduce<number | null>((wake, { fate, node }) => {
    const lostAtMs = fate === "good" && node !== undefined ? engineLostAtMs(node) : null;
    return lostAtMs !== null && lostAtMs > nowMs ? earlier(wake, lostAtMs) : wake;
  }, null);
}

/**
 * Their agents must know, also if it was said of the service only now. It is never taken back: an agent that said it
 * knows must not forget on the way to what another change says.
 */
function planSingles({ key, tasks }: Slot, { ties }: ServiceState): Step[] {
  if (ties.single === "") return [];
  return tasks
    .filter(({ task, fate }) => fate === "good" && !task.single)
    .map(({ task }): Step => ({ kind: "single", key, task }));
}

/** What is over gets a desired state that says so. */
function planEndings({ key, tasks }: Slot): Step[] {
  const steps: Step[] = [];
  for (const { task, fate, gone, trouble } of tasks) {
    if (gone) steps.push({ kind: "orphan", key, task, cause: cause("orchestrator", "its node was removed") });
    else if (fate === "ended") {
      steps.push({ kind: "desire", key, task, desired: "SHUTDOWN", cause: cause("restart", endText(task)) });
    } else if (fate === "lost") {
      steps.push({ kind: "desire", key, task, desired: "SHUTDOWN", cause: cause("orchestrator", trouble) });
    }
  }
  return steps;
}

/**
 * Out-of-date tasks, without those that still were to take over from another of them when the next revision came: they
 * waited for their start, or never became ready beside it.
 */
function withoutOvertaken(plan: SlotPlan, good: readonly SlotTask[]): readonly SlotTask[] {
  const old = good.filter((view) => !view.current);
  const isBesideOlder = ({ task }: SlotTask, at: number): boolean =>
    task.readyAtMs === 0 && old.slice(0, at).some((other) => other.task.revision !== task.revision);
  const overtaken = old.filter((view, at) => view.task.desired === "READY" || isBesideOlder(view, at));
  if (overtaken.length === 0 || overtaken.length === old.length) return old;
  shutDown(plan, overtaken, cause("orchestrator", "another revision came before its start"));
  return old.filter((view) => !overtaken.includes(view));
}

function keepOne(plan: SlotPlan, group: readonly SlotTask[], state: ServiceState): readonly SlotTask[] {
  const leaving = group.filter((view) => view.leaving);
  const moving = group.find(({ task }) => task.move !== null);
  if (leaving.length === 0 && moving !== undefined) return keepMoving(plan, moving, group, state);
  if (leaving.length === 0) return keepBest(plan, group, state);
  const staying = group.filter((view) => !view.leaving);
  if (staying.some((view) => view.serving)) {
    shutDown(plan, leaving, cause("orchestrator", "its node is drained, and another task of the slot runs"));
    return keepBest(plan, staying, state);
  }
  for (const { node } of leaving) if (node) plan.wakeAtMs = earlier(plan.wakeAtMs, drainDeadlineMs(node));
  const kept = keepBest(plan, leaving, state);
  const [first] = kept;
  if (staying.length === 0 && first !== undefined) planDeparture(plan, first, state);
  promote(plan, staying, state);
  return [...kept, ...keepBest(plan, staying, state)];
}

/** A task that makes way for another one elsewhere, beside that one. */
function keepMoving(
  plan: SlotPlan,
  original: SlotTask,
  group: readonly SlotTask[],
  state: ServiceState,
): readonly SlotTask[] {
  const { task, current } = original;
  const others = group.filter((view) => view !== original);
  const decision = decideMove(original, plan.slot, group, state);
  switch (decision.kind) {
    case "begin": {
      const { nodeId } = decision;
      const node = state.nodeOf(nodeId);
      const why = cause(
        "orchestrator",
        `rebalanced: node ${node === undefined ? nodeId : nodeName(node)} has fewer tasks`,
      );
      const revision = current ? state.service.revision : task.revision;
      create(plan, { revision, startAtMs: 0, replaces: task.id, nodeId, why }, state);
      return group;
    }
    case "wait":
      plan.wakeAtMs = earlier(plan.wakeAtMs, decision.untilMs);
      return group;
    case "finish":
      shutDown(plan, [original], cause("orchestrator", "rebalanced: another task runs in its place elsewhere"));
      return others;
    case "abandon": {
      const why = cause("orchestrator", `not moved: ${decision.why}`);
      plan.steps.push({ kind: "stay", key: plan.slot.key, task, cause: why });
      shutDown(
        plan,
        others.filter((view) => view.task.replaces === task.id),
        why,
      );
      return keepBest(
        plan,
        group.filter((view) => view.task.replaces !== task.id),
        state,
      );
    }
  }
}

/** What takes the place of a task whose node is drained; it goes on until that serves. */
function planDeparture(plan: SlotPlan, { task, node }: SlotTask, state: ServiceState): void {
  if (!state.mayLeave(task)) return;
  const revision = state.specOf(task.revision) === undefined ? state.service.revision : task.revision;
  const successor = { revision, replaces: task.id };
  const failed = plan.slot.tasks.findLast((view) => view.task.replaces === task.id && ranOut(view));
  if (failed !== undefined) {
    planRestart(plan, failed, successor, state);
    return;
  }
  const name = node === undefined ? task.nodeId : nodeName(node);
  create(plan, { ...successor, startAtMs: 0, why: cause("orchestrator", `node ${name} is drained`) }, state);
}

function keepBest(plan: SlotPlan, group: readonly SlotTask[], state: ServiceState): readonly SlotTask[] {
  // Of what never runs twice an original that is back was started again beside the one that served meanwhile.
  const onReturn = state.ties.single === "" ? state.service.spec?.nodeLoss?.onReturn : "KEEP_REPLACEMENT";
  const { keep, drop, wakeAtMs } = planSurplus(group, state.nowMs, onReturn);
  shutDown(plan, drop, cause("orchestrator", "surplus: another task of the slot runs"));
  plan.wakeAtMs = earlier(plan.wakeAtMs, wakeAtMs);
  return keep;
}

/** The new task is ready: the old one goes, unless it is kept until the new revision is proven, or the pause is over. */
function replaceOld(plan: SlotPlan, state: ServiceState): void {
  const isUnproven = !state.isProven && state.rules.startsFirst;
  const isKept = (isUnproven || isHeld(state.service.rollout)) && plan.old.some((view) => view.serving);
  if (!isKept) {
    shutDown(plan, plan.old, cause("orchestrator", `replaced by revision ${state.service.revision}`));
    return;
  }
  const provenAtMs = Math.min(...plan.current.map(({ task }) => task.readyAtMs + state.rules.monitorMs));
  if (provenAtMs > state.nowMs) plan.wakeAtMs = earlier(plan.wakeAtMs, provenAtMs);
}

/** The stand-in fell silent after its original had come back: only the original is needed. */
function dropSilentSurplus(plan: SlotPlan, state: ServiceState): void {
  const { tasks } = plan.slot;
  const [keeper, ...others] = plan.current;
  if (keeper === undefined || others.length > 0 || !keeper.serving) return;
  const newer = tasks.slice(tasks.indexOf(keeper) + 1).filter((view) => view.fate === "silent");
  if (newer.length === 0) return;
  const settled = settlesAtMs(keeper, state.nowMs);
  if (settled === 0) shutDown(plan, newer, cause("orchestrator", "surplus: the task it stood in for runs again"));
  else plan.wakeAtMs = earlier(plan.wakeAtMs, settled);
}

/** Desired READY becomes RUNNING once its time has come and its stopping predecessors are gone. */
function promote(plan: SlotPlan, views: readonly SlotTask[], state: ServiceState): void {
  for (const view of views) {
    if (view.task.desired !== "READY") continue;
    const dueMs = Math.max(view.task.startAfterMs, predecessorsGoneMs(plan.slot, view, state));
    const wait = waitForOthers(plan.slot, state, view.task);
    if (!wait.isOver) {
      plan.wakeAtMs = earlier(plan.wakeAtMs, wait.untilMs);
      continue;
    }
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
function predecessorsGoneMs(slot: Slot, view: SlotTask, state: ServiceState): number {
  const others = slot.tasks.filter((other) => other !== view && isStopping(other));
  return Math.max(
    0,
    ...others.map(({ task }) => {
      // Its last change is when it was told to stop, or a later word of its agent.
      const toldAtMs = task.meta?.updatedAtMs ?? state.nowMs;
      return toldAtMs + graceMs(state.specOf(task.revision)) + PREDECESSOR_WAIT_MS;
    }),
  );
}

function graceMs(spec: TaskSpec | undefined): number {
  return spec?.container?.stopGraceMs ?? spec?.process?.stopGraceMs ?? DEFAULT_STOP_GRACE_MS;
}

/** A task that no node takes holds nobody up where its slot waited for a node before it, ran it already, or lost its node. */
function isWaitedFor({ slot, current, old }: SlotPlan): boolean {
  if (old.length > 0 || current.some(({ task }) => task.nodeId !== "" || task.pendingReason === "")) return true;
  if (current.some(({ task }) => task.replaces !== "")) return false;
  const before = slot.tasks.findLast((view) => !view.current);
  const hasRun = slot.tasks.some((view) => view.current && (view.task.status?.startedAtMs ?? 0) > 0);
  return before !== undefined && before.task.nodeId !== "" && !hasRun;
}

/** No good task is left: the slot needs a new one, now or by the restart policy. */
function planSuccessor(plan: SlotPlan, revision: number, state: ServiceState): void {
  const { slot } = plan;
  plan.phase = "moving";
  const last = basisOf(slot);
  const replaces = slot.tasks.findLast((view) => view.fate === "silent")?.task.id ?? "";
  if (last !== undefined && last.fate !== "silent" && ranOut(last)) {
    planRestart(plan, last, { revision, replaces }, state);
    return;
  }
  const removed = last !== undefined && isRemovedByHand(last.task) ? removedText(last.task) : "the slot has no task";
  const why = last === undefined || last.trouble === "" ? removed : last.trouble;
  create(plan, { revision, startAtMs: 0, replaces, why: cause("orchestrator", why) }, state);
}

function removedText({ id, cause }: Task): string {
  return `task ${id} was ${REMOVED_BY_HAND}, by ${cause?.actor ?? ""}`;
}

function planRestart(
  plan: SlotPlan,
  last: SlotTask,
  successor: { readonly revision: number; readonly replaces: string },
  state: ServiceState,
): void {
  const restart = restartOf(plan.slot, last, state);
  switch (restart.kind) {
    case "restart": {
      const { startAtMs, earlyEnds } = restart;
      create(plan, { ...successor, startAtMs, earlyEnds, why: cause("restart", endText(last.task)) }, state);
      return;
    }
    case "wait":
      plan.wakeAtMs = earlier(plan.wakeAtMs, restart.untilMs);
      return;
    case "never":
      plan.phase = "idle";
      if (!restart.completed) plan.givenUp = restart.reason;
  }
}

/** What the restart policy of the task's own revision says about its end. */
export function restartOf(slot: Slot, last: SlotTask, state: ServiceState): ReturnType<typeof decideRestart> {
  const history = slot.tasks.map(({ task }) => task);
  const policy = (state.specOf(last.task.revision) ?? state.spec).restart;
  const sinceMs = state.service.rollout?.startedAtMs ?? 0;
  return decideRestart(last.task, history, policy, { nowMs: state.nowMs, sinceMs });
}
