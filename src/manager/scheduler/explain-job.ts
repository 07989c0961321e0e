/** Why a job or a cron service is where it is: its run, the one before, the next, and what never ran. */
import { scheduleOf } from "../../model/cron-schedule.ts";
import { isOpen, newestRun, isGap, runStateText } from "../../model/run.ts";
import { isComplete, isTerminal, isWanted, observedState } from "../../model/task-state.ts";
import { slotName } from "../../model/naming.ts";
import type { Cron, ExplainReason, Run, Service, Task } from "../../model/index.ts";
import type { ReadTx } from "../../store/types.ts";
import { formatSpan } from "../../util/units.ts";
import { explainAlike, isTroubled } from "./explain-service.ts";
import { Evidence, reasonAbout, type Told } from "./explain-task.ts";
import { unplacedRunReasons } from "./explain-ties.ts";

export function explainJob(tx: ReadTx, service: Service): Told & { readonly name: string } {
  const name = service.spec?.name ?? service.id;
  const runs = tx.find("run", "service", service.id);
  const last = newestRun(runs.filter((run) => !isGap(run)));
  const cron = service.spec?.cron;
  const about = (code: string, message: string, next = ""): ExplainReason =>
    reasonAbout("service", service.id, name, code, message, next);
  const reasons: ExplainReason[] = [];
  if (cron) reasons.push(...scheduleReasons(cron, runs, { nowMs: tx.timeMs, name }, about));
  if (last !== undefined && !isOpen(last)) reasons.push(about("last-run", endText(last), nextStep(last, name)));
  for (const run of runs.filter(isOpen)) reasons.push(...openReasons(tx, run, about));
  const state = last === undefined ? "has not run yet" : runText(tx, last);
  const coming = cron ? `, ${nextText(cron, tx.timeMs)}` : "";
  return { name, summary: `${name} ${state}${coming}`, reasons };
}

type About = (code: string, message: string, next?: string) => ExplainReason;

function scheduleReasons(
  cron: Cron,
  runs: readonly Run[],
  { nowMs, name }: { readonly nowMs: number; readonly name: string },
  about: About,
): ExplainReason[] {
  const reasons: ExplainReason[] = [];
  if (cron.suspended) {
    reasons.push(
      about("suspended", "no time comes while it is suspended", `let it go on with \`shoal service resume ${name}\``),
    );
  } else {
    const next = scheduleOf(cron).next(nowMs);
    const when = next === null ? "never comes again" : `comes next at ${timeText(next)}`;
    reasons.push(about("schedule", `${cron.schedule} (${cron.timeZone || "UTC"}) ${when}`));
  }
  const newest = newestRun(runs);
  const skipped = newestRun(runs.filter(({ state }) => state === "SKIPPED"));
  const missed = newestRun(runs.filter(({ state }) => state === "MISSED"));
  if (skipped !== undefined) {
    const text = `${gapText(skipped)} skipped: ${skipped.message}; ${newest?.skippedTotal ?? 0} in all`;
    reasons.push(about("skipped", text, "give its runs a deadline, fewer times, or another overlap"));
  }
  if (missed !== undefined)
    reasons.push(about("missed", `${gapText(missed)} missed: ${missed.message}; ${newest?.missedTotal ?? 0} in all`));
  return reasons;
}

function gapText({ times, scheduledAtMs }: Run): string {
  const at = timeText(scheduledAtMs);
  return times === 1 ? `the time ${at} was` : `${times} times up to ${at} were`;
}

/** What of an open run waits, is being tried again, or was last heard of on a node that is silent. */
function openReasons(tx: ReadTx, run: Run, about: About): ExplainReason[] {
  const tasks = tasksOf(tx, run);
  const broken = tasks.filter(
    (task) =>
      isWanted(task) && !isTerminal(observedState(task)) && (observedState(task) !== "RUNNING" || isTroubled(tx, task)),
  );
  const deadline =
    run.deadlineAtMs > 0 ? [about("deadline", `run ${run.number} is stopped at ${timeText(run.deadlineAtMs)}`)] : [];
  const failed = tasks.filter((task) => observedState(task) === "FAILED" || observedState(task) === "REJECTED");
  const retried = failed.length > 0 ? [about("retries", `${failed.length} attempts of run ${run.number} failed`)] : [];
  const unplaced = tasks.length === 0 ? unplacedRunReasons(tx, run, about) : [];
  return [...retried, ...deadline, ...unplaced, ...explainAlike(new Evidence(tx), broken)];
}

function runText(tx: ReadTx, run: Run): string {
  if (!isOpen(run)) return `${runStateText(run.state)} at ${timeText(run.finishedAtMs)}`;
  const completed = new Set(tasksOf(tx, run).filter(isComplete).map(slotName)).size;
  const of = run.wanted > 0 ? ` of ${run.wanted}` : "";
  return `is in run ${run.number}: ${completed}${of} tasks completed`;
}

function endText({ number, state, message, startedAtMs, finishedAtMs }: Run): string {
  const after = formatSpan(finishedAtMs - startedAtMs);
  return `run ${number} ${runStateText(state)} after ${after}${message === "" ? "" : `: ${message}`}`;
}

function nextStep({ state }: Run, name: string): string {
  return state === "FAILED" || state === "TIMED_OUT" ? `look at \`shoal service logs ${name}\`` : "";
}

function nextText(cron: Cron, nowMs: number): string {
  if (cron.suspended) return "and is suspended";
  const next = scheduleOf(cron).next(nowMs);
  return next === null ? "and never comes again" : `and comes next at ${timeText(next)}`;
}

function tasksOf(tx: ReadTx, run: Run): readonly Task[] {
  return tx.find("task", "service", run.serviceId).filter((task) => task.run === run.number);
}

/** Absolute: the store's time is that of its last change, which may be long ago. */
function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
