/** Why a task is not started elsewhere although its node does not answer, or not before another one has stopped. */
import { formatSpan } from "../../util/units.ts";
import { nodeName } from "../../model/naming.ts";
import { isTerminal, observedState } from "../../model/task-state.ts";
import { hasStoppedUnheard, SINGLE_REPLACE_AFTER_MS, tiesOf } from "../../model/ties.ts";
import { isOpen } from "../../model/run.ts";
import type { ExplainReason, Node, Run, Task } from "../../model/index.ts";
import { slotTasksOf } from "../../store/task-names.ts";
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
        `bring ${name} back; or give the data up: remove the node, or ${afresh(task)}; or declare the mount shared`,
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

function afresh({ run }: Task): string {
  return run > 0 ? "remove the job and create it again" : "scale to 0 and back";
}

/** Why nobody can be sure that a silent node stops it; empty if it does. */
function unstopped({ status }: Task, { status: of }: Node): string {
  if (of?.silence?.closed === true) return "closed its connection";
  return of?.silence && status?.single !== true ? "has not heard that it never runs twice" : "";
}

/** Of a task that is prepared: which other one must have stopped first, or which run of its job have ended. */
export function waitReasons(tx: ReadTx, task: Task, about: About): ExplainReason[] {
  const spec = tx.get("service", task.serviceId)?.spec ?? null;
  const { single } = tiesOf(spec);
  if (single === "") return [];
  const before = firstOpenBefore(tx, task.serviceId, task.run);
  const others = spec?.single === true ? tx.find("task", "service", task.serviceId) : slotTasksOf(tx, task);
  const running = others.flatMap((other) => {
    const node = tx.get("node", other.nodeId);
    if (other.id === task.id || node === undefined || isTerminal(observedState(other))) return [];
    if (hasStoppedUnheard(other, node, tx.timeMs)) return [];
    return [
      about("single", `it never runs twice, for ${single}: task ${other.id} on node ${nodeName(node)} may still run`),
    ];
  });
  if (before === undefined || running.length > 0) return running;
  return [about("single", `it never runs twice, for ${single}: run ${before.number} is open and comes first`)];
}

/** Of a run without a task: whose volume is where another run's is, which has no node yet. */
export function unplacedRunReasons(tx: ReadTx, { serviceId, number }: Run, about: About): ExplainReason[] {
  const { local } = tiesOf(tx.get("service", serviceId)?.spec ?? null);
  const before = local === "" ? undefined : firstOpenBefore(tx, serviceId, number);
  if (before === undefined) return [];
  return [about("local-data", `run ${number} waits until run ${before.number} has a node: its ${local} will be there`)];
}

function firstOpenBefore(tx: ReadTx, serviceId: string, number: number): Run | undefined {
  const before = tx.find("run", "service", serviceId).filter((run) => isOpen(run) && run.number < number);
  return before.toSorted((a, b) => a.number - b.number)[0];
}
