/**
 * Which state a node is in, from what is known of its link. Pure; times are the leader's monotonic
 * milliseconds.
 *
 *   READY --silent 3 s--> UNREACHABLE --silent 6 s, or closed 30 s--> DOWN
 *     \--goodbye--> LEFT
 *
 * Silence means that the host may be dead. A connection closed without a goodbye means that its
 * kernel lives and its containers are presumed running.
 */
import type { NodeState } from "../../model/index.ts";

export const UNREACHABLE_AFTER_MS = 3000;
export const SILENT_DOWN_AFTER_MS = 6000;
export const CLOSED_DOWN_AFTER_MS = 30_000;
/** After a loss of quorum nodes get this long to come back before anything of theirs is replaced. */
export const QUORUM_LOSS_GRACE_MS = 120_000;

export type NodeLink = {
  readonly kind: "OPEN" | "CLOSED" | "GOODBYE" | "UNHEARD";
  /** When it was last heard of; for UNHEARD, when this leader began to listen. */
  readonly at: number;
};

export type LivenessInput = {
  readonly link: NodeLink;
  readonly now: number;
  /** DOWN is not reached by a node unheard of before this time. */
  readonly graceUntil: number;
  readonly current: NodeState;
};

export type Liveness = { readonly state: NodeState; readonly message: string; readonly nextCheckAt: number | null };

export function livenessOf({ link, now, graceUntil, current }: LivenessInput): Liveness {
  if (link.kind === "GOODBYE") return { state: "LEFT", message: "left", nextCheckAt: null };
  const silentMs = now - link.at;
  if (link.kind === "OPEN" && silentMs < UNREACHABLE_AFTER_MS) {
    return { state: "READY", message: "", nextCheckAt: link.at + UNREACHABLE_AFTER_MS };
  }
  if (link.kind === "UNHEARD") return unheard({ link, now, graceUntil, current });
  const downAt = link.at + (link.kind === "CLOSED" ? CLOSED_DOWN_AFTER_MS : SILENT_DOWN_AFTER_MS);
  if (now >= downAt) return { state: "DOWN", message: downMessage(link.kind), nextCheckAt: null };
  if (silentMs < UNREACHABLE_AFTER_MS)
    return { state: current, message: "", nextCheckAt: link.at + UNREACHABLE_AFTER_MS };
  return { state: "UNREACHABLE", message: unreachableMessage(link.kind), nextCheckAt: downAt };
}

/** A node this leader has not heard of yet: what it was before, until its time is up. */
function unheard({ link, now, graceUntil, current }: LivenessInput): Liveness {
  if (current === "DOWN" || current === "LEFT") return { state: current, message: "", nextCheckAt: null };
  const downAt = Math.max(link.at + SILENT_DOWN_AFTER_MS, graceUntil);
  if (now >= downAt) return { state: "DOWN", message: "not heard of", nextCheckAt: null };
  const unreachableAt = link.at + UNREACHABLE_AFTER_MS;
  if (now < unreachableAt) return { state: current, message: "", nextCheckAt: unreachableAt };
  // A node that never connected stays UNKNOWN until then: nothing of it is lost.
  return current === "UNKNOWN"
    ? { state: "UNKNOWN", message: "", nextCheckAt: downAt }
    : { state: "UNREACHABLE", message: "not heard of since the managers came back", nextCheckAt: downAt };
}

function unreachableMessage(kind: NodeLink["kind"]): string {
  return kind === "CLOSED" ? "connection closed without a goodbye: its containers are presumed running" : "silent";
}

function downMessage(kind: NodeLink["kind"]): string {
  return kind === "CLOSED" ? "connection closed for 30 s" : "silent for 6 s";
}
