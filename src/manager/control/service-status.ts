/** How far a service is, in numbers: what `service ls` and those who wait for it look at. */
import type { Service, Task } from "../../model/index.ts";
import { membershipOf } from "../../model/membership.ts";
import { slotName } from "../../model/naming.ts";
import { runsOnEveryNode } from "../../model/service-mode.ts";
import { isWanted, observedState } from "../../model/task-state.ts";
import type { ReadTx } from "../../store/types.ts";

export type ServiceStatus = {
  /** Tasks observed running and wanted. */
  readonly running: number;
  /** Tasks that are to run. */
  readonly desired: number;
};

export function statusOf(tx: ReadTx, service: Service): ServiceStatus {
  const tasks = tx.find("task", "service", service.id).filter(isWanted);
  return {
    running: tasks.filter((task) => observedState(task) === "RUNNING").length,
    desired: runsOnEveryNode(service.spec) ? nodesOf(tx, service, tasks) : (service.spec?.replicated?.replicas ?? 0),
  };
}

/** Nodes that have a task or are to get one: a paused node counts only with the task it kept. */
function nodesOf(tx: ReadTx, { spec }: Service, wanted: readonly Task[]): number {
  if (!spec?.task) return 0;
  const held = new Set(wanted.map(slotName));
  let count = 0;
  for (const node of tx.all("node")) {
    const { kind } = membershipOf(node, spec.task, tx.timeMs);
    if (kind === "run" || (kind === "keep" && held.has(node.id))) count += 1;
  }
  return count;
}
