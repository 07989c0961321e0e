/**
 * The plan for a cron service: which times have come, what becomes of each, and the runs that are
 * open. Pure. Nothing but cluster time decides, and the times already dealt with are in the runs
 * themselves: a time has one row, written by the transaction that creates its first tasks.
 */
import { DEFAULT_STARTING_DEADLINE_MS } from "../../model/defaults.ts";
import { scheduleOf } from "../../model/cron-schedule.ts";
import type { Schedule } from "../../model/cron-schedule.ts";
import { isOpen, newestRun, newRun, RUNS_OPEN_MAX } from "../../model/run.ts";
import type { JobTemplate } from "../../model/service-mode.ts";
import type { Cron, Run } from "../../model/index.ts";
import { planRun, planStop } from "./run-plan.ts";
import { ofRun } from "./slot.ts";
import type { ServiceState } from "./slot.ts";
import { cause, earlier } from "./steps.ts";
import type { Plan, Step } from "./steps.ts";
import { forgetTasks } from "./tied.ts";

/** Times looked at in one plan, each about 0.2 ms; the plan after it goes on. */
export const TIMES_PER_PLAN_MAX = 100;
/** Missed times in a row that are counted: more than a day of minutes. The rest of a longer gap is passed over. */
export const MISSED_COUNTED_MAX = 2_000;

export function planCron(state: ServiceState, cron: Cron, template: JobTemplate): Plan {
  const coming = planTimes(state, cron);
  const runs = withRuns(state.runs, coming.runs);
  const newest = newestRun(runs.filter(isOpen));
  const steps: Step[] = coming.runs.map((run) => ({ kind: "run", key: "", run }));
  let { wakeAtMs } = coming;
  for (const run of runs) {
    const own = ofRun(state, run);
    const isReplaced = cron.overlap === "REPLACE" && isOpen(run) && run !== newest;
    const plan = isReplaced
      ? planStop(run, `run ${newest?.number ?? 0} took its place`, own)
      : planRun(run, template, own);
    steps.push(...plan.steps);
    wakeAtMs = earlier(wakeAtMs, plan.wakeAtMs);
  }
  const known = new Set(runs.map(({ number }) => number));
  const forgotten = state.tasks.filter((task) => !known.has(task.run));
  const total = template.replicated?.total ?? 0;
  steps.push(...forgetTasks(forgotten, state, { total, why: "its run is not remembered any more" }));
  return { steps, wakeAtMs };
}

/** Rows to write: new ones, and a gap that grew. */
type Coming = { readonly runs: readonly Run[]; readonly wakeAtMs: number | null };

function planTimes(state: ServiceState, cron: Cron): Coming {
  if (cron.suspended) return { runs: [], wakeAtMs: null };
  const { nowMs, service, runs } = state;
  const schedule = scheduleOf(cron);
  const times = timesUpTo(nowMs, lastDecidedMs(state, schedule), schedule);
  const latest = times.at(-1);
  if (latest === undefined) return { runs: [], wakeAtMs: schedule.next(nowMs) };
  // There may be more: nothing is late that is not the last.
  if (times.length === TIMES_PER_PLAN_MAX) return { runs: [gap("MISSED", times, state)], wakeAtMs: nowMs };
  const wakeAtMs = schedule.next(nowMs);
  if (nowMs - latest > (cron.startingDeadlineMs || DEFAULT_STARTING_DEADLINE_MS))
    return { runs: [gap("MISSED", times, state)], wakeAtMs };
  const missed = times.length > 1 ? [gap("MISSED", times.slice(0, -1), state)] : [];
  const after = { ...state, runs: withRuns(runs, missed) };
  if (!mayStart(cron, runs)) return { runs: [...missed, gap("SKIPPED", [latest], after)], wakeAtMs };
  const why = cause("cron", `it was ${new Date(latest).toISOString()}`);
  const run = newRun({ service, runs: after.runs, cause: why, scheduledAtMs: latest, nowMs });
  return { runs: [...missed, run], wakeAtMs };
}

/** After `fromMs`, up to and including `toMs`; at most TIMES_PER_PLAN_MAX, the earliest first. */
function timesUpTo(toMs: number, fromMs: number, schedule: Schedule): number[] {
  const times: number[] = [];
  for (let at = schedule.next(fromMs); at !== null && at <= toMs; at = schedule.next(at)) {
    times.push(at);
    if (times.length === TIMES_PER_PLAN_MAX) break;
  }
  return times;
}

/** Every time up to here was run, skipped or missed, or was before the schedule. */
function lastDecidedMs({ service, runs, nowMs }: ServiceState, schedule: Schedule): number {
  const decided = runs.reduce((latest, run) => Math.max(latest, run.scheduledAtMs), service.scheduledFromMs);
  const newest = newestRun(runs);
  if (newest?.state !== "MISSED" || newest.times < MISSED_COUNTED_MAX) return decided;
  return Math.max(decided, (schedule.previous(nowMs + 1) ?? 0) - 1);
}

function mayStart(cron: Cron, runs: readonly Run[]): boolean {
  const open = runs.filter(isOpen).length;
  switch (cron.overlap) {
    case "SKIP":
      return open === 0;
    case "REPLACE":
      return true;
    case "ALLOW":
      return open < RUNS_OPEN_MAX;
  }
}

/** The row for times at which nothing is run: the newest one grown, if it is of the same kind. */
function gap(kind: "SKIPPED" | "MISSED", times: readonly number[], { service, runs, nowMs }: ServiceState): Run {
  const newest = newestRun(runs);
  const scheduledAtMs = times.at(-1) ?? 0;
  const open = runs.filter(isOpen).length;
  const message =
    kind === "MISSED"
      ? "nobody could start it in time"
      : open === 1
        ? "the run before was open"
        : `${open} runs were open`;
  const fresh = newRun({ service, runs, cause: cause("cron", message), scheduledAtMs, nowMs });
  const row: Run =
    newest?.state === kind
      ? { ...newest, scheduledAtMs }
      : { ...fresh, state: kind, message, wanted: 0, deadlineAtMs: 0, startedAtMs: 0 };
  return {
    ...row,
    finishedAtMs: nowMs,
    times: row.times + times.length,
    missedTotal: row.missedTotal + (kind === "MISSED" ? times.length : 0),
    skippedTotal: row.skippedTotal + (kind === "SKIPPED" ? times.length : 0),
  };
}

function withRuns(runs: readonly Run[], changed: readonly Run[]): readonly Run[] {
  const ids = new Set(changed.map(({ id }) => id));
  return [...runs.filter(({ id }) => !ids.has(id)), ...changed];
}
