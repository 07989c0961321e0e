/** What is missing until a healed cluster's jobs are as they should be: open runs work, others are over, and no time of a schedule is left. */
import { scheduleOf } from "../../../src/model/cron-schedule.ts";
import { slotName } from "../../../src/model/naming.ts";
import { isOpen } from "../../../src/model/run.ts";
import { endedByItself, isTerminal, isWanted, observedState } from "../../../src/model/task-state.ts";
import type { Run, Service, Task } from "../../../src/model/index.ts";
import type { Truth } from "./truth.ts";

/** A time that came, or a deadline that passed, is acted on within this. */
const PROMPT_MS = 3_000;

export function jobMissing(truth: Truth, service: Service): string[] {
  const name = service.spec?.name ?? "";
  const runs = [...truth.all("run")].filter(({ serviceId }) => serviceId === service.id);
  const problems = runs.flatMap((run) => runMissing(truth, run));
  if (service.spec?.cron) problems.push(...timesMissing(truth, service, runs));
  else if (runs.filter(isOpen).length > 1) problems.push(`job ${name} has ${runs.filter(isOpen).length} open runs`);
  else if (runs.length === 0) problems.push(`job ${name} has no run`);
  const known = new Set(runs.map(({ number }) => number));
  for (const task of truth.tasksOfService(service.id))
    if (!known.has(task.run) && isAtWork(task))
      problems.push(`${name} has ${task.id} of the forgotten run ${task.run}`);
  return problems.map((problem) => `${name}: ${problem}`);
}

function runMissing(truth: Truth, run: Run): string[] {
  const tasks = truth.tasksOfService(run.serviceId).filter((task) => task.run === run.number);
  const busy = tasks.filter(isAtWork);
  if (!isOpen(run)) return busy.length > 0 ? [`run ${run.number} is ${run.state}, and ${busy[0]?.id} is at work`] : [];
  const problems: string[] = [];
  if (run.deadlineAtMs > 0 && truth.timeMs > Number(run.deadlineAtMs) + PROMPT_MS)
    problems.push(`run ${run.number} is past its deadline`);
  if (busy.length === 0 && !tasks.some(waits)) problems.push(`run ${run.number} is open, and nothing is at work`);
  const slots = busy.map(slotName);
  if (new Set(slots).size < slots.length)
    problems.push(`run ${run.number} has two tasks of a slot at work: ${slots.join()}`);
  return problems;
}

function timesMissing(truth: Truth, service: Service, runs: readonly Run[]): string[] {
  const { spec, scheduledFromMs } = service;
  if (!spec?.cron || spec.cron.suspended) return [];
  const decidedMs = Math.max(Number(scheduledFromMs), ...runs.map(({ scheduledAtMs }) => Number(scheduledAtMs)));
  const next = scheduleOf(spec.cron).next(decidedMs) ?? Infinity;
  return next + PROMPT_MS < truth.timeMs ? [`the time ${next} was forgotten, it is ${truth.timeMs}`] : [];
}

/** It ended before it was to be started: the next attempt is made when its time has come. */
function waits(task: Task): boolean {
  return endedByItself(task) && task.startAfterMs > (task.status?.atMs ?? 0);
}

function isAtWork(task: Task): boolean {
  return isWanted(task) && !isTerminal(observedState(task));
}
