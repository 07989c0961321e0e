/**
 * What resuming a recovered or restored cluster would do to the tasks that nodes hold now. Pure. It
 * compares what each node says with what the state wants, and asks the orchestrator's own plans for
 * the rest, so what is listed is what the first turns after it do.
 */
import type { Inventories } from "../../model/awaits-resume.ts";
import { isTerminal, isWanted, observedState } from "../../model/task-state.ts";
import { nodeName, taskName } from "../../model/naming.ts";
import type { HeldTask, Task } from "../../model/index.ts";
import type { ResumeItem } from "../../proto/gen/ResumeItem.ts";
import type { ReadTx } from "../../store/types.ts";
import { planOf } from "./plan.ts";
import type { Step } from "./steps.ts";

export function planResume(tx: ReadTx, inventories: Inventories): ResumeItem[] {
  const list = new ItemList();
  for (const [nodeId, inventory] of inventories) {
    const node = tx.get("node", nodeId);
    if (node === undefined) continue;
    const place = { nodeId, nodeName: nodeName(node) };
    if ("silent" in inventory) {
      for (const task of wantedOn(tx, nodeId)) list.add(itemOf("REPLACE", task, place, inventory.silent));
      continue;
    }
    for (const held of inventory) {
      const reason = isTerminal(held.observed) ? null : whyStopped(tx, nodeId, held);
      const { id: taskId, serviceId, name } = held;
      if (reason !== null) list.add({ action: "STOP", taskId, serviceId, name, ...place, reason });
    }
    const ids = new Set(inventory.map(({ id }) => id));
    for (const task of wantedOn(tx, nodeId)) {
      if (!ids.has(task.id)) list.add(itemOf("START", task, place, "it is this node's, and not there"));
    }
  }
  for (const serviceId of servicesOf(tx)) {
    for (const step of planOf(tx, serviceId).steps) addStep(list, tx, serviceId, step);
  }
  return list.sorted();
}

/** Null: it goes on. */
function whyStopped(tx: ReadTx, nodeId: string, held: HeldTask): string | null {
  const task = tx.get("task", held.id);
  if (task === undefined) return "the state does not know it";
  if (task.nodeId !== nodeId) return "it is another node's";
  return isWanted(task) ? null : `it was to be stopped before: ${task.cause?.reason ?? ""}`;
}

function wantedOn(tx: ReadTx, nodeId: string): readonly Task[] {
  return tx.find("task", "node", nodeId).filter((task) => isWanted(task) && !isTerminal(observedState(task)));
}

function servicesOf(tx: ReadTx): Iterable<string> {
  const ids = new Set<string>();
  for (const { id } of tx.all("service")) ids.add(id);
  for (const { serviceId } of tx.all("task")) ids.add(serviceId);
  return ids;
}

function addStep(list: ItemList, tx: ReadTx, serviceId: string, step: Step): void {
  switch (step.kind) {
    case "create": {
      const { reason } = step.cause;
      const name = `${tx.get("service", serviceId)?.spec?.name ?? serviceId}.${step.key}`;
      const node = step.pinnedNodeId === "" ? undefined : tx.get("node", step.pinnedNodeId);
      const place = { nodeId: node?.id ?? "", nodeName: node === undefined ? "" : nodeName(node) };
      const replaced = tx.get("task", step.replaces);
      if (replaced === undefined) list.add({ action: "START", taskId: "", serviceId, name, ...place, reason });
      else list.add(itemOf("REPLACE", replaced, placeOf(tx, replaced), reason));
      return;
    }
    case "desire":
      // What never ran, or does not any more, is only written down as stopped.
      if (step.desired === "RUNNING" || step.task.nodeId === "" || isTerminal(observedState(step.task))) return;
      list.add(itemOf("STOP", step.task, placeOf(tx, step.task), step.cause.reason));
      return;
    case "orphan":
    case "single":
    case "stay":
    case "run":
  }
}

type Place = { readonly nodeId: string; readonly nodeName: string };

function placeOf(tx: ReadTx, { nodeId }: Task): Place {
  const node = tx.get("node", nodeId);
  return { nodeId, nodeName: node === undefined ? "" : nodeName(node) };
}

function itemOf(action: ResumeItem["action"], task: Task, place: Place, reason: string): ResumeItem {
  return { action, taskId: task.id, serviceId: task.serviceId, name: taskName(task), ...place, reason };
}

const ORDER: Readonly<Record<ResumeItem["action"], number>> = { STOP: 0, REPLACE: 1, START: 2 };

/** One item a task: what is said of it first is nearest to what its node said. */
class ItemList {
  readonly #items: ResumeItem[] = [];
  readonly #taskIds = new Set<string>();

  add(item: ResumeItem): void {
    if (item.taskId !== "" && this.#taskIds.has(item.taskId)) return;
    this.#taskIds.add(item.taskId);
    this.#items.push(item);
  }

  sorted(): ResumeItem[] {
    return this.#items.sort((a, b) => ORDER[a.action] - ORDER[b.action] || compareText(a.name, b.name));
  }
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
