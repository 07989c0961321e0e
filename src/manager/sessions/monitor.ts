/**
 * On the leader: turns what managers relay into node and task state. Only time under a serving
 * leader counts against a node, and time this process did not observe does not.
 */
import type { Node, NodeStatus, Task } from "../../model/index.ts";
import { TASK_STATE_NUMBER } from "../../model/task-state.ts";
import type { NodeReport } from "../../proto/gen/NodeReport.ts";
import type { NodeSeen } from "../../proto/gen/NodeSeen.ts";
import type { RelayRequest } from "../../proto/gen/RelayRequest.ts";
import type { StoreApi, WriteTx } from "../../store/types.ts";
import { AppError } from "../../util/errors.ts";
import type { Env, Timer } from "../../util/env.ts";
import type { Logger } from "../../util/log.ts";
import { livenessOf, QUORUM_LOSS_GRACE_MS, type NodeLink } from "./liveness.ts";

/** A check this late means the process stood still: heartbeats may wait unread in sockets. */
export const LATE_CHECK_MS = 500;
const CHECK_MS_MIN = 20;

type Known = { link: NodeLink; sessionId: string; managerId: string };

export type MonitorDeps = { readonly env: Env; readonly log: Logger; readonly store: StoreApi };
export type MonitorOptions = {
  /** No leader was followed for long before this leadership: agents get the long grace. */
  readonly afterQuorumLoss: boolean;
};

export class NodeMonitor {
  readonly #deps: MonitorDeps;
  readonly #known = new Map<string, Known>();
  readonly #startedAt: number;
  readonly #graceUntil: number;
  #timer: Timer | null = null;
  #timerAt = Infinity;
  #isStopped = false;
  #unsubscribe: () => void = () => undefined;

  constructor(deps: MonitorDeps, options: MonitorOptions) {
    this.#deps = deps;
    this.#startedAt = deps.env.now();
    this.#graceUntil = options.afterQuorumLoss ? this.#startedAt + QUORUM_LOSS_GRACE_MS : 0;
  }

