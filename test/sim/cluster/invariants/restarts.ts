/**
 * What ends again and again is started ever more slowly: the waits after the first few double, which leaves at most 30
 * starts in an hour; and what it leaves on engines is bounded, too.
 */
import { slotName } from "../../../../src/model/naming.ts";
import type { Task } from "../../../../src/model/index.ts";
import type { MakeInvariant } from "../invariant.ts";
import type { World } from "../world.ts";

/** Successors without a wait; the next waits 1 s, and each that follows twice as long. */
const FREE = 3;
/** Cluster time has whole milliseconds, and a wait may end a little before its task is made. */
const SLACK = 1;
const WELL_MS = 60_000;

type Streak = { readonly sinceMs: number; readonly length: number };

export const restarts: MakeInvariant = (world) => {
  /** Successors that the restart policy made in a row, by slot. */
  const streaks = new Map<string, Streak>();
  return {
    name: "restarts slow down",
    afterEntry: ({ changes, timeMs }) => {
      for (const change of changes) {
        if (change.table !== "task" || change.before !== undefined || change.after === undefined) continue;
        const task = change.after;
        const key = `${task.serviceId}/${task.run}/${slotName(task)}`;
        const known = streaks.get(key);
        const isSuccessor = task.cause?.actor === "restart" && !hadRunWell(world, task);
        const next = isSuccessor && known !== undefined ? { ...known, length: known.length + 1 } : fresh(timeMs);
        streaks.set(key, next);
        check(key, next, timeMs);
      }
    },
    atEnd: () => checkLeftovers(world),
  };
};

function fresh(sinceMs: number): Streak {
  return { sinceMs, length: 0 };
}

function check(key: string, { sinceMs, length }: Streak, nowMs: number): void {
  const most = FREE + SLACK + 1 + Math.log2(1 + (nowMs - sinceMs) / 1_000);
  if (length > most) throw new Error(`slot ${key} was started again ${length} times in ${nowMs - sinceMs} ms`);
}

/** A predecessor that was ready for a minute: what ended it is a new trouble. */
function hadRunWell({ truth }: World, task: Task): boolean {
  return truth
    .tasksOfSlot(task.serviceId, task.slot)
    .some(({ readyAtMs, status }) => readyAtMs > 0 && (status?.atMs ?? 0) - readyAtMs >= WELL_MS);
}

/** Containers that do not run, of one slot: each belongs to a task that is remembered. */
function checkLeftovers({ cluster, truth, plan }: World): void {
  const dead = new Map<string, number>();
  for (const { engine } of cluster.machines) {
    for (const { task, state } of engine?.containers() ?? []) {
      if (state.state === "running") continue;
      const key = `${task.serviceId}/${task.run}/${slotName(task)}`;
      dead.set(key, (dead.get(key) ?? 0) + 1);
    }
  }
  for (const [key, count] of dead) {
    const spec = truth.get("service", key.split("/")[0] ?? "")?.spec?.task ?? null;
    const attempts = Number(spec?.restart?.maxAttempts ?? 0);
    // The newest may not have been started yet.
    const most = Math.max(1, plan.taskHistoryLimit, attempts + 1) + 1;
    if (count > most) throw new Error(`slot ${key} left ${count} containers, more than ${most}`);
  }
}
