/** Why one task is where it is. */
import { nodeName, taskName } from "../../model/naming.ts";
import { endText } from "../../model/restart.ts";
import {
  compareStates,
  endedByItself,
  isComplete,
  isHealthy,
  isReady,
  isTerminal,
  isWanted,
  observedState,
} from "../../model/task-state.ts";
import type { ExplainReason, Node, Task } from "../../model/index.ts";
import { attemptsOf } from "../../store/task-names.ts";
import type { ReadTx } from "../../store/types.ts";
import { restartReason, startReasons } from "./explain-restart.ts";
import { moveReasons } from "./explain-move.ts";
import { askOf } from "./ask.ts";
import { demandOf } from "./demand.ts";
import { tieReasons, waitReasons } from "./explain-ties.ts";
import type { NodeBook } from "./node-info.ts";
import { candidates, refusals } from "./place.ts";
import { bookOf } from "./scheduler.ts";

/** One screen, and then some. */
export const REASONS_MAX = 200;

export type Told = { readonly summary: string; readonly reasons: readonly ExplainReason[] };

/** What one explanation reads; the accounting is made once, and only if something waits for a node. */
export class Evidence {
  readonly tx: ReadTx;
  #book: NodeBook | null = null;

  constructor(tx: ReadTx) {
    this.tx = tx;
  }

  book(): NodeBook {
    this.#book ??= bookOf(this.tx);
    return this.#book;
  }
}

export function explainTask(evidence: Evidence, task: Task): Told {
  const about = (code: string, message: string, next = ""): ExplainReason =>
    reasonAbout("task", task.id, taskName(task), code, message, next);
  if (isTerminal(observedState(task))) return explainEnd(evidence, task, about);
  if (task.nodeId === "") return explainWaiting(evidence, task, about);
  return explainAssigned(evidence.tx, task, about);
}

export function reasonAbout(
  subjectKind: "service" | "task" | "node",
  subjectId: string,
  subjectName: string,
  code: string,
  ...[message, next = ""]: readonly [message: string, next?: string]
): ExplainReason {
  return { subjectKind, subjectId, subjectName, code, message, next };
}

export type About = (code: string, message: string, next?: string) => ExplainReason;

function explainWaiting(evidence: Evidence, task: Task, about: About): Told {
  if (!isWanted(task)) return { summary: "it is to be stopped and was never placed", reasons: causes(task, about) };
  const { tx } = evidence;
  const book = evidence.book();
  const demand = demandOf(tx, task);
  if (demand === null) {
    return { summary: "it waits for a node", reasons: [about("revision", `revision ${task.revision} is not stored`)] };
  }
  const ask = askOf(tx, book, task);
  // Nodes that were never meant for such tasks, like managers without a runtime, come last.
  const refused = [...refusals(book, demand, ask)].toSorted(
    (a, b) => Number(a.refusal.code === "runtime") - Number(b.refusal.code === "runtime"),
  );
  const suits = [...candidates(book, ask)].length - refused.length;
  if (suits > 0) {
    return { summary: "it is about to be placed", reasons: [about("scheduler", `${suits} nodes can take it now`)] };
  }
  const tied = tieReasons(evidence.tx, task, about);
  return {
    summary: `it waits: ${task.pendingReason === "" ? "no suitable node" : task.pendingReason}`,
    reasons: [
      ...tied,
      ...refused.map(({ info, refusal }) =>
        reasonAbout("node", info.node.id, nodeName(info.node), refusal.code, refusal.message, refusal.next),
      ),
    ],
  };
}

