/** Finding tasks: by the name people know a slot by, of a slot, of a node. */
import { parseTaskName, slotName } from "../model/naming.ts";
import type { Task } from "../model/index.ts";
import { isTerminal, isWanted, observedState } from "../model/task-state.ts";
import type { ReadTx } from "./types.ts";

/** `web.2`, `web.<node id>` or `web.<node name>`: the attempt that is wanted, else the newest. Undefined if there is none. */
export function findTaskNamed(tx: ReadTx, text: string): Task | undefined {
  const name = parseTaskName(text);
  const service = name === null ? undefined : tx.find("service", "name", name.service.toLowerCase())[0];
  if (name === null || service === undefined) return undefined;
  const inSlot = (slot: string): readonly Task[] => tx.find("task", "slot", `${service.id}/${slot}`);
  const direct = inSlot(name.slot);
  const found =
    direct.length > 0 ? direct : tx.find("node", "name", name.slot.toLowerCase()).flatMap(({ id }) => inSlot(id));
  return found.toSorted((a, b) => Number(isWanted(b)) - Number(isWanted(a)) || createdAt(b) - createdAt(a))[0];
}

function createdAt(task: Task): number {
  return task.meta?.createdAtMs ?? 0;
}

/** The attempts of a task's slot, and of its run, from the oldest to the newest. */
export function attemptsOf(tx: ReadTx, task: Task): readonly Task[] {
  return slotTasksOf(tx, task).filter((other) => other.run === task.run);
}

/** As attemptsOf, of all runs. */
export function slotTasksOf(tx: ReadTx, task: Task): readonly Task[] {
  const inSlot = tx.find("task", "slot", `${task.serviceId}/${slotName(task)}`);
  return inSlot.toSorted((a, b) => createdAt(a) - createdAt(b));
}

/** What may still run on a node. */
export function unfinishedOn(tx: ReadTx, nodeId: string): Task[] {
  return tx.find("task", "node", nodeId).filter((task) => !isTerminal(observedState(task)));
}
