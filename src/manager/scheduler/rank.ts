/** Which of several suitable nodes is best: the lesser rank. Every part only grows as tasks are placed. */
import { NO_RESOURCES } from "../../model/resources.ts";
import type { Resources, Task } from "../../model/index.ts";
import { observedState } from "../../model/task-state.ts";
import type { NodeInfo } from "./node-info.ts";
import { tasksOfService } from "./node-info.ts";

/** This many failures of a service's revision on a node within the window make every other node better. */
export const FAILURES_MAX = 5;
export const FAILURE_WINDOW_MS = 5 * 60_000;

/** Compared from left to right; the node's id ends every tie, so that placement is reproducible. */
export type Rank = {
  readonly failures: number;
  readonly ofServiceOnNode: number;
  readonly ofServiceOnEngine: number;
  /** The larger of the reserved shares of CPU and memory. */
  readonly reservedShare: number;
  readonly tasks: number;
  readonly nodeId: string;
};

/** @param exceptSlot whose tasks here do not count: they make way for the one to place */
export function rankOf(
  info: NodeInfo,
  serviceId: string,
  failures: ReadonlyMap<string, number>,
  exceptSlot?: number,
): Rank {
  const { node, engine } = info;
  const recent = failures.get(node.id) ?? 0;
  const ofServiceOnNode = tasksOfService(info, serviceId, exceptSlot);
  const outgoing = tasksOfService(info, serviceId) - ofServiceOnNode;
  return {
    failures: recent >= FAILURES_MAX ? recent : 0,
    ofServiceOnNode,
    ofServiceOnEngine: (engine.tasksOfService.get(serviceId) ?? 0) - outgoing,
    reservedShare: shareOf(engine.reserved, node.description?.resources ?? NO_RESOURCES),
    tasks: info.tasks,
    nodeId: node.id,
  };
}

/** Negative if `a` is the better node. */
export function compareRanks(a: Rank, b: Rank): number {
  return (
    a.failures - b.failures ||
    a.ofServiceOnNode - b.ofServiceOnNode ||
    a.ofServiceOnEngine - b.ofServiceOnEngine ||
    a.reservedShare - b.reservedShare ||
    a.tasks - b.tasks ||
    (a.nodeId < b.nodeId ? -1 : a.nodeId > b.nodeId ? 1 : 0)
  );
}

/** Recent failures of one revision, by node. @param tasks of the service */
export function recentFailures(tasks: readonly Task[], revision: number, nowMs: number): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const task of tasks) {
    const state = observedState(task);
    if (task.revision !== revision || task.nodeId === "" || (state !== "FAILED" && state !== "REJECTED")) continue;
    if ((task.status?.atMs ?? 0) <= nowMs - FAILURE_WINDOW_MS) continue;
    counts.set(task.nodeId, (counts.get(task.nodeId) ?? 0) + 1);
  }
  return counts;
}

function shareOf(reserved: Resources, total: Resources): number {
  const cpu = total.nanoCpus > 0 ? reserved.nanoCpus / total.nanoCpus : 0;
  const memory = total.memoryBytes > 0 ? reserved.memoryBytes / total.memoryBytes : 0;
  return Math.max(cpu, memory);
}
