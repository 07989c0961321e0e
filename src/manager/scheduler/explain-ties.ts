/** Why a task is not started elsewhere although its node does not answer, or not before another one has stopped. */
import { formatSpan } from "../../util/units.ts";
import { nodeName } from "../../model/naming.ts";
import { isTerminal, observedState } from "../../model/task-state.ts";
import { hasStoppedUnheard, SINGLE_REPLACE_AFTER_MS, tiesOf } from "../../model/ties.ts";
import type { ExplainReason, Node, Task } from "../../model/index.ts";
import { attemptsOf } from "../../store/task-names.ts";
import type { ReadTx } from "../../store/types.ts";
import type { About } from "./explain-task.ts";

/** Of a task that waits for one node only, or whose node is silent. */
export function tieReasons(tx: ReadTx, task: Task, about: About): ExplainReason[] {
  const ties = tiesOf(tx.get("service", task.serviceId)?.spec ?? null);
  const node = tx.get("node", task.nodeId || task.pinnedNodeId);
  const reasons: ExplainReason[] = [];
  if (node === undefined) return reasons;
  const name = nodeName(node);
  if (ties.local !== "" && task.slot > 0) {
    reasons.push(
      about(
        "local-data",
        `its ${ties.local} is on node ${name}: it is started nowhere else by itself`,
        `bring ${name} back; or give the data up: remove the node, or scale to 0 and back; or declare the mount shared`,
      ),
    );
  }
  if (ties.single !== "" && task.nodeId !== "" && ties.local === "") {
    const mayGoOn = unstopped(task, node);
    const when =
      mayGoOn !== ""
        ? `node ${name} ${mayGoOn} and may still run it: nothing takes its place before it answers or is removed`
        : `it stops by itself there, and is started elsewhere once the node was silent for ${formatSpan(SINGLE_REPLACE_AFTER_MS)}`;
    const next = mayGoOn !== "" ? `start \`shoal daemon\` on ${name}, or remove the node once its host is off` : "";
    reasons.push(about("single", `it never runs twice, for ${ties.single}; ${when}`, next));
  }
  return reasons;
}

/** Why nobody can be sure that a silent node stops it; empty if it does. */
function unstopped({ status }: Task, { status: of }: Node): string {
  if (of?.silence?.closed === true) return "closed its connection";
  return of?.silence && status?.single !== true ? "has not heard that it never runs twice" : "";
}

/** Of a task that is prepared: which other one must have stopped first. */
export function waitReasons(tx: ReadTx, task: Task, about: About): ExplainReason[] {
  const { single } = tiesOf(tx.get("service", task.serviceId)?.spec ?? null);
  if (single === "") return [];
  return attemptsOf(tx, task).flatMap((other) => {
    const node = tx.get("node", other.nodeId);
    if (other.id === task.id || node === undefined || isTerminal(observedState(other))) return [];
    if (hasStoppedUnheard(other, node, tx.timeMs)) return [];
    return [
      about("single", `it never runs twice, for ${single}: task ${other.id} on node ${nodeName(node)} may still run`),
    ];
  });
}
