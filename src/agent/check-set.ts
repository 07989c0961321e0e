/**
 * The checks of one running task, and what they amount to. Pure; check-runner.ts makes the probes.
 *
 *   startup -passing-> readiness and liveness begin
 *           -failing-> the task is doomed
 *   liveness -failing-> the task is doomed; nothing is asked any more
 *   readiness: passing is ready, anything else is not
 */
import type { Check, TaskChecks } from "../model/index.ts";
import { afterProbe, beginCheck, postponed, type CheckRule, type CheckState } from "./executor/check.ts";
import type { ProbeOutcome } from "./executor/executor.ts";

const CHECK_NAMES = ["startup", "readiness", "liveness"] as const;
export type CheckName = (typeof CHECK_NAMES)[number];

/** Null for a check that the task has not, or that has not begun. */
export type CheckSet = Readonly<Record<CheckName, CheckState | null>>;

export type CheckVerdicts = {
  readonly isStarted: boolean;
  readonly isReady: boolean;
  /** Why the task is to be ended; empty while it is not. */
  readonly doom: string;
  /** What the check that keeps it from being started or ready said. */
  readonly message: string;
};

/** Of a task without checks. */
export const UNCHECKED: CheckVerdicts = { isStarted: true, isReady: true, doom: "", message: "" };
/** Of a task with checks before they begin. */
export const NOT_CHECKED_YET: CheckVerdicts = { isStarted: false, isReady: false, doom: "", message: "" };

/** @param before what an earlier run of this agent had found of the same runtime; null if it is new */
export function beginChecks(
  checks: TaskChecks,
  nowMs: number,
  before: Pick<CheckVerdicts, "isStarted" | "isReady"> | null,
): CheckSet {
  const { startup } = checks;
  if (startup !== null && before?.isStarted !== true) {
    return { startup: beginCheck(ruleOf(startup), nowMs), readiness: null, liveness: null };
  }
  const started = begun(checks, nowMs);
  // Ready stays ready until its check says otherwise: an agent that restarts takes no task out of the traffic.
  const { readiness } = checks;
  if (readiness === null || before?.isReady !== true) return started;
  return { ...started, readiness: beginCheck(ruleOf(readiness), nowMs, "passing") };
}

export function afterOutcome(
  checks: TaskChecks,
  set: CheckSet,
  { name, outcome }: { readonly name: CheckName; readonly outcome: ProbeOutcome | "unknown" },
  nowMs: number,
): CheckSet {
  const state = set[name];
  const check = checks[name];
  if (state === null || check === null) return set;
  const rule = ruleOf(check);
  const next = outcome === "unknown" ? postponed(rule, state, nowMs) : afterProbe(rule, state, outcome, nowMs);
  if (name === "startup" && next.verdict === "passing") return { ...begun(checks, nowMs), startup: next };
  return { ...set, [name]: next };
}

/** What is to be probed now or later, and when. */
export function dueTimes(set: CheckSet): { readonly name: CheckName; readonly dueAtMs: number }[] {
  if (verdictsOf(set).doom !== "") return [];
  return CHECK_NAMES.flatMap((name) => {
    const state = set[name];
    const isOver = state === null || (name === "startup" && state.verdict === "passing");
    return isOver ? [] : [{ name, dueAtMs: state.dueAtMs }];
  });
}

export function verdictsOf({ startup, readiness, liveness }: CheckSet): CheckVerdicts {
  const isStarted = startup === null || startup.verdict === "passing";
  const isReady = isStarted && (readiness === null || readiness.verdict === "passing");
  const doomed = [startup, liveness].find((state) => state?.verdict === "failing");
  const name = doomed === startup ? "startup" : "liveness";
  const doom = doomed ? told(`${name} check failed`, doomed.message) : "";
  const waitsFor = isStarted ? readiness : startup;
  const said = isReady || waitsFor === null || waitsFor.message === "" ? "" : waitsFor.message;
  return {
    isStarted,
    isReady,
    doom,
    message: said === "" ? "" : told(isStarted ? "readiness check" : "startup check", said),
  };
}

function begun(checks: TaskChecks, nowMs: number): CheckSet {
  const begin = (name: CheckName): CheckState | null => {
    const check = checks[name];
    return check === null ? null : beginCheck(ruleOf(check), nowMs);
  };
  return { startup: null, readiness: begin("readiness"), liveness: begin("liveness") };
}

function ruleOf({ initialDelayMs, intervalMs, failures, successes }: Check): CheckRule {
  return { initialDelayMs, intervalMs, failures, successes, startPeriodMs: 0, startIntervalMs: 0 };
}

function told(what: string, message: string): string {
  return message === "" ? what : `${what}: ${message}`;
}
