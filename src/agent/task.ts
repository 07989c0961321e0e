/**
 * The one task reducer: from what is wanted, what was reported and what the executor sees to the
 * next status and the next thing to do. Pure; the runner (task-runner.ts) carries it out, one
 * operation at a time, and asks again.
 *
 *   ASSIGNED > ACCEPTED > PREPARING -prepare-> READY (waits here while desired is READY)
 *     > STARTING -start, healthy, startup check passed-> RUNNING > COMPLETE | FAILED
 *   before STARTING an error is REJECTED; desired SHUTDOWN: -stop-> SHUTDOWN
 *
 * Observed state only rises. An engine that does not answer is never a task's failure.
 */
import { canRaise, compareStates, isTerminal } from "../model/task-state.ts";
import type { TaskSpec, TaskState, TaskStatus } from "../model/index.ts";
import type { AppError } from "../util/errors.ts";
import type { CheckVerdicts } from "./check-set.ts";
import type { RuntimeState } from "./executor/executor.ts";

export type TaskOp = "none" | "inspect" | "prepare" | "start" | "stop";

export type StepInput = {
  readonly desired: TaskState;
  readonly spec: TaskSpec | null;
  /** What was last recorded of the task on this node. */
  readonly status: TaskStatus;
  /** What the executor last said; null: nothing of it exists; "unknown": look before acting. */
  readonly runtime: RuntimeState | null | "unknown";
  /** Of the runtime, while it runs. */
  readonly checks: CheckVerdicts;
  /** The operation that just ended badly. */
  readonly failure: { readonly op: TaskOp; readonly error: AppError } | null;
  /**
   * The engine (or the machine) was gone since the runtime was last seen running: what stopped
   * meanwhile was stopped by that, and is started again here instead of being reported as failed.
   */
  readonly engineWasAway: boolean;
  /** Start nothing: it may run elsewhere until a manager says otherwise (a goodbye, or a restart of what never runs twice). */
  readonly isHeld: boolean;
  /** Why this agent ends it by itself, for good; empty if it does not: it never runs twice, and may be started elsewhere. */
  readonly ending: string;
};

export type Step = {
  /** Null: unchanged. */
  readonly status: TaskStatus | null;
  readonly op: TaskOp;
  /** Ask again after this long even if nothing happens; null: only when something does. */
  readonly retryInMs: number | null;
};

/** Flat, as Swarm's: an engine that is back is also announced, so this is only the safety net. */
export const RETRY_MS = 1000;
export const HEALTH_CHECK_FAILED = "health check failed";
const STARTING_AGAIN = "starting again: the engine was restarted";
/** Of what does not run. */
const DOWN = { healthy: false, ready: false, checkMessage: "" } as const;

export function nextStep(input: StepInput): Step {
  const step = decide(input);
  return step.status === input.status ? { ...step, status: null } : step;
}

function decide(input: StepInput): Step {
  if (input.failure !== null) return onFailure(input, input.failure);
  if (isTerminal(input.status.state)) return ensureStopped(input);
  if (isUnwanted(input)) return shutDown(input);
  return advance(input);
}

function onFailure(input: StepInput, { op, error }: NonNullable<StepInput["failure"]>): Step {
  const { status } = input;
  const isTransient = error.code === "unavailable" || error.code === "cancelled" || op === "inspect";
  if (isTransient) {
    // Said once, and only where people wait for it: a running task is not worth a report for it.
    const isWaiting = error.code === "unavailable" && compareStates(status.state, "RUNNING") < 0;
    return {
      status: isWaiting ? withMessage(status, "waiting for the engine") : null,
      op: "none",
      retryInMs: RETRY_MS,
    };
  }
  if (op === "stop") {
    const changed = isTerminal(status.state) ? null : withMessage(status, `cannot stop it yet: ${error.message}`);
    return { status: changed, op: "none", retryInMs: RETRY_MS };
  }
  // It was not to be started any more: only what exists of it matters.
  if (isTerminal(status.state) || isUnwanted(input)) return run("inspect");
  const state = compareStates(status.state, "STARTING") < 0 ? "REJECTED" : "FAILED";
  const message = op === "prepare" ? "could not be prepared" : "could not be started";
  return only(rise(status, state, { message, error: error.message }));
}

function isUnwanted({ desired, ending }: StepInput): boolean {
  return compareStates(desired, "SHUTDOWN") >= 0 || ending !== "";
}

/** Over, but what ran may still run: an agent that crashed, a stop that failed. */
function ensureStopped({ runtime }: StepInput): Step {
  if (runtime === "unknown") return run("inspect");
  return run(runtime?.state === "running" ? "stop" : "none");
}

function shutDown(input: StepInput): Step {
  const { runtime, status, ending } = input;
  if (runtime === "unknown") return run("inspect");
  if (runtime?.state === "running") return run("stop");
  const message = ending === "" ? "shut down" : `stopped: ${ending}`;
  return only(rise(status, "SHUTDOWN", { message, ...DOWN, ...endOf(runtime) }));
}

function advance(input: StepInput): Step {
  const { status, spec } = input;
  if (compareStates(status.state, "ACCEPTED") < 0) return only(rise(status, "ACCEPTED", { message: "accepted" }));
  switch (status.state) {
    case "ACCEPTED":
      if (spec === null) {
        return only(rise(status, "REJECTED", { message: "could not be prepared", error: "Its spec did not arrive" }));
      }
      return only(rise(status, "PREPARING", { message: "preparing" }));
    case "PREPARING":
      return preparing(input);
    case "READY":
      return ready(input);
    default:
      return starting(input);
  }
}