  start(): void {
    this.#unsubscribe = this.#deps.store.onSpeculative((changes) => {
      for (const change of changes)
        if (change.table === "node" && change.after === undefined) this.#known.delete(change.id);
    });
    this.#checkAt(this.#startedAt);
  }

  stop(): void {
    this.#isStopped = true;
    this.#unsubscribe();
    this.#timer?.cancel();
  }

  /** One relayed batch; resolves when what it changed is committed. */
  async ingest(request: RelayRequest): Promise<void> {
    if (this.#isStopped) throw new AppError("not-leader", "This manager is not the leader any more");
    const reports = request.reports;
    const changed = request.seen.filter((seen) => this.#learn(request.managerId, seen));
    if (changed.length === 0 && reports.length === 0) return;
    const ids = new Set(changed.map((seen) => seen.nodeId));
    await this.#deps.store.update((tx) => {
      for (const seen of changed) this.#describe(tx, request.managerId, seen);
      for (const id of ids) this.#evaluate(tx, id);
      for (const report of reports) applyReport(tx, report);
    });
  }

  /** @returns true when the store may have to change for it. */
  #learn(managerId: string, seen: NodeSeen): boolean {
    const now = this.#deps.env.now();
    const before = this.#known.get(seen.nodeId);
    const at = now - seen.silentMs;
    const isOther = before !== undefined && before.sessionId !== seen.sessionId;
    // An older session's end, or an older sighting, says nothing about the node's present one.
    if (isOther && (seen.link !== "OPEN" || at < before.link.at)) return false;
    this.#known.set(seen.nodeId, { link: { kind: seen.link, at }, sessionId: seen.sessionId, managerId });
    const wasOpen = before !== undefined && before.link.kind === "OPEN" && !isOther;
    if (seen.link === "OPEN" && wasOpen && seen.description === null) {
      // The common heartbeat: only a node that was given up needs a write.
      const node = this.#deps.store.speculative().get("node", seen.nodeId);
      return node?.status?.state !== "READY";
    }
    return true;
  }

  #describe(tx: WriteTx, managerId: string, seen: NodeSeen): void {
    const node = tx.get("node", seen.nodeId);
    if (node === undefined || seen.link !== "OPEN") return;
    const status: NodeStatus = {
      ...(node.status ?? EMPTY_STATUS),
      engineOk: seen.engineOk,
      engineMessage: seen.engineMessage,
      sessionManagerId: managerId,
      agentEpoch: seen.agentEpoch,
    };
    const description = seen.description ?? node.description;
    const address = seen.address === "" ? node.address : seen.address;
    putIfChanged(tx, node, { ...node, description, address, status });
  }

  #evaluate(tx: WriteTx, nodeId: string): number | null {
    const node = tx.get("node", nodeId);
    if (node === undefined) return null;
    const status = node.status ?? EMPTY_STATUS;
    const { state, message, nextCheckAt } = livenessOf({
      link: this.#known.get(nodeId)?.link ?? { kind: "UNHEARD", at: this.#startedAt },
      now: this.#deps.env.now(),
      graceUntil: this.#graceUntil,
      current: status.state,
    });
    if (nextCheckAt !== null) this.#checkAt(nextCheckAt);
    if (state !== status.state) {
      this.#deps.log.info("node state changed", { nodeId, from: status.state, to: state, message });
      tx.put("node", { ...node, status: { ...status, state, message, sinceMs: tx.timeMs } });
    }
    return nextCheckAt;
  }

  #checkAt(at: number): void {
    if (this.#isStopped || at >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#deps.env.setTimer(Math.max(CHECK_MS_MIN, at - this.#deps.env.now()), () => this.#check());
  }

  #check(): void {
    const lateMs = this.#deps.env.now() - Math.max(this.#timerAt, this.#startedAt + CHECK_MS_MIN);
    this.#timerAt = Infinity;
    if (this.#isStopped) return;
    if (lateMs > LATE_CHECK_MS) this.#forgive(lateMs);
    this.#deps.store
      .update((tx) => {
        // Ids first: a table is not written while it is read through.
        const ids = Array.from(tx.all("node"), (node) => node.id);
        for (const id of ids) this.#evaluate(tx, id);
      })
      .catch((error: unknown) => {
        this.#deps.log.debug("node check failed", { code: AppError.from(error).code });
        this.#checkAt(this.#deps.env.now() + 1000);
      });
  }

  /** Moves every baseline by the time nobody watched. */
  #forgive(lateMs: number): void {
    for (const known of this.#known.values()) {
      if (known.link.kind === "OPEN" || known.link.kind === "CLOSED")
        known.link = { ...known.link, at: known.link.at + lateMs };
    }
  }
}

export const EMPTY_STATUS: NodeStatus = {
  state: "UNKNOWN",
  message: "",
  sinceMs: 0,
  engineOk: true,
  engineMessage: "",
  sessionManagerId: "",
  agentEpoch: 0,
};

function putIfChanged(tx: WriteTx, before: Node, after: Node): void {
  if (JSON.stringify(before) !== JSON.stringify(after)) tx.put("node", after);
}

/** Observed state only rises; statuses are ordered by (agent epoch, sequence). */
export function applyReport(tx: WriteTx, { nodeId, report }: NodeReport): void {
  const status = report?.status;
  if (report === null || status === null || status === undefined) return;
  const task = tx.get("task", report.taskId);
  if (task === undefined || task.nodeId !== nodeId || !isNewer(task, status)) return;
  const before = task.status;
  const isRise = before === null || TASK_STATE_NUMBER[status.state] > TASK_STATE_NUMBER[before.state];
  tx.put("task", { ...task, status: { ...status, atMs: isRise ? tx.timeMs : before.atMs } });
}

function isNewer(task: Task, next: NonNullable<Task["status"]>): boolean {
  const { status } = task;
  if (status === null) return true;
  if (TASK_STATE_NUMBER[next.state] < TASK_STATE_NUMBER[status.state]) return false;
  if (next.agentEpoch !== status.agentEpoch) return next.agentEpoch > status.agentEpoch;
  return next.sequence > status.sequence;
}
