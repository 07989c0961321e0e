/**
 * Deletes what nobody needs any more: tasks to be removed that stopped, history beyond its limit,
 * revisions without a task. Never in a hurry: it works a moment after things calmed down.
 */
import { DEFAULT_TASK_HISTORY } from "../../model/defaults.ts";
import {
  compareStates,
  endedByItself,
  isComplete,
  isTerminal,
  isWanted,
  observedState,
} from "../../model/task-state.ts";
import { slotName } from "../../model/naming.ts";
import { failedMoves } from "../../model/rebalance.ts";
import { forgottenRuns } from "../../model/run.ts";
import { jobOf } from "../../model/service-mode.ts";
import { tiesOf } from "../../model/ties.ts";
import type { Service, Task, TaskSpec } from "../../model/index.ts";
import type { Change, ReadTx, WriteTx } from "../../store/types.ts";
import type { Timer } from "../../util/env.ts";
import { clusterOf } from "../../store/cluster.ts";
import { removableRevisions, revisionId } from "../../store/revisions.ts";
import { StoreLoop } from "../../store/store-loop.ts";
import { homesOf } from "./tied.ts";

/** Between the first change and the clean-up after it. */
export const REAP_DELAY_MS = 250;
/** So many changes are worth a transaction of their own. */
export const REAP_AT_ONCE = 1_000;
/** Deletions of one transaction. */
export const REAPED_PER_TURN_MAX = 500;
const SERVICES_PER_TURN_MAX = 100;

export class Reaper extends StoreLoop {
  #timer: Timer | null = null;
  /** Changes since the last turn. */
  #noted = 0;

  override async stop(): Promise<void> {
    this.#timer?.cancel();
    await super.stop();
  }

  /** Seldom due at once: the timer gathers what a deployment leaves behind into few transactions. */
  protected override note(change: Change): boolean {
    const before = this.dirty.size;
    if (change.table === "service") this.dirty.add(change.id);
    else if (change.table === "revision" || change.table === "run")
      this.dirty.add((change.after ?? change.before)?.serviceId ?? "");
    else if (change.table === "task") this.#noteTask(change);
    else if (change.table === "node" && change.after === undefined) this.#noteAllOf(change.id);
    else if (change.table === "cluster")
      for (const service of this.deps.store.speculative().all("service")) this.dirty.add(service.id);
    if (this.#noted >= REAP_AT_ONCE) return true;
    if (this.dirty.size > before) {
      this.#timer ??= this.deps.env.setTimer(REAP_DELAY_MS, () => {
        this.#timer = null;
        this.trigger();
      });
    }
    return false;
  }

  protected override noteAll(tx: WriteTx): void {
    for (const service of tx.all("service")) this.dirty.add(service.id);
    for (const revision of tx.all("revision")) this.dirty.add(revision.serviceId);
    for (const run of tx.all("run")) this.dirty.add(run.serviceId);
    for (const task of tx.all("task")) this.dirty.add(task.serviceId);
  }

  protected override turn(tx: WriteTx): readonly string[] {
    this.#noted = 0;
    const taken: string[] = [];
    let room = this.bound(REAPED_PER_TURN_MAX);
    for (const id of this.dirty) {
      if (room <= 0 || taken.length >= SERVICES_PER_TURN_MAX) break;
      this.dirty.delete(id);
      taken.push(id);
      this.guarded(tx, id, () => {
        const { tasks, revisions, runs } = planReap(tx, id);
        const some = tasks.slice(0, room);
        for (const task of some) tx.remove("task", task);
        if (some.length < tasks.length) this.dirty.add(id);
        else for (const revision of revisions) tx.remove("revision", revision);
        for (const run of runs) tx.remove("run", run);
        room -= some.length + revisions.length + runs.length;
      });
    }
    return taken;
  }

  #noteTask({ before, after }: Extract<Change, { table: "task" }>): void {
    const task = after ?? before;
    // A task that is wanted and runs leaves nothing behind.
    if (task !== undefined && (after === undefined || before === undefined || !isWanted(after))) {
      this.dirty.add(task.serviceId);
      this.#noted += 1;
    }
  }

  #noteAllOf(nodeId: string): void {
    for (const task of this.deps.store.speculative().find("task", "node", nodeId)) this.dirty.add(task.serviceId);
  }
}

