/** One task that wants a node, beside what all tasks of its spec want; and who it comes after in its slot. */
import { slotName } from "../../model/naming.ts";
import { holdsResources } from "../../model/task-state.ts";
import type { Task } from "../../model/index.ts";
import type { ReadTx } from "../../store/types.ts";
import type { Holding, NodeBook, NodeInfo } from "./node-info.ts";

export type Ask = {
  /** The only node it may go to, or empty. */
  readonly pinnedNodeId: string;
  /** It starts only when its predecessors have stopped, so it may take over all that they hold. */
  readonly waits: boolean;
  /**
   * Other tasks of its slot that hold something. The slot is counted once: against a number of tasks, and
   * for balance, they do not count beside their successor.
   */
  readonly predecessors: readonly Holding[];
};

export function askOf(tx: ReadTx, book: NodeBook, task: Task): Ask {
  const { id, serviceId, run, pinnedNodeId, desired } = task;
  const slot = tx.find("task", "slot", `${serviceId}/${slotName(task)}`);
  const predecessors =
    slot.length < 2
      ? NONE
      : slot
          .filter((other) => other.id !== id && other.run === run && holdsResources(other))
          .flatMap((other) => book.holding(other.id) ?? []);
  return { pinnedNodeId, waits: desired === "READY", predecessors };
}

const NONE: readonly Holding[] = [];

/** Predecessors on one node's engine. */
export function predecessorsOn(book: NodeBook, { engine }: NodeInfo, { predecessors }: Ask): readonly Holding[] {
  if (predecessors.length === 0) return NONE;
  return predecessors.filter(({ nodeId }) => book.get(nodeId)?.engine === engine);
}
