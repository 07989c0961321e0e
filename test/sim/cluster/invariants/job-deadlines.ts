/** A run is over at its deadline, and a task of it is told to stop at its timeout, whatever else happens in the cluster. */
import { jobOf } from "../../../../src/model/service-mode.ts";
import { isWanted, observedState } from "../../../../src/model/task-state.ts";
import type { Run, Task } from "../../../../src/model/index.ts";
import { DueTimes } from "../due.ts";
import type { MakeInvariant } from "../invariant.ts";

export const jobDeadlines: MakeInvariant = (world) => {
  const runs = new DueTimes(world);
  const tasks = new DueTimes(world);

  const noteRun = (id: string, run: Run | undefined): void => {
    if (run?.state === "RUNNING" && run.deadlineAtMs > 0) runs.note(id, run.deadlineAtMs);
    else runs.forget(id);
  };
  const noteTask = (id: string, task: Task | undefined): void => {
    const spec = world.truth.get("service", task?.serviceId ?? "")?.spec ?? null;
    const timeoutMs = Number(jobOf(spec)?.policy.taskTimeoutMs ?? 0);
    const isAtWork = task !== undefined && isWanted(task) && ["STARTING", "RUNNING"].includes(observedState(task));
    if (isAtWork && task.run > 0 && timeoutMs > 0) tasks.note(id, (task.status?.atMs ?? 0) + timeoutMs);
    else tasks.forget(id);
  };

  return {
    name: "jobs end by their deadline",
    afterEntry: ({ changes }) => {
      for (const { table, id, after } of changes) {
        if (table === "run") noteRun(id, after);
        else if (table === "task") noteTask(id, after);
        else if (table === "service") for (const task of world.truth.tasksOfService(id)) noteTask(task.id, task);
      }
    },
    onLook: () => {
      for (const id of runs.overdue()) throw new Error(`run ${id} goes on after its deadline`);
      for (const id of tasks.overdue()) throw new Error(`task ${id} works on after its timeout`);
    },
  };
};
