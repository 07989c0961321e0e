/** A task in one line, for traces and verdicts. */
import type { Task } from "../../../src/model/index.ts";

export function taskText(task: Task | undefined): string {
  if (task === undefined) return "none";
  const { id, serviceName, slot, revision, desired, status, nodeId, pendingReason, cause, replaces, startAfterMs } =
    task;
  const parts = [
    `${short(id)} ${serviceName}.${slot} r${revision} ${desired}/${status?.state ?? "-"}`,
    nodeId === "" ? "" : `on ${short(nodeId)}`,
    replaces === "" ? "" : `replaces ${short(replaces)}`,
    Number(startAfterMs) === 0 ? "" : `after ${startAfterMs}`,
    status?.error ? `error "${status.error}"` : "",
    pendingReason === "" ? "" : `pending "${pendingReason}"`,
    cause === null ? "" : `(${cause.actor}: ${cause.reason})`,
  ];
  return parts.filter((part) => part !== "").join(" ");
}

function short(id: string): string {
  return id.slice(0, 6);
}
