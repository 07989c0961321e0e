/** What a slot may do with its next task where it has data on one node, or must never run twice (model/ties.ts). Pure. */
import { hasStoppedUnheard, SINGLE_REPLACE_AFTER_MS, tiesOf } from "../../model/ties.ts";
import { isTerminal, observedState } from "../../model/task-state.ts";
import type { Task } from "../../model/index.ts";
import type { ServiceState, SlotTask } from "./slot.ts";
import { earlier } from "./steps.ts";

/**
 * Id of the only node on which the slot's next task finds its data; empty for any. Which revision it has counts, and not
 * what the service's newest one has.
 */
export function homeOf(
  tasks: readonly SlotTask[],
  next: Pick<Task, "revision">,
  { nodeOf, specOf }: ServiceState,
): string {
  const hasData = ({ revision }: Pick<Task, "revision">): boolean => {
    const own = specOf(revision);
    return own === undefined || tiesOf({ single: false, task: own }).local !== "";
  };
  if (!hasData(next)) return "";
  const last = tasks.findLast(
    ({ task }) => task.desired !== "REMOVE" && hasData(task) && (task.pinnedNodeId !== "" || mayHaveRun(task)),
  );
  const nodeId = last === undefined ? "" : last.task.pinnedNodeId || last.task.nodeId;
  return nodeOf(nodeId) === undefined ? "" : nodeId;
}

function mayHaveRun({ nodeId, status }: SlotTask["task"]): boolean {
  return nodeId !== "" && ((status?.startedAtMs ?? 0) > 0 || !isTerminal(status?.state ?? "NEW"));
}

export type Wait = {
  readonly isOver: boolean;
  /** When to look again although nothing changed; null is never. */
  readonly untilMs: number | null;
};

/**
 * Whether a task that never runs twice may start beside the others of its slot; of a service that is called single, beside
 * any other of it: slots that it was scaled down by may still stop.
 */
export function waitForOthers(slot: readonly SlotTask[], state: ServiceState, self: Task | null = null): Wait {
  const { ties, nowMs } = state;
  if (ties.single === "") return { isOver: true, untilMs: null };
  const all = state.service.spec?.single === true ? state.tasks.map((task) => placedIn(state, task)) : slot;
  const running = all.filter((view) => view.task.id !== self?.id && mayRun(view, nowMs));
  const untilMs = running.reduce<number | null>((at, { node }) => {
    // It said goodbye: what it runs has a bounded time to stop.
    const isLeaving = node?.status?.state === "LEFT";
    return isLeaving ? earlier(at, (node?.status?.sinceMs ?? 0) + SINGLE_REPLACE_AFTER_MS) : at;
  }, null);
  return { isOver: running.length === 0, untilMs };
}

type Placed = Pick<SlotTask, "task" | "node">;

function placedIn({ nodeOf }: ServiceState, task: Task): Placed {
  return { task, node: task.nodeId === "" ? undefined : nodeOf(task.nodeId) };
}

function mayRun({ task, node }: Placed, nowMs: number): boolean {
  if (task.nodeId === "" || isTerminal(observedState(task))) return false;
  return node !== undefined && !hasStoppedUnheard(task, node, nowMs);
}
