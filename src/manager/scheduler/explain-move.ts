/** Why a task makes way for another one elsewhere, or came where it is: its service is rebalanced. */
import { nodeName } from "../../model/naming.ts";
import { isWanted } from "../../model/task-state.ts";
import type { ExplainReason, Task } from "../../model/index.ts";
import { attemptsOf } from "../../store/task-names.ts";
import type { ReadTx } from "../../store/types.ts";
import type { About } from "./explain-task.ts";

export function moveReasons(tx: ReadTx, task: Task, about: About): ExplainReason[] {
  const nameOf = (id: string): string => {
    const node = tx.get("node", id);
    return node === undefined ? id : nodeName(node);
  };
  const attempts = attemptsOf(tx, task);
  if (task.move !== null && isWanted(task)) {
    const next = attempts.find((other) => other.replaces === task.id && isWanted(other));
    const successor = next === undefined ? "another task" : `task ${next.id}`;
    const to = nameOf(task.move.toNodeId);
    return [about("rebalance", `it makes way for ${successor} on node ${to}, and goes on until that one is proven`)];
  }
  const before = task.replaces === "" ? undefined : attempts.find(({ id }) => id === task.replaces);
  if (!before?.move) return [];
  return [about("rebalance", `rebalanced: it took the place of task ${before.id} on node ${nameOf(before.nodeId)}`)];
}
