/**
 * The scale of task states. Both the desired and the observed state of a task only climb it; the
 * numbers are Swarm's and leave room between.
 */
import type { Task, TaskState } from "./index.ts";

export const TASK_STATE_NUMBER: Readonly<Record<TaskState, number>> = {
  NEW: 0,
  PENDING: 64,
  ASSIGNED: 192,
  ACCEPTED: 256,
  PREPARING: 320,
  READY: 384,
  STARTING: 448,
  RUNNING: 512,
  COMPLETE: 576,
  SHUTDOWN: 640,
  FAILED: 704,
  REJECTED: 768,
  REMOVE: 800,
  ORPHANED: 832,
};

/** Negative, zero or positive as `a` is below, at or above `b`. */
export function compareStates(a: TaskState, b: TaskState): number {
  return TASK_STATE_NUMBER[a] - TASK_STATE_NUMBER[b];
}

/** Nothing of the task runs any more, or will. */
export function isTerminal(state: TaskState): boolean {
  return TASK_STATE_NUMBER[state] >= TASK_STATE_NUMBER.COMPLETE;
}

export function isRunningOrLess(state: TaskState): boolean {
  return TASK_STATE_NUMBER[state] <= TASK_STATE_NUMBER.RUNNING;
}

export function canRaise(from: TaskState, to: TaskState): boolean {
  return compareStates(to, from) > 0;
}

export function observedState(task: Task): TaskState {
  return task.status?.state ?? "NEW";
}

/**
 * The orchestrator wants it to run; says nothing about whether it does. A job's task is desired
 * COMPLETE, and wanted until it is.
 */
export function isWanted(task: Task): boolean {
  return isRunningOrLess(task.desired) || (task.desired === "COMPLETE" && !isComplete(task));
}

/** It did its work: exit code 0. */
export function isComplete(task: Task): boolean {
  return observedState(task) === "COMPLETE";
}

/** It holds what it reserved on its node: assigned, and not known to have stopped. */
export function holdsResources(task: Task): boolean {
  return task.nodeId !== "" && !isTerminal(observedState(task));
}

/** It ended by itself, or by its timeout: neither stopped on request nor lost with its node. */
export function endedByItself(task: Task): boolean {
  const state = observedState(task);
  return state === "COMPLETE" || state === "FAILED" || state === "REJECTED" || (task.timedOut && state === "SHUTDOWN");
}

/** Running, and its health check passes if it has one; whether it is ready is another question. */
export function isHealthy(task: Task): boolean {
  return task.status !== null && task.status.state === "RUNNING" && task.status.healthy;
}

/** It does its work: what counts as available, as updated, and may take traffic. */
export function isReady(task: Task): boolean {
  return isHealthy(task) && task.status?.ready === true;
}