function preparing({ status, runtime, isHeld }: StepInput): Step {
  if (runtime === "unknown") return run("inspect");
  if (runtime === null) return run(isHeld ? "none" : "prepare");
  return only(rise(status, "READY", { message: "ready", runtimeId: runtime.runtimeId }));
}

function ready({ status, runtime, desired, isHeld }: StepInput): Step {
  if (runtime === "unknown") return run("inspect");
  // Somebody removed what was prepared; nothing is lost by preparing it once more.
  if (runtime === null) return run(isHeld ? "none" : "prepare");
  if (compareStates(desired, "READY") <= 0) return run("none");
  return only(rise(status, "STARTING", { message: "starting", runtimeId: runtime.runtimeId }));
}

/** STARTING and RUNNING alike: they differ in nothing but whether it was healthy once. */
function starting(input: StepInput): Step {
  const { runtime, isHeld } = input;
  if (runtime === "unknown") return run("inspect");
  if (runtime === null) return vanished(input);
  switch (runtime.state) {
    case "created":
      return run(isHeld ? "none" : "start");
    case "exited":
      return exited(input, runtime);
    case "running":
      return running(input, runtime);
  }
}

function running({ status, checks }: StepInput, runtime: RuntimeState): Step {
  const next = seen(status, runtime, checks);
  const doom = runtime.health === "unhealthy" ? HEALTH_CHECK_FAILED : checks.doom;
  // Recorded before the stop, so that its exit code is not taken for the reason. From then on it is certain: only what
  // is to be ended has an error while it runs.
  if (status.error !== "") return run("stop");
  if (doom !== "") return { status: { ...next, ready: false, error: doom }, op: "stop", retryInMs: null };
  const isUp = runtime.health !== "starting" && checks.isStarted;
  if (isUp && canRaise(status.state, "RUNNING")) return only({ ...next, state: "RUNNING", message: "running" });
  const message = isUp ? "running" : status.message;
  return isSame(status, next) && status.message === message ? run("none") : only({ ...next, message });
}

function exited(input: StepInput, runtime: RuntimeState): Step {
  const { status, spec, engineWasAway, isHeld } = input;
  const isOk = runtime.exitCode === 0 && runtime.error === "";
  if (status.error !== "") return only(rise(status, "FAILED", { message: "stopped", ...DOWN, ...endOf(runtime) }));
  if (engineWasAway && wantsAnotherStart(spec, isOk)) return again(status, isHeld ? "none" : "start");
  const facts = { ...DOWN, ...endOf(runtime) };
  if (isOk) return only(rise(status, "COMPLETE", { message: "finished", ...facts }));
  return only(rise(status, "FAILED", { message: "ended", error: whyItEnded(runtime), ...facts }));
}

function vanished({ status, spec, engineWasAway, isHeld }: StepInput): Step {
  if (status.error !== "") return only(rise(status, "FAILED", { message: "stopped", ...DOWN }));
  if (engineWasAway && wantsAnotherStart(spec, false)) return again(status, isHeld ? "none" : "prepare");
  const what = spec?.runtime === "process" ? "process" : "container";
  const error = `Its ${what} is gone: something other than shoal removed it`;
  return only(rise(status, "FAILED", { message: "ended", error, ...DOWN }));
}

/** In place: the task keeps its state, its node and its name. */
function again(status: TaskStatus, op: TaskOp): Step {
  const next = { ...withMessage(status, STARTING_AGAIN), ...DOWN };
  return { status: isSame(status, next) && next.message === status.message ? null : next, op, retryInMs: null };
}

/** A task that is to run once is not repeated behind its owner's back. */
function wantsAnotherStart(spec: TaskSpec | null, isOk: boolean): boolean {
  switch (spec?.restart?.condition ?? "ANY") {
    case "ANY":
      return true;
    case "ON_FAILURE":
      return !isOk;
    case "NONE":
      return false;
  }
}

function whyItEnded({ error, exitCode }: RuntimeState): string {
  const code = exitCode === null ? "ended, its exit code is unknown" : `exited with code ${exitCode}`;
  return error === "" ? code : `${code}: ${error}`;
}

function endOf(runtime: RuntimeState | null): Partial<TaskStatus> {
  if (runtime?.state !== "exited") return {};
  const { exitCode, finishedAtMs, startedAtMs, runtimeId } = runtime;
  return { finishedAtMs, startedAtMs, runtimeId, ...(exitCode === null ? {} : { exitCode }) };
}

/** What a running runtime shows of itself. */
function seen(status: TaskStatus, runtime: RuntimeState, checks: CheckVerdicts): TaskStatus {
  const { runtimeId, startedAtMs, ports, health } = runtime;
  const healthy = (health === "none" || health === "healthy") && checks.isStarted;
  const { isReady: ready, message: checkMessage } = checks;
  return { ...status, runtimeId, startedAtMs, ports: [...ports], healthy, ready, checkMessage };
}

function isSame(a: TaskStatus, b: TaskStatus): boolean {
  return (
    a.runtimeId === b.runtimeId &&
    a.startedAtMs === b.startedAtMs &&
    a.healthy === b.healthy &&
    a.ready === b.ready &&
    a.checkMessage === b.checkMessage &&
    JSON.stringify(a.ports) === JSON.stringify(b.ports)
  );
}

function rise(status: TaskStatus, state: TaskState, change: Partial<TaskStatus>): TaskStatus {
  return canRaise(status.state, state) ? { ...status, ...change, state } : status;
}

function withMessage(status: TaskStatus, message: string): TaskStatus {
  return status.message === message ? status : { ...status, message };
}

function only(status: TaskStatus): Step {
  return { status, op: "none", retryInMs: null };
}

function run(op: TaskOp): Step {
  return { status: null, op, retryInMs: null };
}
