/** What agents say of their tasks: bounded on entry, ordered at the leader. Pure. */
import type { Task, TaskReport, TaskStatus } from "../../model/index.ts";
import { isReady, TASK_STATE_NUMBER } from "../../model/task-state.ts";
import type { NodeReport } from "../../proto/gen/NodeReport.ts";
import { codec } from "../../proto/load.ts";
import type { WriteTx } from "../../store/types.ts";

/** UTF-16 units of a status's texts that are kept. */
export const STATUS_TEXT_MAX = 1024;
/** Ports of a task; a spec has fewer. */
const PORTS_MAX = 64;
/** UTF-16 units of the id of a task or of a container. */
const ID_MAX = 128;
/** UTF-16 units: an IPv6 address has 45, with a zone some more. */
export const HOST_IP_MAX = 64;
/**
 * Encoded. With the bounds above, what an engine really says stays below it in any language: 9 KiB of
 * texts, 0.4 KiB of ids and 64 ports of 60 bytes.
 */
export const REPORT_BYTES_MAX = 16 * 1024;

const reportCodec = codec("TaskReport");

/** `bytes`: encoded. */
export type BoundedReport = { readonly report: TaskReport; readonly bytes: number };

/** What an agent sent, cut to what the store should hold; null for what is no report. */
export function boundedReport({ taskId, status }: TaskReport): BoundedReport | null {
  if (status === null || taskId.length > ID_MAX || !isKnownState(status.state)) return null;
  const report = { taskId, status: isSmall(status) ? status : cutStatus(status) };
  const { length: bytes } = reportCodec.encode(report);
  return bytes <= REPORT_BYTES_MAX ? { report, bytes } : null;
}

function isSmall({ message, error, checkMessage, runtimeId, ports }: TaskStatus): boolean {
  return (
    [message, error, checkMessage].every((text) => text.length <= STATUS_TEXT_MAX) &&
    runtimeId.length <= ID_MAX &&
    ports.length <= PORTS_MAX &&
    ports.every(({ hostIp }) => hostIp.length <= HOST_IP_MAX)
  );
}

function cutStatus(status: TaskStatus): TaskStatus {
  const { message, error, checkMessage, runtimeId, ports } = status;
  return {
    ...status,
    message: cut(message, STATUS_TEXT_MAX),
    error: cut(error, STATUS_TEXT_MAX),
    checkMessage: cut(checkMessage, STATUS_TEXT_MAX),
    runtimeId: runtimeId.slice(0, ID_MAX),
    ports: ports.slice(0, PORTS_MAX).map((port) => ({ ...port, hostIp: port.hostIp.slice(0, HOST_IP_MAX) })),
  };
}

/** Observed state only rises; statuses are ordered by (agent epoch, sequence). */
export function applyReport(tx: WriteTx, { nodeId, report }: NodeReport): void {
  const status = report?.status;
  if (report === null || status === null || status === undefined || !isKnownState(status.state)) return;
  const task = tx.get("task", report.taskId);
  if (task === undefined || task.nodeId !== nodeId || !isNewer(task, status)) return;
  const before = task.status;
  const isRise = before === null || TASK_STATE_NUMBER[status.state] > TASK_STATE_NUMBER[before.state];
  const isFirstReady = task.readyAtMs === 0 && isReady({ ...task, status });
  const readyAtMs = isFirstReady ? tx.timeMs : task.readyAtMs;
  tx.put("task", { ...task, readyAtMs, status: { ...status, atMs: isRise ? tx.timeMs : before.atMs } });
}

function isNewer({ status }: Task, next: TaskStatus): boolean {
  if (status === null) return true;
  if (TASK_STATE_NUMBER[next.state] < TASK_STATE_NUMBER[status.state]) return false;
  if (next.agentEpoch !== status.agentEpoch) return next.agentEpoch > status.agentEpoch;
  return next.sequence > status.sequence;
}

/** A newer agent's state decodes as a number, whatever the type says. */
function isKnownState(state: string): boolean {
  return state in TASK_STATE_NUMBER;
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}
