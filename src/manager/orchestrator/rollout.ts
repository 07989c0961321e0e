/**
 * Which slots take their turn in a rollout, and how a slot changes hands. Level-triggered: at most
 * `parallelism` slots are in motion at any time, and a slot that failed counts among them no more. What
 * the rollout's record becomes is decided first (rollout-record.ts), so that one that failed stops at once.
 */
import { compareStates, isTerminal, observedState } from "../../model/task-state.ts";
import { endedAtMs } from "../../model/restart.ts";
import { failureKey, isFinished, isHeld, isOfRollout } from "../../model/rollout.ts";
import type { Rollout } from "../../model/index.ts";
import { planRecord } from "./rollout-record.ts";
import type { RecordPlan } from "./rollout-record.ts";
import { create, isStopping, keepUp, ranOut, restartOf, shutDown } from "./slot-plan.ts";
import type { SlotPlan } from "./slot-plan.ts";
import { bySlot } from "./slot.ts";
import type { ServiceState, SlotTask } from "./slot.ts";
import { cause, earlier } from "./steps.ts";

/** What just ended made room that the scheduler has not looked at yet. */
export const ROOM_WAIT_MS = 250;

/** Adds the rollout's steps to the plans of its slots. @returns what becomes of its record, null for nothing. */
export function planRollout(plans: readonly SlotPlan[], state: ServiceState): RecordPlan {
  const record = planRecord(plans, state);
  const outdated = plans.filter((plan) => plan.phase === "outdated");
  // Everything else of a rollback is planned once the service is back at what it was.
  if (record.change?.kind === "back" || isHeld(record.rollout)) {
    for (const plan of outdated) keepUp(plan, state);
    return record;
  }
  moveOn(plans, record.rollout, state);
  takeTurns(outdated, turnsOf(plans, record.rollout, state), state);
  return record;
}

/** The revision of a slot's first task. One that is not proven yet is not spread by scaling. */
export function revisionOfNewSlot({ service, specOf }: ServiceState): number {
  const { rollout, revision } = service;
  const isUnproven = rollout !== null && (rollout.state === "PAUSED" || rollout.state === "CANARY");
  return isUnproven && specOf(rollout.from) !== undefined ? rollout.from : revision;
}

function takeTurns(outdated: readonly SlotPlan[], turns: number, state: ServiceState): void {
  let left = turns;
  for (const plan of brokenFirst(outdated)) {
    const isFree = plan.old.length > 0 && plan.old.every((view) => isNothingLost(view, state));
    if (!isFree && left <= 0) keepUp(plan, state);
    else if (takeTurn(plan, state) && !isFree) left -= 1;
  }
}

/** How many slots may take their turn now. */
function turnsOf(plans: readonly SlotPlan[], rollout: Rollout | null, state: ServiceState): number {
  const failed = new Set(rollout?.failures.map(failureKey));
  const inMotion = plans.filter((plan) => isInMotion(plan, rollout, state) && !failed.has(plan.slot.key)).length;
  const turns = state.rules.parallelism - inMotion;
  if (rollout?.state !== "CANARY") return turns;
  // A slot that failed and keeps its old task was a canary's too: it is not tried in another one's place.
  const canaries = plans.filter((plan) => hasCanary(plan, rollout) || failed.has(plan.slot.key));
  return Math.min(turns, rollout.canary - canaries.length);
}

/** A slot holds up the next one until the delay after it was first ready is over, and the first ones until they are proven. */
function isInMotion(plan: SlotPlan, rollout: Rollout | null, { rules, isProven, nowMs }: ServiceState): boolean {
  if (plan.phase === "moving") return true;
  if (plan.phase !== "serving" || rollout === null || isFinished(rollout.state)) return false;
  const waitMs = isProven ? rules.delayMs : Math.max(rules.delayMs, rules.monitorMs);
  const readyAt = plan.slot.tasks
    .filter(({ task }) => isOfRollout(task, rollout) && task.readyAtMs > 0)
    .map(({ task }) => task.readyAtMs);
  if (readyAt.length === 0 || Math.min(...readyAt) + waitMs <= nowMs) return false;
  plan.wakeAtMs = earlier(plan.wakeAtMs, Math.min(...readyAt) + waitMs);
  return true;
}

/** It is the canary's, also while its next attempt is waited for. */
function hasCanary({ phase, slot }: SlotPlan, rollout: Rollout): boolean {
  return phase !== "outdated" && slot.tasks.some(({ task }) => isOfRollout(task, rollout));
}

function brokenFirst(plans: readonly SlotPlan[]): SlotPlan[] {
  const serves = (plan: SlotPlan): boolean => plan.old.some((view) => view.serving);
  return plans.toSorted((a, b) => Number(serves(a)) - Number(serves(b)) || bySlot(a.slot, b.slot));
}

/**
 * Replacing it costs nobody anything, and spends no turn: no node took it, or a rollback came before
 * its start. But a canary has so many slots, whatever they cost.
 */
function isNothingLost(view: SlotTask, { service }: ServiceState): boolean {
  const state = service.rollout?.state;
  return (view.task.nodeId === "" && state !== "CANARY") || (state === "ROLLING_BACK" && neverRan(view));
}

