/** How far a service or a run is, in numbers: what `service ls` and those who wait for it look at. */
import { scheduleOf } from "../../model/cron-schedule.ts";
import type { Node, Run, Service, Task } from "../../model/index.ts";
import { membershipOf } from "../../model/membership.ts";
import { slotName } from "../../model/naming.ts";
import { isGap, isOpen, newestRun } from "../../model/run.ts";
import { jobOf, runsOnEveryNode } from "../../model/service-mode.ts";
import type { JobTemplate } from "../../model/service-mode.ts";
import { endedByItself, isComplete, isReady, isWanted, observedState } from "../../model/task-state.ts";
import type { ReadTx } from "../../store/types.ts";

export type ServiceStatus = {
  /** Tasks observed running and wanted. */
  readonly running: number;
  /** Of those: healthy and ready. */
  readonly ready: number;
  /** Tasks that are to run now. */
  readonly desired: number;
  /** Of a job's newest run: tasks that completed, and that are to. */
  readonly completed: number;
  readonly total: number;
  /** Of a job: what was run last, or runs. */
  readonly lastRun: Run | null;
  /** Of a cron service: the next time of its schedule; 0 for none. */
  readonly nextRunAtMs: number;
};

export function statusOf(tx: ReadTx, service: Service): ServiceStatus {
  const template = jobOf(service.spec);
  if (template !== null) return jobStatus(tx, service, template);
  const tasks = tx.find("task", "service", service.id).filter(isWanted);
  return {
    ...countUp(tasks),
    desired: runsOnEveryNode(service.spec)
      ? nodesOf(tx, service, tasks).length
      : (service.spec?.replicated?.replicas ?? 0),
    completed: 0,
    total: 0,
    lastRun: null,
    nextRunAtMs: 0,
  };
}

/** An open run with what its tasks have come to; its row says that only once it is over. */
export function withProgress(tx: ReadTx, run: Run): Run {
  if (!isOpen(run)) return run;
  const tasks = tx.find("task", "service", run.serviceId).filter((task) => task.run === run.number);
  const completed = new Set(tasks.filter(isComplete).map(slotName));
  const failures = tasks.filter((task) => endedByItself(task) && !isComplete(task)).length;
  return { ...run, wanted: wantedOf(tx, run, tasks), completed: completed.size, failures };
}

function jobStatus(tx: ReadTx, service: Service, template: JobTemplate): ServiceStatus {
  const runs = tx.find("run", "service", service.id);
  const open = runs.filter(isOpen).map((run) => withProgress(tx, run));
  const last = newestRun(runs.filter((run) => !isGap(run)));
  const lastRun = open.find(({ number }) => number === last?.number) ?? last ?? null;
  const atOnce = template.replicated?.concurrent ?? Infinity;
  return {
    ...countUp(tx.find("task", "service", service.id).filter(isWanted)),
    desired: open.reduce((sum, run) => sum + Math.min(run.wanted - run.completed, atOnce), 0),
    completed: lastRun?.completed ?? 0,
    total: lastRun?.wanted ?? template.replicated?.total ?? 0,
    lastRun,
    nextRunAtMs: nextRunAtMs(service, tx.timeMs),
  };
}

function nextRunAtMs({ spec }: Service, nowMs: number): number {
  const cron = spec?.cron;
  if (!cron || cron.suspended) return 0;
  return scheduleOf(cron).next(nowMs) ?? 0;
}

function wantedOf(tx: ReadTx, run: Run, tasks: readonly Task[]): number {
  const service = tx.get("service", run.serviceId);
  if (service === undefined || !runsOnEveryNode(service.spec)) return run.wanted;
  return nodesOf(
    tx,
    service,
    tasks.filter((task) => isWanted(task) || isComplete(task)),
  ).length;
}

/** Nodes that have a task or are to get one: a paused node counts only with the task it kept. */
function nodesOf(tx: ReadTx, { spec }: Service, tasks: readonly Task[]): readonly Node[] {
  const held = new Set(tasks.map(slotName));
  const task = spec?.task;
  if (!task) return [];
  return [...tx.all("node")].filter((node) => {
    const { kind } = membershipOf(node, task, tx.timeMs);
    return kind === "run" || (kind === "keep" && held.has(node.id));
  });
}

function countUp(tasks: readonly Task[]): { running: number; ready: number } {
  const running = tasks.filter((task) => observedState(task) === "RUNNING");
  return { running: running.length, ready: running.filter(isReady).length };
}
