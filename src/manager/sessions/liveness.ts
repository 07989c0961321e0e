/**
 * Which state a node is in, from what is known of its link. Pure; times are the leader's observed
 * milliseconds (observed-clock.ts).
 *
 * ```
 *   READY --silent 3 s--> UNREACHABLE --silent 6 s, or closed 30 s--> DOWN
 *     \--goodbye--> LEFT
 * ```
 *
 * Silence means that the host may be dead. A connection closed without a goodbye means that its
 * kernel lives and its containers are presumed running. Only being heard of leads back to READY.
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
  /** DOWN is not reached before this time. */
  readonly graceUntil: number;
  readonly current: NodeState;
};

/** `nextCheckAt` is always later than `now`; null: only news can change anything. */
export type Liveness = { readonly state: NodeState; readonly message: string; readonly nextCheckAt: number | null };

export function livenessOf({ link, now, graceUntil, current }: LivenessInput): Liveness {
  if (link.kind === "GOODBYE") return { state: "LEFT", message: "left", nextCheckAt: null };
  const unreachableAt = link.at + UNREACHABLE_AFTER_MS;
  if (link.kind === "OPEN" && now < unreachableAt) return { state: "READY", message: "", nextCheckAt: unreachableAt };
  if (current === "DOWN" || current === "LEFT") return { state: current, message: "", nextCheckAt: null };
  const downAfterMs = link.kind === "CLOSED" ? CLOSED_DOWN_AFTER_MS : SILENT_DOWN_AFTER_MS;
  const downAt = Math.max(link.at + downAfterMs, graceUntil);
  if (now >= downAt) return { state: "DOWN", message: DOWN_MESSAGES[link.kind], nextCheckAt: null };
  if (now < unreachableAt) return { state: current, message: "", nextCheckAt: unreachableAt };
  // A node that never connected has nothing that could be out of reach.
  if (current === "UNKNOWN") return { state: "UNKNOWN", message: "", nextCheckAt: downAt };
  return { state: "UNREACHABLE", message: UNREACHABLE_MESSAGES[link.kind], nextCheckAt: downAt };
}

const UNREACHABLE_MESSAGES = {
  OPEN: "silent",
  CLOSED: "connection closed without a goodbye: its tasks are presumed running",
  UNHEARD: "not heard of since this leader began",
} as const;

const DOWN_MESSAGES = {
  OPEN: "silent for 6 s",
  CLOSED: "connection closed for 30 s",
  UNHEARD: "not heard of since this leader began",
} as const;
