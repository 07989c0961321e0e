/**
 * How a task makes way for another one on a node that has fewer of its service (scheduler/rebalance.ts): that one starts
 * first, and the old one stops once it has been ready for as long as an update's. What fails or gets nowhere costs
 * nothing: the old one just stays. Pure.
 */
import { isFinished } from "../../model/rollout.ts";
import { isTerminal, observedState } from "../../model/task-state.ts";
import type { ServiceState, Slot, SlotTask } from "./slot.ts";

export type MoveDecision =
  | { readonly kind: "begin"; readonly nodeId: string }
  /** Both run. */
  | { readonly kind: "wait"; readonly untilMs: number }
  | { readonly kind: "finish" }
  /** The old one stays. */
  | { readonly kind: "abandon"; readonly why: string };

/** @param good what of the slot nothing is known against, of the same currency as the original */
export function decideMove(
  original: SlotTask,
  { tasks }: Slot,
  good: readonly SlotTask[],
  state: ServiceState,
): MoveDecision {
  const { id, move } = original.task;
  const sinceMs = move?.sinceMs ?? 0;
  const nodeId = move?.toNodeId ?? "";
  const successors = tasks.filter(({ task }) => task.replaces === id && (task.meta?.createdAtMs ?? 0) >= sinceMs);
  const why = obstacleOf(state);
  if (why !== "") return { kind: "abandon", why };
  if (successors.length === 0)
    return good.length === 1 ? { kind: "begin", nodeId } : { kind: "abandon", why: "its slot has another task" };
  const next = successors.find((view) => good.includes(view));
  if (next === undefined) return { kind: "abandon", why: endOf(successors) };
  const { task } = next;
  if (task.nodeId === "" && task.pendingReason !== "") return { kind: "abandon", why: task.pendingReason };
  const deadlineMs = sinceMs + state.rules.deadlineMs;
  const provenAtMs = task.readyAtMs + state.rules.monitorMs;
  if (next.serving && provenAtMs <= state.nowMs) return { kind: "finish" };
  if (next.serving) return { kind: "wait", untilMs: provenAtMs };
  if (deadlineMs <= state.nowMs) return { kind: "abandon", why: "what was to take its place is not ready in time" };
  return { kind: "wait", untilMs: deadlineMs };
}

/** What came up since the move was decided. */
function obstacleOf({ ties, service: { rollout } }: ServiceState): string {
  if (ties.local !== "" || ties.single !== "") return "tasks of its service do not move any more";
  return rollout !== null && !isFinished(rollout.state) ? "its service is updated" : "";
}

function endOf(successors: readonly SlotTask[]): string {
  const last = successors.at(-1);
  if (last === undefined || last.trouble !== "") return last?.trouble ?? "";
  const isOver = isTerminal(observedState(last.task));
  return `what was to take its place ${isOver ? "ended" : "is told to stop"}`;
}
