/** From what the engine says of a container to the seam's words. Pure. */
import type { PortStatus } from "../../../model/index.ts";
import { LABELS } from "../container-spec.ts";
import type { ExecutorOwner, RuntimeState } from "../executor.ts";

/** The part of the engine's answer that is read; dockerode's own type fits it. */
export type ContainerInfo = {
  readonly Id: string;
  readonly State: {
    readonly Status: string;
    readonly OOMKilled: boolean;
    readonly ExitCode: number;
    readonly Error: string;
    readonly StartedAt: string;
    readonly FinishedAt: string;
    readonly Health?: { readonly Status: string } | undefined;
  };
  readonly Config: { readonly Labels: Readonly<Record<string, string>> | null };
  readonly HostConfig?: { readonly Memory?: number | undefined };
  readonly NetworkSettings: {
    readonly Ports?: Readonly<Record<string, readonly Binding[] | null | undefined>> | null;
  };
};

type Binding = { readonly HostIp: string; readonly HostPort: string };

const SIGNAL_EXIT_BASE = 128;
const SIGKILL_EXIT = SIGNAL_EXIT_BASE + 9;

export function isOwned(
  { clusterId, nodeId }: ExecutorOwner,
  labels: Readonly<Record<string, string>> | null,
): boolean {
  return labels !== null && labels[LABELS.cluster] === clusterId && labels[LABELS.node] === nodeId;
}

export function runtimeState(taskId: string, info: ContainerInfo): RuntimeState {
  const { State: state } = info;
  const phase = phaseOf(state.Status);
  const isOver = phase === "exited";
  return {
    taskId,
    state: phase,
    runtimeId: info.Id,
    health: isOver ? "none" : healthOf(state.Health?.Status),
    exitCode: isOver ? state.ExitCode : null,
    error: isOver ? endOf(state) : "",
    ports: phase === "running" ? portsOf(info.NetworkSettings.Ports ?? {}) : [],
    startedAtMs: unixMs(state.StartedAt),
    finishedAtMs: isOver ? unixMs(state.FinishedAt) : 0,
  };
}

/** Of a container that was created a moment ago. */
export function createdState(taskId: string, runtimeId: string): RuntimeState {
  const none = { health: "none", exitCode: null, error: "", ports: [], startedAtMs: 0, finishedAtMs: 0 } as const;
  return { taskId, state: "created", runtimeId, ...none };
}

function phaseOf(status: string): RuntimeState["state"] {
  switch (status) {
    case "created":
      return "created";
    case "exited":
    case "dead":
    case "removing":
      return "exited";
    default:
      // running, paused, restarting: something of it exists in the kernel.
      return "running";
  }
}

function healthOf(status: string | undefined): RuntimeState["health"] {
  return status === "starting" || status === "healthy" || status === "unhealthy" ? status : "none";
}

/** It ended by SIGKILL under a memory limit, and the engine does not say yet which of the two it was. */
export function mayHaveRunOutOfMemory({ State: state, HostConfig: host }: ContainerInfo): boolean {
  const isKilled = phaseOf(state.Status) === "exited" && state.ExitCode === SIGKILL_EXIT;
  return isKilled && !state.OOMKilled && (host?.Memory ?? 0) > 0;
}

/** Only what the exit code does not say by itself. */
function endOf({ OOMKilled, ExitCode, Error: error }: ContainerInfo["State"]): string {
  if (OOMKilled && ExitCode === SIGKILL_EXIT) return "killed: out of memory";
  return error;
}

/**
 * The engine lists an IPv4 and an IPv6 binding of one port; where it chose them, 20.10 chooses two different numbers.
 * One is reported, the IPv4 one.
 */
export function portsOf(ports: Readonly<Record<string, readonly Binding[] | null | undefined>>): PortStatus[] {
  const statuses: PortStatus[] = [];
  for (const [key, bindings] of Object.entries(ports)) {
    const [target, protocol] = key.split("/");
    if (bindings === null || bindings === undefined || (protocol !== "tcp" && protocol !== "udp")) continue;
    const v4 = bindings.filter(({ HostIp }) => !HostIp.includes(":"));
    for (const { HostIp, HostPort } of v4.length > 0 ? v4 : bindings) {
      statuses.push({
        target: Number(target),
        published: Number(HostPort),
        protocol: protocol === "tcp" ? "TCP" : "UDP",
        hostIp: HostIp === "0.0.0.0" || HostIp === "::" ? "" : HostIp,
      });
    }
  }
  return statuses.sort((a, b) => a.target - b.target || a.published - b.published);
}

/** The engine's "not yet" is year 1. */
function unixMs(text: string): number {
  const ms = Date.parse(text);
  return Number.isNaN(ms) || ms < 0 ? 0 : ms;
}
