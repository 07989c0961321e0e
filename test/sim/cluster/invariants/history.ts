/** What a slot leaves behind is bounded: the reaper keeps up, and restarts keep to their policy. */
import type { Task } from "../../../../src/model/index.ts";
import { endedByItself } from "../../../../src/model/task-state.ts";
import type { MakeInvariant } from "../invariant.ts";
import type { World } from "../world.ts";

/** Made while the reaper waits for its moment, or while nobody leads and nothing is reaped. */
const SLACK = 20;

export const boundedHistory: MakeInvariant = (world) => {
  /** Tasks that ended by themselves, by service, run, revision, slot and rollout, which begins the count anew; reaped ones too. */
  const ends = new Map<string, Set<string>>();
  return {
    name: "history and restarts are bounded",
    afterEntry: ({ changes }) => {
      for (const change of changes) {
        if (change.table !== "task" || change.after === undefined) continue;
        const task = change.after;
        if (change.before === undefined) checkSlot(world, task);
        if (endedByItself(task) && (change.before === undefined || !endedByItself(change.before))) {
          const since = world.truth.get("service", task.serviceId)?.rollout?.startedAtMs ?? 0;
          const key = `${task.serviceId}/${task.run}/${task.revision}/${task.slot}/${since}`;
          const ids = ends.get(key) ?? new Set();
          ends.set(key, ids.add(task.id));
          checkAttempts(world, task, ids);
        }
      }
    },
  };
};

function checkSlot({ truth, plan }: World, { serviceId, slot, run }: Task): void {
  const tasks = truth.tasksOfSlot(serviceId, slot).filter((task) => task.run === run);
  const attempts = Math.max(0, ...tasks.map((task) => Number(truth.specOf(task)?.restart?.maxAttempts ?? 0)));
  const limit = Math.max(1, plan.taskHistoryLimit, attempts + 1) + SLACK;
  if (tasks.length > limit)
    throw new Error(`slot ${slot} of ${serviceId} has ${tasks.length} tasks, more than ${limit}`);
}

/** Only where it can be said simply: no window, and no task of the slot that was lost with its node. */
function checkAttempts({ truth }: World, task: Task, ids: ReadonlySet<string>): void {
  const restart = truth.specOf(task)?.restart;
  const max = Number(restart?.maxAttempts ?? 0);
  if (max === 0 || Number(restart?.windowMs ?? 0) > 0) return;
  const stoodInFor = new Set(truth.tasksOfSlot(task.serviceId, task.slot).map(({ replaces }) => replaces));
  const counted = [...ids].filter((id) => !stoodInFor.has(id) && truth.get("task", id)?.replaces === "");
  if (counted.length > max + 1) {
    throw new Error(`slot ${task.slot} of ${task.serviceId} was started ${counted.length} times, with ${max} attempts`);
  }
}
