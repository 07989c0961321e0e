/**
 * How tasks leave a node that is drained: each goes on until its stand-in elsewhere serves, a bounded number
 * at once, and none stays beyond the deadline. Pure.
 */
import { drainDeadlineMs, drainParallelism } from "../../model/drain.ts";
import { isReady, isTerminal, isWanted, observedState } from "../../model/task-state.ts";
import type { Node, Task } from "../../model/index.ts";
import { attemptsOf } from "../../store/task-names.ts";
import type { ReadTx, WriteTx } from "../../store/types.ts";
import type { ServiceState } from "./slot.ts";

/** It runs, and may run beside another of its slot: nothing is gained by stopping it first. */
export function leavesGently(task: Task, node: Node, { run, ties, nowMs }: ServiceState): boolean {
  const state = node.status?.state;
  const isThere = state === "READY" || state === "UNREACHABLE";
  const isFree = run === 0 && task.slot > 0 && ties.local === "" && ties.single === "";
  return isThere && isFree && observedState(task) === "RUNNING" && nowMs < drainDeadlineMs(node);
}

/** So many tasks of the node leave at once; those that nobody takes hold nobody up. */
export function mayLeave(tx: ReadTx, task: Task): boolean {
  const node = tx.get("node", task.nodeId);
  if (node === undefined) return true;
  let left = drainParallelism(node);
  for (const other of tx.find("task", "node", task.nodeId).toSorted(byId)) {
    if (other.id === task.id) return true;
    if (!isWanted(other) || isTerminal(observedState(other)) || isStuck(tx, other)) continue;
    left -= 1;
    if (left <= 0) return false;
  }
  return true;
}

/** Once for each drain: a task that would have gone on until another one served was stopped at its deadline. */
export function noteOverdueDrain(tx: WriteTx, task: Task): void {
  const node = tx.get("node", task.nodeId);
  if (!node?.status || node.spec?.availability !== "DRAIN" || node.status.drainOverdueMs > 0) return;
  const deadlineMs = drainDeadlineMs(node);
  const isLate = deadlineMs > 0 && tx.timeMs >= deadlineMs && task.run === 0;
  if (!isLate || !isWanted(task) || observedState(task) !== "RUNNING" || standsIn(tx, task)) return;
  tx.put("node", { ...node, status: { ...node.status, drainOverdueMs: tx.timeMs } });
}

/** Another task of the slot serves: this one was not stopped for the deadline. */
function standsIn(tx: ReadTx, task: Task): boolean {
  return attemptsOf(tx, task).some((other) => other.id !== task.id && isWanted(other) && isReady(other));
}

function isStuck(tx: ReadTx, task: Task): boolean {
  const standIn = attemptsOf(tx, task).find((other) => other.replaces === task.id && isWanted(other));
  return standIn !== undefined && standIn.nodeId === "" && standIn.pendingReason !== "";
}

function byId(a: Task, b: Task): number {
  return a.id < b.id ? -1 : 1;
}
