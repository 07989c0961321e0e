/**
 * The restart rule: whether, and when, a task that ended by itself gets a successor. Everything
 * is counted from the slot's stored tasks, so a new leader comes to the same answer with no state of
 * its own. Losing a node is no failure: it never comes here and charges nothing.
 */
import { DEFAULT_RESTART_DELAY_MS } from "./defaults.ts";
import { endedByItself, observedState } from "./task-state.ts";
import type { RestartPolicy, Task } from "./index.ts";

/** A task that ends sooner after its start, or never starts, ended quickly. */
export const QUICK_END_MS = 1000;
/** Quick ends in a row before a service with a shorter delay is slowed down. */
export const QUICK_ENDS_MAX = 3;
export const QUICK_BACKOFF_MS = 1000;
export const QUICK_BACKOFF_MS_MAX = 8000;

export type Restart =
  /** Create the successor now; it starts at `startAtMs`, which may have passed. */
  | { readonly kind: "restart"; readonly startAtMs: number }
  /** Decide again then: the task ended while it was itself waiting for its start. */
  | { readonly kind: "wait"; readonly untilMs: number }
  /** For good, until the service changes. `completed` tells a finished task from a failed one. */
  | { readonly kind: "never"; readonly completed: boolean; readonly reason: string };

/**
 * @param last the task that ended
 * @param history the slot's tasks from the oldest to the newest, `last` among them
 */
export function decideRestart(
  last: Task,
  history: readonly Task[],
  policy: RestartPolicy | null,
  { nowMs, specChanged }: { readonly nowMs: number; readonly specChanged: boolean },
): Restart {
  const delayMs = policy?.delayMs ?? DEFAULT_RESTART_DELAY_MS;
  // A changed spec starts a new count, but an old task's crash is no reason to skip the delay.
  if (specChanged) return { kind: "restart", startAtMs: endedAtMs(last) + delayMs };
  const refusal = refusalOf(last, history, policy);
  if (refusal !== null) return refusal;
  const waitMs = Math.max(delayMs, backoffMs(last, history));
  if (last.startAfterMs > endedAtMs(last)) {
    // One attempt a delay: without this a task that fails while it prepares would be replaced at once, for ever.
    if (nowMs < last.startAfterMs) return { kind: "wait", untilMs: last.startAfterMs };
    return { kind: "restart", startAtMs: last.startAfterMs + waitMs };
  }
  return { kind: "restart", startAtMs: endedAtMs(last) + waitMs };
}

/** Restarts the policy counts against `last`: earlier ends of the same revision within the window. */
export function attemptsBefore(last: Task, history: readonly Task[], policy: RestartPolicy | null): number {
  const windowMs = policy?.windowMs ?? 0;
  // Tasks with a stand-in were lost with their node, whatever they reported when it came back.
  const stoodInFor = new Set(history.map((task) => task.replaces));
  return history.filter(
    (task) =>
      task !== last &&
      task.revision === last.revision &&
      endedByItself(task) &&
      !stoodInFor.has(task.id) &&
      endedAtMs(task) <= endedAtMs(last) &&
      (windowMs === 0 || endedAtMs(task) > endedAtMs(last) - windowMs),
  ).length;
}

/** Cluster time at which the task ended. */
export function endedAtMs(task: Task): number {
  return task.status?.atMs ?? 0;
}

/** How a task ended, for causes and people. */
export function endText(task: Task): string {
  const state = observedState(task).toLowerCase();
  const { exitCode, error = "" } = task.status ?? {};
  const code = exitCode === undefined ? "" : ` with exit code ${exitCode}`;
  return `task ${state}${code}${error === "" ? "" : `: ${error}`}`;
}

function refusalOf(last: Task, history: readonly Task[], policy: RestartPolicy | null): Restart | null {
  const completed = observedState(last) === "COMPLETE";
  const condition = policy?.condition ?? "ANY";
  if (condition === "NONE") return { kind: "never", completed, reason: "restart condition is none" };
  if (condition === "ON_FAILURE" && completed) {
    return { kind: "never", completed, reason: "it completed, and the restart condition is on-failure" };
  }
  const maxAttempts = policy?.maxAttempts ?? 0;
  if (maxAttempts > 0 && attemptsBefore(last, history, policy) >= maxAttempts) {
    const used = maxAttempts === 1 ? "its one restart attempt is used" : `all ${maxAttempts} restart attempts are used`;
    return { kind: "never", completed, reason: used };
  }
  return null;
}

function backoffMs(last: Task, history: readonly Task[]): number {
  let quickEnds = 0;
  for (let at = history.indexOf(last); at >= 0; at -= 1) {
    const task = history[at];
    if (task === undefined || task.revision !== last.revision || !endedByItself(task) || !endedQuickly(task)) break;
    quickEnds += 1;
  }
  if (quickEnds < QUICK_ENDS_MAX) return 0;
  return Math.min(QUICK_BACKOFF_MS * 2 ** (quickEnds - QUICK_ENDS_MAX), QUICK_BACKOFF_MS_MAX);
}

/** By the node's clock alone: both times come from it. */
function endedQuickly(task: Task): boolean {
  const { startedAtMs = 0, finishedAtMs = 0 } = task.status ?? {};
  return startedAtMs === 0 || finishedAtMs - startedAtMs < QUICK_END_MS;
}
