/**
 * Jobs: no time of a schedule is run twice or too early, nor a slot beside itself unless its node is silent; a slot that
 * completed is done, and so is a run that is over; a job that did not change is not run again; no more slots are at work at
 * once than may be; and what a run that is over says of itself is what its tasks did.
 */
import { slotName } from "../../../../src/model/naming.ts";
import { jobOf } from "../../../../src/model/service-mode.ts";
import { isTerminal, isWanted, observedState } from "../../../../src/model/task-state.ts";
import type { Run, Task } from "../../../../src/model/index.ts";
import type { Change } from "../../../../src/store/types.ts";
import type { MakeInvariant } from "../invariant.ts";
import type { World } from "../world.ts";

export const jobs: MakeInvariant = (world) => {
  /** By service: times up to here were run, skipped or missed. */
  const decidedMs = new Map<string, number>();
  /** Slots of runs that completed, as observed, whatever of their tasks is remembered. */
  const completed = new Map<string, Set<string>>();
  /** Of jobs without a schedule, by service. */
  const newest = new Map<string, Run>();

  const noteRun = ({ before, after }: Extract<Change, { table: "run" }>): void => {
    if (after === undefined) return;
    checkTime(decidedMs, before, after);
    if (after.scheduledAtMs > world.truth.timeMs) throw new Error(`run ${after.id} is for ${after.scheduledAtMs}`);
    checkNew(newest, before, after);
    if (before?.state === after.state) return;
    if (before !== undefined && before.state !== "RUNNING")
      throw new Error(`run ${after.id} is ${before.state}, and then ${after.state}`);
    world.coverage.add(`run ${after.state.toLowerCase().replaceAll("_", " ")}`);
    if (after.state === "RUNNING") return;
    const done = completed.get(after.id)?.size ?? 0;
    if (after.completed !== done)
      throw new Error(`run ${after.id} is ${after.state} with ${after.completed}, not ${done} completed`);
    if (after.state === "SUCCEEDED" && done < after.wanted)
      throw new Error(`run ${after.id} succeeded with ${done} of ${after.wanted}`);
  };

  const noteTask = ({ before, after }: Extract<Change, { table: "task" }>): void => {
    if (after === undefined || after.run === 0) return;
    const runId = `${after.serviceId}/${after.run}`;
    const done = completed.get(runId) ?? new Set<string>();
    completed.set(runId, done);
    if (before === undefined) {
      if (done.has(slotName(after)))
        throw new Error(`slot ${slotName(after)} of run ${runId} has completed, and gets ${after.id}`);
      if (isWanted(after) && world.truth.get("run", runId)?.state !== "RUNNING")
        throw new Error(`${after.id} is made for run ${runId}, which is over`);
      checkBeside(world, after);
      checkConcurrency(world, after);
    }
    if (observedState(after) === "COMPLETE") done.add(slotName(after));
  };

  return {
    name: "jobs are done once",
    afterEntry: ({ changes }) => {
      for (const change of changes) if (change.table === "task") noteTask(change);
      for (const change of changes) if (change.table === "run") noteRun(change);
    },
  };
};

function checkTime(
  decidedMs: Map<string, number>,
  before: Run | undefined,
  { id, serviceId, scheduledAtMs }: Run,
): void {
  if (scheduledAtMs === 0 || scheduledAtMs === before?.scheduledAtMs) return;
  const known = decidedMs.get(serviceId) ?? 0;
  if (scheduledAtMs <= known)
    throw new Error(`run ${id} is for ${scheduledAtMs}, but all up to ${known} was dealt with`);
  decidedMs.set(serviceId, scheduledAtMs);
}

function checkNew(newest: Map<string, Run>, before: Run | undefined, run: Run): void {
  if (before !== undefined || run.scheduledAtMs > 0) return;
  const last = newest.get(run.serviceId);
  newest.set(run.serviceId, run);
  if (last?.revision === run.revision && last.wanted === run.wanted)
    throw new Error(`run ${run.id} does again what run ${last.id} was for`);
}

function checkBeside({ truth }: World, task: Task): void {
  for (const other of truth.tasksOfSlot(task.serviceId, task.slot)) {
    if (other.id === task.id || other.run !== task.run || !isAtWork(other)) continue;
    if (truth.get("node", other.nodeId)?.status?.state === "READY")
      throw new Error(`${task.id} is made while ${other.id} of its slot works`);
  }
}

/** Looked at where a slot begins: what ran when the job was changed to fewer at once goes on, and is tried again. */
function checkConcurrency({ truth }: World, task: Task): void {
  const most = jobOf(truth.get("service", task.serviceId)?.spec ?? null)?.replicated?.concurrent ?? Infinity;
  const ofRun = truth.tasksOfService(task.serviceId).filter(({ run }) => run === task.run);
  if (ofRun.some(({ id, slot }) => slot === task.slot && id !== task.id)) return;
  const slots = new Set(ofRun.filter(isAtWork).map(slotName));
  if (slots.size > most)
    throw new Error(`${slots.size} slots of run ${task.run} of ${task.serviceName} are at work, of at most ${most}`);
}

function isAtWork(task: Task): boolean {
  return isWanted(task) && !isTerminal(observedState(task));
}
