/**
 * Rollouts: the rules one goes by, what its record says, and how people's words change it. Pure.
 * The record is in the service and all there is of a rollout: a new leader goes on from it.
 *
 *   UPDATING (CANARY first, if there is one) -> COMPLETED
 *     -> PAUSED, by hand or on failure -> UPDATING
 *     -> ROLLING_BACK -> ROLLED_BACK
 *          -> ROLLBACK_PAUSED -> ROLLING_BACK
 *
 * A rollback is never rolled back.
 */
import { assert } from "../util/assert.ts";
import { slotName } from "./naming.ts";
import { overlapObstacle } from "./overlap.ts";
import { tiesOf } from "./ties.ts";
import { isTerminal, observedState } from "./task-state.ts";
import type { Cause, Rollout, RolloutFailure, RolloutState, Service, Task, UpdateConfig } from "./index.ts";
import { DEFAULT_UPDATE_DEADLINE_MS, DEFAULT_UPDATE_MONITOR_MS, DEFAULT_UPDATE_PARALLELISM } from "./defaults.ts";

/** Slots whose failure is remembered; with so many the failure action is taken whatever the ratio. */
export const ROLLOUT_FAILURES_MAX = 1000;
/** UTF-8 of one failure's text. */
export const FAILURE_TEXT_BYTES_MAX = 200;

export type RolloutRules = {
  /** Slots in motion at once; Infinity is all. */
  readonly parallelism: number;
  readonly delayMs: number;
  readonly monitorMs: number;
  readonly deadlineMs: number;
  readonly maxFailureRatio: number;
  readonly onFailure: "ROLLBACK" | "PAUSE" | "CONTINUE";
  readonly startsFirst: boolean;
  /** Why it stops first although start-first is asked for; empty if it does not. */
  readonly obstacle: string;
};

/** Of the rollout under way, or of the next one. */
export function rolloutRules({ spec, rollout }: Pick<Service, "spec" | "rollout">): RolloutRules {
  const isBack = rollout !== null && isBackward(rollout.state);
  const config = (isBack ? (spec?.rollback ?? withoutDelay(spec?.update)) : spec?.update) ?? null;
  const asked = config?.failureAction ?? "DEFAULT";
  const wantsOverlap = (config?.order ?? "START_FIRST") === "START_FIRST";
  const obstacle = wantsOverlap && spec?.task ? tiesOf(spec).single || overlapObstacle(spec.task) : "";
  const parallelism = config?.parallelism ?? DEFAULT_UPDATE_PARALLELISM;
  return {
    parallelism: parallelism === 0 ? Infinity : parallelism,
    delayMs: config?.delayMs ?? 0,
    monitorMs: config?.monitorMs ?? DEFAULT_UPDATE_MONITOR_MS,
    deadlineMs: config?.progressDeadlineMs || DEFAULT_UPDATE_DEADLINE_MS,
    maxFailureRatio: config?.maxFailureRatio ?? 0,
    onFailure: asked === "DEFAULT" || asked === "ROLLBACK" ? (isBack ? "PAUSE" : "ROLLBACK") : asked,
    startsFirst: wantsOverlap && obstacle === "",
    obstacle,
  };
}

function withoutDelay(update: UpdateConfig | null | undefined): UpdateConfig | null {
  return update ? { ...update, delayMs: 0, failureAction: "PAUSE" } : null;
}

/** Slots take their turns, and failures count. */
export function isActive(state: RolloutState): boolean {
  return state === "UPDATING" || state === "CANARY" || state === "ROLLING_BACK";
}

export function isBackward(state: RolloutState): boolean {
  return state === "ROLLING_BACK" || state === "ROLLBACK_PAUSED" || state === "ROLLED_BACK";
}

export function isFinished(state: RolloutState): boolean {
  return state === "NONE" || state === "COMPLETED" || state === "ROLLED_BACK";
}

/** What is out of date stays so for now: it is kept up as it is. */
export function isHeld(rollout: Rollout | null): boolean {
  return rollout !== null && (rollout.state === "PAUSED" || rollout.state === "ROLLBACK_PAUSED");
}

/** Made by this rollout, and not there before it. */
export function isOfRollout(task: Task, rollout: Rollout): boolean {
  return task.revision === rollout.to && (task.meta?.createdAtMs ?? 0) >= rollout.startedAtMs;
}

/** For how long the task was ready, or has been until now; 0 if it never was. */
export function readyForMs(task: Task, nowMs: number): number {
  if (task.readyAtMs === 0) return 0;
  const untilMs = isTerminal(observedState(task)) ? (task.status?.atMs ?? 0) : nowMs;
  return Math.max(0, untilMs - task.readyAtMs);
}

/**
 * A task of the revision has outlived its monitor period. Until one has, no more slots than may be in
 * motion at once get it, and under start-first none gives up its old task for it: what fails soon after
 * it was ready costs nobody anything. Where a rollback leads to has been proven.
 */
export function isProven(
  tasks: readonly Task[],
  rollout: Rollout | null,
  { monitorMs }: Pick<RolloutRules, "monitorMs">,
  nowMs: number,
): boolean {
  if (rollout === null || isFinished(rollout.state) || isBackward(rollout.state) || monitorMs === 0) return true;
  return tasks.some((task) => isOfRollout(task, rollout) && readyForMs(task, nowMs) >= monitorMs);
}

export function failureKey(failure: RolloutFailure): string {
  return slotName(failure);
}

/**
 * The revision to go back to if the next one fails: the last that was rolled out to its end. One that
 * was overtaken or paused on the way never proved anything.
 */
export function stableRevision({ revision, rollout }: Pick<Service, "revision" | "rollout">): number {
  const isUnproven = rollout !== null && !isFinished(rollout.state) && !isBackward(rollout.state);
  return isUnproven ? rollout.from : revision;
}

type Beginning = {
  readonly from: number;
  readonly to: number;
  readonly cause: Cause | null;
  readonly nowMs: number;
  readonly message?: string;
};

export function beginUpdate(spec: Service["spec"], beginning: Beginning): Rollout {
  const canary = spec?.update?.canary ?? 0;
  return { ...begin(beginning), state: canary > 0 ? "CANARY" : "UPDATING", canary };
}

export function beginRollback(beginning: Beginning): Rollout {
  return { ...begin(beginning), state: "ROLLING_BACK" };
}

function begin({ from, to, cause, nowMs, message = "" }: Beginning): Rollout {
  assert(from !== to, "a rollout goes from one revision to another");
  return {
    state: "UPDATING",
    from,
    to,
    cause,
    startedAtMs: nowMs,
    finishedAtMs: 0,
    message,
    total: 0,
    updated: 0,
    failures: [],
    countsFromMs: nowMs,
    canary: 0,
    canaryReadyAtMs: 0,
    deadlineMs: 0,
  };
}

/** @param message why */
export function paused(rollout: Rollout, message: string): Rollout {
  const state = isBackward(rollout.state) ? "ROLLBACK_PAUSED" : "PAUSED";
  return { ...rollout, state, message, deadlineMs: 0, canaryReadyAtMs: 0 };
}

/** Goes on; what failed until now is forgiven. */
export function resumed(rollout: Rollout, nowMs: number): Rollout {
  const state = isBackward(rollout.state) ? "ROLLING_BACK" : rollout.canary > 0 ? "CANARY" : "UPDATING";
  return { ...rollout, state, message: "", failures: [], countsFromMs: nowMs };
}

/** The canary's slots were good: the others follow. */
export function promoted(rollout: Rollout): Rollout {
  return { ...rollout, state: "UPDATING", canary: 0, canaryReadyAtMs: 0, message: "" };
}