function explainAssigned(tx: ReadTx, task: Task, about: About): Told {
  const node = tx.get("node", task.nodeId);
  const state = observedState(task).toLowerCase();
  const where = node === undefined ? "a node that was removed" : `node ${nodeName(node)}`;
  const tied = isWanted(task) && isSilent(node) ? tieReasons(tx, task, about) : [];
  const reasons = [...nodeReasons(node), ...tied, ...causes(task, about)];
  if (!isWanted(task)) return { summary: `it is told to stop and is ${state} on ${where}`, reasons };
  const standIn = attemptsOf(tx, task).find((other) => other.replaces === task.id);
  reasons.push(...moveReasons(tx, task, about));
  if (task.move === null && standIn !== undefined && isWanted(standIn)) {
    reasons.push(about("stand-in", `task ${standIn.id} stands in for it until its node answers or is removed`));
  }
  const isPrepared = compareStates(observedState(task), "READY") >= 0;
  if (task.desired === "READY")
    return {
      summary: isPrepared ? `it is prepared on ${where} and waits to start` : `it is being prepared on ${where}`,
      reasons: [...startReasons(tx, task, about), ...waitReasons(tx, task, about), ...reasons],
    };
  const { status } = task;
  const { message = "", error = "" } = status ?? {};
  if (error !== "") reasons.push(about("error", error));
  if (status?.checkMessage) reasons.push(about("check", status.checkMessage));
  // Of a node that does not answer nobody knows: what its agent said last may be long ago.
  if (isReady(task))
    return {
      summary: isSilent(node) ? `it ran on ${where} when that was last heard of` : `it runs on ${where}`,
      reasons,
    };
  if (isHealthy(task)) {
    const why = status?.checkMessage || "its readiness check has not passed yet";
    return {
      summary: `it runs on ${where} and is not ready: ${why}`,
      reasons: [
        ...reasons,
        about("readiness", "it takes no traffic and does not count as updated until its readiness check passes"),
      ],
    };
  }
  if (observedState(task) === "RUNNING") {
    return {
      summary: `it runs on ${where} and is not healthy`,
      reasons: [about("health", message || "its health check does not pass"), ...reasons],
    };
  }
  return { summary: `it is ${state} on ${where}${message === "" ? "" : `: ${message}`}`, reasons };
}

function explainEnd(evidence: Evidence, task: Task, about: About): Told {
  const { tx } = evidence;
  const summary = endText(task);
  const reasons: ExplainReason[] = [];
  const { status } = task;
  if (status?.message) reasons.push(about("message", status.message));
  const service = tx.get("service", task.serviceId);
  const successor = attemptsOf(tx, task).find((other) => isWanted(other) && !isTerminal(observedState(other)));
  if (service === undefined) reasons.push(about("service", "its service was removed"));
  else if (successor !== undefined) {
    const told = explainTask(evidence, successor);
    reasons.push(
      reasonAbout(
        "task",
        successor.id,
        taskName(successor),
        "successor",
        `task ${successor.id} took its place: ${told.summary}`,
      ),
    );
  } else if (endedByItself(task) && !(task.run > 0 && isComplete(task))) reasons.push(restartReason(tx, task, about));
  reasons.push(...causes(task, about));
  return { summary, reasons };
}

function isSilent(node: Node | undefined): boolean {
  return node?.status?.state === "UNREACHABLE" || node?.status?.state === "DOWN";
}

/** The node's own trouble is often the whole answer. */
function nodeReasons(node: Node | undefined): ExplainReason[] {
  if (node === undefined) return [];
  const about = (code: string, message: string, next: string): ExplainReason =>
    reasonAbout("node", node.id, nodeName(node), code, message, next);
  const reasons: ExplainReason[] = [];
  const { status } = node;
  if (status?.state !== "READY") {
    const why = status?.message ? `: ${status.message}` : "";
    reasons.push(
      about(
        "ready",
        `the node is ${(status?.state ?? "UNKNOWN").toLowerCase()}${why}`,
        "check its host, its network and its `shoal daemon`",
      ),
    );
  }
  const trouble = engineTrouble(node);
  if (trouble !== null) reasons.push(about("engine", trouble.message, trouble.next));
  return reasons;
}

/** Null: what runs its tasks answers. A node of plain processes has no Docker Engine that could be checked. */
export function engineTrouble({
  status,
  description,
}: Node): { readonly message: string; readonly next: string } | null {
  if (status === null || status.engineOk || status.engineMessage === "") return null;
  const runtimes = description?.runtimes ?? [];
  if (runtimes.length > 0 && !runtimes.includes("container")) {
    const next = "check its `shoal daemon`, and the disk that has its data directory";
    return { message: `it cannot run or look after its processes: ${status.engineMessage}`, next };
  }
  return {
    message: `its engine does not answer: ${status.engineMessage}`,
    next: "check the Docker Engine on the node",
  };
}

function causes({ cause }: Task, about: About): ExplainReason[] {
  return cause === null || cause.reason === "" ? [] : [about("cause", `${cause.actor}: ${cause.reason}`)];
}
