/**
 * One check that is made over and over, as a state machine. Pure: the caller probes when `dueAtMs` has come and says
 * what came of it. Times are monotonic milliseconds.
 *
 *   pending -successes in a row-> passing -failures in a row-> failing -successes in a row-> passing
 *   pending -failures in a row-> failing
 */
import type { ProbeOutcome } from "./executor.ts";

export type CheckRule = {
  readonly initialDelayMs: number;
  readonly intervalMs: number;
  /** In a row, at least 1. */
  readonly failures: number;
  readonly successes: number;
  /** From its begin: failures before the first success do not count. 0 is none. */
  readonly startPeriodMs: number;
  /** In place of the interval within the start period, before the first success. */
  readonly startIntervalMs: number;
};

export type Verdict = "pending" | "passing" | "failing";

export type CheckState = {
  readonly verdict: Verdict;
  /** In a row, the last probe included; one of the two is 0. */
  readonly failures: number;
  readonly successes: number;
  readonly beganAtMs: number;
  /** Of the next probe. */
  readonly dueAtMs: number;
  /**
   * Of the first failure in a row, and of the one that decided: what comes between changes as often as it is
   * probed, and would be news each time. Empty after a success.
   */
  readonly message: string;
};

/** @param verdict what is known of it: a check that goes on after a restart of the agent is not asked to begin anew */
export function beginCheck(rule: CheckRule, beganAtMs: number, verdict: Verdict = "pending"): CheckState {
  return { verdict, failures: 0, successes: 0, beganAtMs, dueAtMs: beganAtMs + rule.initialDelayMs, message: "" };
}

export function afterProbe(rule: CheckRule, state: CheckState, outcome: ProbeOutcome, nowMs: number): CheckState {
  const next = outcome.isOk ? afterSuccess(rule, state) : afterFailure(rule, state, outcome.message, nowMs);
  return postponed(rule, next, nowMs);
}

/** A probe that told nothing, for a reason that is not the task's: the next one as if it had not been made. */
export function postponed(rule: CheckRule, state: CheckState, nowMs: number): CheckState {
  const isStarting = state.verdict === "pending" && isInStartPeriod(rule, state, nowMs);
  return { ...state, dueAtMs: nowMs + (isStarting ? rule.startIntervalMs : rule.intervalMs) };
}

function afterSuccess(rule: CheckRule, state: CheckState): CheckState {
  const successes = Math.min(state.successes + 1, rule.successes);
  const verdict = successes >= rule.successes ? "passing" : state.verdict;
  // Until it passes, why it does not stays worth knowing.
  return { ...state, verdict, successes, failures: 0, message: verdict === "passing" ? "" : state.message };
}

function afterFailure(rule: CheckRule, state: CheckState, message: string, nowMs: number): CheckState {
  const isFirst = state.failures === 0 && (state.message === "" || state.successes > 0);
  const shown = isFirst ? message : state.message;
  if (state.verdict === "pending" && isInStartPeriod(rule, state, nowMs)) {
    return { ...state, successes: 0, message: shown };
  }
  const failures = Math.min(state.failures + 1, rule.failures);
  const decides = failures >= rule.failures && state.verdict !== "failing";
  const verdict = failures >= rule.failures ? "failing" : state.verdict;
  return { ...state, verdict, successes: 0, failures, message: decides ? message : shown };
}

function isInStartPeriod(rule: CheckRule, { beganAtMs }: CheckState, nowMs: number): boolean {
  return nowMs - beganAtMs < rule.startPeriodMs;
}
