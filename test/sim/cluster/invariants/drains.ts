/**
 * A drained node is empty by its deadline, whether what ran there runs elsewhere or not; and until then no more of its
 * tasks have a stand-in on its way at once than were asked for.
 */
import { isReady, isTerminal, isWanted, observedState } from "../../../../src/model/task-state.ts";
import type { Node, Task } from "../../../../src/model/index.ts";
import { DueTimes } from "../due.ts";
import type { MakeInvariant } from "../invariant.ts";
import type { World } from "../world.ts";

const DEADLINE_MS = 600_000;
const PARALLELISM = 4;

export const drains: MakeInvariant = (world) => {
  const due = new DueTimes(world);
  /** By node, while it is drained: the most that were to leave at once. */
  const most = new Map<string, number>();
  /** Stand-ins that no node took for a while: they held nobody up, and may have been placed since. */
  const stuck = new Set<string>();

  const noteNode = (id: string, node: Node | undefined): void => {
    const sinceMs = node?.status?.drainSinceMs ?? 0;
    if (node?.spec?.availability !== "DRAIN" || sinceMs === 0) {
      due.forget(id);
      most.delete(id);
      return;
    }
    due.note(id, sinceMs + (node.spec.drainDeadlineMs || DEADLINE_MS));
    most.set(id, Math.max(most.get(id) ?? 0, node.spec.drainParallelism || PARALLELISM));
  };

  const isUnderWay = (task: Task): boolean =>
    leavesFor(task) && isWanted(task) && !isTerminal(observedState(task)) && !isReady(task) && !stuck.has(task.id);

  const checkRate = (task: Task): void => {
    const { truth } = world;
    const original = truth.get("task", task.replaces);
    const limit = most.get(original?.nodeId ?? "");
    if (original === undefined || limit === undefined || !isUnderWay(task)) return;
    world.coverage.add("left a drained node gently");
    const leaving = truth
      .tasksOfNode(original.nodeId)
      .filter((one) => isWanted(one) && !isTerminal(observedState(one)));
    const ids = new Set(leaving.map(({ id }) => id));
    const services = new Set(leaving.map(({ serviceId }) => serviceId));
    const standIns = [...services].flatMap((id) => truth.tasksOfService(id)).filter(isUnderWay);
    const count = new Set(standIns.map(({ replaces }) => replaces).filter((id) => ids.has(id))).size;
    if (count > limit) throw new Error(`${count} tasks leave ${original.nodeId} at once, of at most ${limit}`);
  };

  return {
    name: "drained nodes are empty in time",
    afterEntry: ({ changes }) => {
      for (const { table, id, after } of changes) if (table === "node") noteNode(id, after);
      for (const { table, before, after } of changes) {
        if (table !== "task" || after === undefined) continue;
        if (after.pendingReason !== "") stuck.add(after.id);
        if (before === undefined) checkRate(after);
      }
    },
    onLook: () => {
      for (const id of due.overdue()) checkEmpty(world, id);
    },
  };
};

/** A second attempt has another cause, and may come when others are on their way. */
function leavesFor({ replaces, cause }: Task): boolean {
  return replaces !== "" && cause?.reason.endsWith("is drained") === true;
}

function checkEmpty({ truth }: World, nodeId: string): void {
  const left = truth.tasksOfNode(nodeId).find((task) => isWanted(task) && !isTerminal(observedState(task)));
  if (left !== undefined)
    throw new Error(`${left.id} of ${left.serviceName} is wanted on ${nodeId} after its deadline`);
}
