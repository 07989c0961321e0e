/**
 * The restart rule: whether, and when, a task that ended by itself gets a successor. Everything
 * is counted from the slot's stored tasks, so a new leader comes to the same answer with no state of
 * its own. Losing a node is no failure: it never comes here and charges nothing.
 */
import { DEFAULT_RESTART_BACKOFF_MAX_MS } from "./defaults.ts";
import { endedByItself, isTerminal, observedState } from "./task-state.ts";
import type { RestartPolicy, Task } from "./index.ts";

/** A task that was ready for so long was well: what it ends of is a new trouble. */
export const HEALTHY_RUN_MS = 60_000;
/** Early ends in a row that are restarted without back-off. */
export const EARLY_ENDS_FREE = 3;
/**
 * The wait after the next one; each doubles it. With the default bound of 5 min a task that ends at
 * once is started 23 times in its first hour, and 12 times in each further one.
 */
export const BACKOFF_MS = 1000;

export type Restart =
  /** Create the successor now; it starts at `startAtMs`, which may have passed, after so many early ends. */
  | { readonly kind: "restart"; readonly startAtMs: number; readonly earlyEnds: number }
  /** Decide again then: the task ended while it was itself waiting for its start. */
  | { readonly kind: "wait"; readonly untilMs: number }
  /** For good, until the service changes. `completed` tells a finished task from a failed one. */
  | { readonly kind: "never"; readonly completed: boolean; readonly reason: string };

/**
 * @param last the task that ended
 * @param history the slot's tasks from the oldest to the newest, `last` among them
 * @param sinceMs cluster time of the service's last change: attempts before it do not count
 */
export function decideRestart(
  last: Task,
  history: readonly Task[],
  policy: RestartPolicy | null,
  { nowMs, sinceMs }: { readonly nowMs: number; readonly sinceMs: number },
): Restart {
  const refusal = refusalOf(last, history, policy, sinceMs);
  if (refusal !== null) return refusal;
  const earlyEnds = earlyEndsWith(last);
  const waitMs = Math.max(policy?.delayMs ?? 0, backoffMs(earlyEnds, policy));
  if (last.startAfterMs > endedAtMs(last)) {
    // One attempt a delay: without this a task that fails while it prepares would be replaced at once, for ever.
    if (nowMs < last.startAfterMs) return { kind: "wait", untilMs: last.startAfterMs };
    return { kind: "restart", startAtMs: last.startAfterMs + waitMs, earlyEnds };
  }
  return { kind: "restart", startAtMs: endedAtMs(last) + waitMs, earlyEnds };
}

/** Restarts the policy counts against `last`: earlier ends of the same revision within the window. */
export function attemptsBefore(
  last: Task,
  history: readonly Task[],
  policy: RestartPolicy | null,
  sinceMs: number,
): number {
  const windowMs = policy?.windowMs ?? 0;
  const fromMs = Math.max(sinceMs, windowMs === 0 ? 0 : endedAtMs(last) - windowMs);
  const charged = history.filter((task) => !isFailedMove(task, history));
  // Tasks with a stand-in were lost with their node, whatever they reported when it came back.
  const stoodInFor = new Set(charged.map((task) => task.replaces));
  return charged.filter(
    (task) =>
      task !== last &&
      task.revision === last.revision &&
      endedByItself(task) &&
      !stoodInFor.has(task.id) &&
      endedAtMs(task) <= endedAtMs(last) &&
      endedAtMs(task) > fromMs,
  ).length;
}

/** Its service is rebalanced, and the one whose place it was to take elsewhere outlived it: the slot lost nothing. */
function isFailedMove(task: Task, history: readonly Task[]): boolean {
  if (task.pinnedNodeId === "" || task.replaces === "") return false;
  const original = history.find(({ id }) => id === task.replaces);
  if (original === undefined) return false;
  return !isTerminal(observedState(original)) || endedAtMs(original) >= endedAtMs(task);
}

/** Early ends in a row, this one included; 0 after a healthy run. Both times are the cluster's. */
export function earlyEndsWith(task: Task): number {
  const ranMs = task.readyAtMs === 0 ? 0 : endedAtMs(task) - task.readyAtMs;
  return ranMs < HEALTHY_RUN_MS ? task.earlyEnds + 1 : 0;
}

/** Cluster time at which the task ended. */
export function endedAtMs(task: Task): number {
  return task.status?.atMs ?? 0;
}

/** How a task ended, for causes and people. */
export function endText(task: Task): string {
  const state = task.timedOut ? "timed out" : observedState(task).toLowerCase();
  const { exitCode, error = "" } = task.status ?? {};
  const code = exitCode === undefined ? "" : ` with exit code ${exitCode}`;
  const saysMore = error !== "" && error !== `exited with code ${exitCode ?? ""}`;
  return `task ${state}${code}${saysMore ? `: ${error}` : ""}`;
}

function refusalOf(
  last: Task,
  history: readonly Task[],
  policy: RestartPolicy | null,
  sinceMs: number,
): Restart | null {
  const completed = observedState(last) === "COMPLETE";
  const condition = policy?.condition ?? "ANY";
  if (condition === "NONE") return { kind: "never", completed, reason: "restart condition is none" };
  if (condition === "ON_FAILURE" && completed) {
    return { kind: "never", completed, reason: "it completed, and the restart condition is on-failure" };
  }
  const maxAttempts = policy?.maxAttempts ?? 0;
  if (maxAttempts > 0 && attemptsBefore(last, history, policy, sinceMs) >= maxAttempts) {
    const used = maxAttempts === 1 ? "its one restart attempt is used" : `all ${maxAttempts} restart attempts are used`;
    return { kind: "never", completed, reason: used };
  }
  return null;
}

function backoffMs(earlyEnds: number, policy: RestartPolicy | null): number {
  if (earlyEnds <= EARLY_ENDS_FREE) return 0;
  const maxMs = policy?.backoffMaxMs ?? DEFAULT_RESTART_BACKOFF_MAX_MS;
  return Math.min(BACKOFF_MS * 2 ** (earlyEnds - EARLY_ENDS_FREE - 1), maxMs);
}
