/** Objects as people and programs read them. Pure. */
import type { Node, PortSpec, PortStatus, Service, Task, TaskSpec } from "../model/index.ts";
import { jobOf, modeOf } from "../model/service-mode.ts";
import { isReady, isTerminal, observedState } from "../model/task-state.ts";
import type { ServiceSummary } from "../proto/gen/ServiceSummary.ts";
import type { NodeSummary } from "../proto/gen/NodeSummary.ts";
import { isFinished } from "../model/rollout.ts";
import { formatAge } from "../util/units.ts";
import type { Style } from "./output.ts";

const SHORT_ID_LENGTH = 12;
/** Docker cuts at 30, which is seldom enough to tell one failure from another. */
const ERROR_LENGTH_MAX = 80;

export function shortId(id: string): string {
  return id.slice(0, SHORT_ID_LENGTH);
}

export function title(text: string): string {
  return text === "" ? "" : text.charAt(0) + text.slice(1).toLowerCase().replaceAll("_", " ");
}

/** `Running 5 seconds ago`. */
export function taskState(task: Task, nowMs: number): string {
  const { status } = task;
  if (status === null) return "New";
  const age = status.atMs === 0 ? "" : ` ${formatAge(nowMs - status.atMs).toLowerCase()} ago`;
  const isSick = status.state === "RUNNING" && !status.healthy;
  const isWaiting = status.state === "RUNNING" && !status.ready;
  const note = isSick ? " (unhealthy)" : isWaiting ? " (not ready)" : task.timedOut ? " (timed out)" : "";
  return `${title(status.state)}${note}${age}`;
}

export function taskStyle(task: Task): Style | null {
  const state = observedState(task);
  if (state === "RUNNING") return isReady(task) ? "green" : "yellow";
  if (state === "FAILED" || state === "REJECTED" || state === "ORPHANED") return "red";
  return isTerminal(state) ? "dim" : "yellow";
}

/** What keeps a task from running or from being ready, or ended it. */
export function taskError(task: Task): string {
  if (task.status?.error) return task.status.error;
  if (task.status?.checkMessage) return task.status.checkMessage;
  return task.status === null || task.status.state === "PENDING" || task.status.state === "NEW"
    ? task.pendingReason
    : "";
}

/** As Docker does: what is long would push the columns behind it off the screen. */
export function shortError(error: string): string {
  return error.length <= ERROR_LENGTH_MAX ? error : `${error.slice(0, ERROR_LENGTH_MAX - 1)}…`;
}

/** Really bound ports of a task. */
export function ports(list: readonly PortStatus[]): string {
  return list
    .map((port) => `${hostOf(port.hostIp)}:${port.published}->${port.target}/${port.protocol.toLowerCase()}`)
    .join(",");
}

/** Ports as asked for: without a number the node takes a free one. */
export function publishedPorts(list: readonly PortSpec[]): string {
  return list
    .map(({ hostIp, published, target, protocol }) => {
      const from = published === 0 ? hostOf(hostIp) : `${hostOf(hostIp)}:${published}`;
      return `${from}->${target}/${protocol.toLowerCase()}`;
    })
    .join(",");
}

function hostOf(ip: string): string {
  if (ip === "") return "*";
  return ip.includes(":") ? `[${ip}]` : ip;
}

export function whatRuns(spec: TaskSpec | null): string {
  return spec?.container?.image ?? spec?.process?.command.join(" ") ?? "";
}

/** What stands beside the replicas while a rollout is under way; empty otherwise. */
export function rolloutWord(service: Service | null): string {
  const rollout = service?.rollout ?? null;
  if (rollout === null || isFinished(rollout.state)) return "";
  return ` (${rollout.state.toLowerCase().replaceAll("_", " ")} ${rollout.updated}/${rollout.total})`;
}

/** As Docker writes it: `replicated job`. */
export function serviceMode(service: Service): string {
  return modeOf(service.spec).replaceAll("-", " ");
}

/** `2/3`, `2/3 (1 not ready)`, of a job `1/2 (3/5 completed)`, of cron `0/0 (next in 4 minutes)`. */
export function replicas(summary: ServiceSummary, nowMs: number): string {
  const { running, ready, desired, completed, total, nextRunAtMs, service } = summary;
  if (service === null || jobOf(service.spec) === null) {
    return `${ready}/${desired}${running > ready ? ` (${running - ready} not ready)` : ""}`;
  }
  const now = `${running}/${desired}`;
  const cron = service.spec?.cron;
  if (!cron) return `${now} (${completed}/${total} completed)`;
  if (cron.suspended) return `${now} (suspended)`;
  return nextRunAtMs === 0 ? now : `${now} (next in ${formatAge(nextRunAtMs - nowMs).toLowerCase()})`;
}

/** A ready node may have an engine that hangs: its tasks are not failed for that, but nothing new starts. */
export function nodeStatus(node: Node): string {
  const { status } = node;
  if (status === null) return "Unknown";
  if (status.state === "READY" && isEngineSilent(node)) {
    const runtimes = node.description?.runtimes ?? [];
    return runtimes.length === 0 || runtimes.includes("container")
      ? "Ready (engine not answering)"
      : "Ready (processes not looked after)";
  }
  return title(status.state);
}

function isEngineSilent({ status }: Node): boolean {
  return status !== null && !status.engineOk && status.engineMessage !== "";
}

export function nodeStyle(node: Node): Style | null {
  const state = node.status?.state ?? "UNKNOWN";
  if (state === "READY") return isEngineSilent(node) ? "yellow" : "green";
  return state === "DOWN" ? "red" : "yellow";
}

export function managerStatus(summary: NodeSummary): string {
  const reachability = summary.manager?.reachability ?? "NONE";
  return reachability === "NONE" ? "" : title(reachability);
}

export function runtimes(node: Node): string {
  return node.description?.runtimes.join(",") ?? "";
}