export type Reap = {
  readonly tasks: readonly string[];
  readonly revisions: readonly string[];
  readonly runs: readonly string[];
};

/** Ids to delete of one service, which may itself be gone. */
export function planReap(tx: ReadTx, serviceId: string): Reap {
  const service = tx.get("service", serviceId);
  const all = tx.find("task", "service", serviceId);
  const doomed = new Set(all.filter((task) => isRemovable(tx, task)).map((task) => task.id));
  const restart = service?.spec?.task?.restart ?? null;
  // Restart attempts are counted from history, so it must hold one more dead task than there are attempts.
  const maxAttempts = restart?.maxAttempts ?? 0;
  const limit = maxAttempts > 0 ? { dead: maxAttempts + 1 } : { all: historyLimit(tx) };
  const specOf = (revision: number): TaskSpec | undefined =>
    tx.get("revision", revisionId(serviceId, revision))?.spec ?? undefined;
  const homes = homesOf(all, { ties: tiesOf(service?.spec ?? null), specOf });
  const kept = new Set([...homes, ...failedMoves(all, tx.timeMs).map(({ id }) => id)]);
  for (const tasks of slotsOf(all, doomed)) {
    for (const task of excess(tasks, limit, service?.revision ?? 0)) if (!kept.has(task.id)) doomed.add(task.id);
  }
  const revisions = removableRevisions(tx, serviceId, (task) => !doomed.has(task.id));
  return { tasks: [...doomed], revisions: revisions.map(({ id }) => id), runs: doomedRuns(tx, service, serviceId) };
}

function doomedRuns(tx: ReadTx, service: Service | undefined, serviceId: string): readonly string[] {
  const runs = tx.find("run", "service", serviceId);
  if (runs.length === 0) return [];
  const doomed = service === undefined ? runs : forgottenRuns(runs, jobOf(service.spec)?.policy ?? null);
  return doomed.map(({ id }) => id);
}

function isRemovable(tx: ReadTx, task: Task): boolean {
  if (task.desired !== "REMOVE" && task.desired !== "ORPHANED") return false;
  const state = observedState(task);
  if (isTerminal(state) || compareStates(state, "ASSIGNED") < 0) return true;
  return tx.get("node", task.nodeId) === undefined;
}

/** Negative keeps everything. The last task of a slot stays: it says what became of it, and that nothing is to take its place. */
function historyLimit(tx: ReadTx): number {
  const limit = clusterOf(tx)?.spec?.taskHistoryLimit ?? DEFAULT_TASK_HISTORY;
  return limit < 0 ? Infinity : Math.max(1, limit);
}

function slotsOf(all: readonly Task[], doomed: ReadonlySet<string>): Iterable<Task[]> {
  const slots = new Map<string, Task[]>();
  for (const task of all) {
    if (doomed.has(task.id)) continue;
    const key = `${task.run}/${slotName(task)}`;
    const list = slots.get(key);
    if (list === undefined) slots.set(key, [task]);
    else list.push(task);
  }
  return slots.values();
}

/** The oldest that are over; those that still count as restart attempts go last. */
function excess(
  tasks: readonly Task[],
  limit: { readonly all: number } | { readonly dead: number },
  revision: number,
): readonly Task[] {
  // What a job's run completed is counted from its tasks, so they stay as long as it.
  const dead = tasks.filter(
    (task) => !isWanted(task) && isTerminal(observedState(task)) && !(task.run > 0 && isComplete(task)),
  );
  const over = "all" in limit ? tasks.length - limit.all : dead.length - limit.dead;
  if (over <= 0) return [];
  const counts = (task: Task): number => (endedByItself(task) && task.revision === revision ? 1 : 0);
  return dead
    .sort((a, b) => counts(a) - counts(b) || (a.meta?.createdAtMs ?? 0) - (b.meta?.createdAtMs ?? 0))
    .slice(0, over);
}
