/** Objects as people and programs read them. Pure. */
import type { Node, PortStatus, Service, Task, TaskSpec } from "../model/index.ts";
import type { NodeSummary } from "../proto/gen/NodeSummary.ts";
import { formatAge } from "../util/units.ts";

export function shortId(id: string): string {
  return id.slice(0, 12);
}

export function title(text: string): string {
  return text === "" ? "" : text[0] + text.slice(1).toLowerCase();
}

/** `Running 5 seconds ago`. */
export function taskState(task: Task, nowMs: number): string {
  const { status } = task;
  if (status === null) return "New";
  const age = status.atMs === 0 ? "" : ` ${formatAge(nowMs - status.atMs).toLowerCase()} ago`;
  return `${title(status.state)}${age}`;
}

/** What keeps a task from running, or ended it. */
export function taskError(task: Task): string {
  if (task.status?.error) return task.status.error;
  return task.status?.state === "PENDING" || task.status?.state === "NEW" ? task.pendingReason : "";
}

export function ports(list: readonly PortStatus[]): string {
  return list.map((port) => `*:${port.published}->${port.target}/${port.protocol.toLowerCase()}`).join(",");
}

export function whatRuns(spec: TaskSpec | null): string {
  return spec?.container?.image ?? spec?.process?.command.join(" ") ?? "";
}

export function serviceMode(service: Service): string {
  return service.spec?.mode ?? "replicated";
}

export function nodeName(node: Node): string {
  return node.spec?.name || node.description?.hostname || node.id;
}

export function nodeStatus(node: Node): string {
  const { status } = node;
  if (status === null) return "Unknown";
  if (status.state === "READY" && !status.engineOk) return "Ready (engine not answering)";
  return title(status.state);
}

export function managerStatus(summary: NodeSummary): string {
  const reachability = summary.manager?.reachability ?? "NONE";
  return reachability === "NONE" ? "" : title(reachability);
}

export function runtimes(node: Node): string {
  return node.description?.runtimes.join(",") ?? "";
}
