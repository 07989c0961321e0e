/** What has a local volume is started on no other node than where its slot ran with it, until that node is removed. */
import type { Task, TaskSpec } from "../../../../src/model/index.ts";
import type { MakeInvariant } from "../invariant.ts";

export const pinned: MakeInvariant = (world) => {
  const { truth } = world;
  /** Of each slot, where it last ran with its volume, and which task of it that was. */
  const homes = new Map<string, { readonly nodeId: string; readonly taskId: string }>();
  return {
    name: "what has local data stays with it",
    // Scaled away, the slot's next task begins afresh.
    afterEntry: ({ changes }) => {
      for (const { table, before, after } of changes) {
        if (table !== "task" || before === undefined || after?.desired !== "REMOVE") continue;
        if (homes.get(slotKey(after))?.taskId === after.id) homes.delete(slotKey(after));
      }
    },
    onEffect: (machine, { op, container }) => {
      if (op !== "start" || container === undefined) return;
      // Scaled away before its agent heard of that.
      if ((truth.get("task", container.task.id)?.desired ?? "REMOVE") === "REMOVE") return;
      const { id, spec } = container.task;
      const key = slotKey(container.task);
      if (!hasLocalVolume(spec)) {
        homes.delete(key);
        return;
      }
      const home = homes.get(key);
      if (home !== undefined && home.nodeId !== machine.id && truth.get("node", home.nodeId) !== undefined) {
        throw new Error(`${machine.name} starts ${id}, but its slot ${key} has its volume on ${home.nodeId}`);
      }
      if (home !== undefined && home.taskId !== id) world.coverage.add("started again at its volume");
      homes.set(key, { nodeId: machine.id, taskId: id });
    },
  };
};

/** Each run of a job begins afresh. */
function slotKey({ serviceId, run, slot }: Pick<Task, "serviceId" | "run" | "slot">): string {
  return `${serviceId}/${run}/${slot}`;
}

function hasLocalVolume({ container }: TaskSpec): boolean {
  return container?.mounts.some(({ type, source, shared }) => type === "VOLUME" && source !== "" && !shared) === true;
}