function neverRan({ task }: SlotTask): boolean {
  return task.nodeId === "" || (task.desired === "READY" && compareStates(observedState(task), "STARTING") < 0);
}

/** @returns false if it has to wait: its last attempt failed, and the restart policy sets the next one's time. */
function takeTurn(plan: SlotPlan, state: ServiceState): boolean {
  const { slot, old } = plan;
  const { revision } = state.service;
  const { rollout } = state.service;
  const failed = slot.tasks.findLast((view) => rollout !== null && isOfRollout(view.task, rollout) && ranOut(view));
  let earlyEnds = 0;
  if (failed !== undefined) {
    const restart = restartOf(slot, failed, state);
    const dueMs = restart.kind === "restart" ? restart.startAtMs : restart.kind === "wait" ? restart.untilMs : null;
    if (restart.kind !== "restart" || restart.startAtMs > state.nowMs) {
      if (restart.kind === "never") plan.givenUp = restart.reason;
      plan.wakeAtMs = earlier(plan.wakeAtMs, dueMs);
      keepUp(plan, state);
      return false;
    }
    ({ earlyEnds } = restart);
  }
  const why = cause("orchestrator", `update to revision ${revision}`);
  const silent = slot.tasks.findLast((view) => view.fate === "silent");
  const isAlone = old.every(neverRan);
  if (isAlone) shutDown(plan, old, why);
  const waits = isAlone ? slot.tasks.some(isStopping) && !state.rules.startsFirst : !state.rules.startsFirst;
  const replaces = old.length === 0 ? (silent?.task.id ?? "") : "";
  create(plan, { revision, startAtMs: waits ? "after-predecessors" : 0, replaces, earlyEnds, why }, state);
  return true;
}

/**
 * Old and new task of a slot side by side. Stop-first: the new one is desired READY, and the old one
 * stops once that is prepared. Start-first: the new one just runs, unless no node has room for both.
 * More slots than should may be in motion, where what was replaced on a silent node runs again: still
 * no more of them at once give up an old task that serves.
 */
function moveOn(plans: readonly SlotPlan[], rollout: Rollout | null, state: ServiceState): void {
  const failed = new Set(rollout?.failures.map(failureKey));
  const moving = plans.filter(({ phase }) => phase === "moving");
  const serves = ({ old }: SlotPlan): boolean => old.some(({ serving }) => serving);
  const dark = moving.filter((plan) => !serves(plan) && !failed.has(plan.slot.key)).length;
  let left = state.rules.parallelism - dark;
  for (const plan of moving) {
    if (plan.old.length === 0) continue;
    const waiting = plan.current.filter(({ task }) => task.desired === "READY");
    if (waiting.length === 0) stopFirstForRoom(plan, plans, state);
    else if (!serves(plan)) handOver(plan, waiting, state);
    else if (left > 0 && handOver(plan, waiting, state)) left -= 1;
  }
}

/**
 * @param waiting more than one where a node was silent in between
 * @returns whether the old task is told to stop
 */
function handOver(plan: SlotPlan, waiting: readonly SlotTask[], state: ServiceState): boolean {
  const prepared = waiting.filter(({ task }) => compareStates(observedState(task), "READY") >= 0);
  const due = prepared.find(({ task }) => task.startAfterMs <= state.nowMs);
  const why = cause("orchestrator", `update to revision ${state.service.revision}`);
  if (due !== undefined) {
    shutDown(plan, plan.old, why);
    shutDown(
      plan,
      plan.current.filter((view) => view !== due),
      why,
    );
    return true;
  }
  for (const { task } of waiting) {
    if (task.startAfterMs > state.nowMs) plan.wakeAtMs = earlier(plan.wakeAtMs, task.startAfterMs);
  }
  return false;
}

function stopFirstForRoom(plan: SlotPlan, plans: readonly SlotPlan[], state: ServiceState): void {
  const [next, ...others] = plan.current;
  if (next === undefined || others.length > 0 || next.task.nodeId !== "" || next.task.pendingReason === "") return;
  const lacksSinceMs = lacksRoomSinceMs(next, plans);
  if (lacksSinceMs === null) return;
  if (lacksSinceMs + ROOM_WAIT_MS > state.nowMs) {
    plan.wakeAtMs = earlier(plan.wakeAtMs, lacksSinceMs + ROOM_WAIT_MS);
    return;
  }
  const { revision, earlyEnds, pendingReason } = next.task;
  shutDown(plan, [next], cause("orchestrator", `no room beside the old task: ${pendingReason}`));
  const why = cause("orchestrator", `update to revision ${state.service.revision}`);
  create(plan, { revision, startAtMs: "after-predecessors", earlyEnds, why }, state);
}

/** Since when no node takes the task; null while something of the service still makes room by its end. */
function lacksRoomSinceMs({ task }: SlotTask, plans: readonly SlotPlan[]): number | null {
  let sinceMs = task.meta?.updatedAtMs ?? 0;
  for (const { slot } of plans) {
    for (const view of slot.tasks) {
      if (isStopping(view)) return null;
      if (isTerminal(observedState(view.task))) sinceMs = Math.max(sinceMs, endedAtMs(view.task));
    }
  }
  return sinceMs;
}
