/**
 * When the tasks of a node that does not answer are replaced. Pure. The monitor counts the silence
 * and tells it where something follows from it; the orchestrator acts on what is told.
 */
import type { ClusterSpec, Node, ServiceSpec, Silence } from "./index.ts";

/** A node not heard of for this long is out of reach; nothing is replaced sooner. */
export const UNREACHABLE_AFTER_MS = 3000;
export const DEFAULT_REPLACE_AFTER_MS = 6000;
export const DEFAULT_REPLACE_CLOSED_AFTER_MS = 30_000;

/** From a node's last word, in ms under a leader. */
export type LossTimes = {
  /** Its host may be dead. */
  readonly silentMs: number;
  /** Its kernel closed the connection: its containers are presumed running. */
  readonly closedMs: number;
};

/** For services that do not say. */
export function clusterLossTimes(
  cluster: Pick<ClusterSpec, "replaceAfterMs" | "replaceClosedAfterMs"> | null,
): LossTimes {
  const silentMs = cluster?.replaceAfterMs || DEFAULT_REPLACE_AFTER_MS;
  const closedMs = cluster?.replaceClosedAfterMs || Math.max(silentMs, DEFAULT_REPLACE_CLOSED_AFTER_MS);
  return { silentMs, closedMs };
}

export function lossTimes(spec: Pick<ServiceSpec, "nodeLoss"> | null, cluster: LossTimes): LossTimes {
  const own = spec?.nodeLoss?.replaceAfterMs ?? 0;
  return own === 0 ? cluster : { silentMs: own, closedMs: Math.max(own, cluster.closedMs) };
}

export function isOver({ ms, closed }: Silence, { silentMs, closedMs }: LossTimes): boolean {
  return ms >= (closed ? closedMs : silentMs);
}

/** The node has been silent for so long that tasks with these times are replaced. */
export function isLost({ status }: Pick<Node, "status">, times: LossTimes): boolean {
  if (status?.state !== "DOWN" && status?.state !== "UNREACHABLE") return false;
  // A node that was down before silences were told has none.
  return status.silence === null ? status.state === "DOWN" : isOver(status.silence, times);
}

/** A node that answers but whose engine does not: what runs is left alone for so long. */
export const ENGINE_LOST_AFTER_MS = 300_000;

/** Cluster time from which its containers are replaced; null while its engine answers. */
export function engineLostAtMs({ status }: Pick<Node, "status">): number | null {
  // An agent that has not spoken of its engine yet says false without a message.
  if (status === null || status.engineOk || status.engineMessage === "") return null;
  return status.engineSinceMs + ENGINE_LOST_AFTER_MS;
}
