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
import type { NodeState, Silence } from "../../model/index.ts";
import { isOver, UNREACHABLE_AFTER_MS, type LossTimes } from "../../model/node-loss.ts";
import { formatSpan } from "../../util/units.ts";

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
  /** Before this nothing follows from silence but UNREACHABLE. */
  readonly holdUntil: number;
  readonly current: NodeState;
  /** What the store says of its silence: that does not shrink until it is heard of. */
  readonly known: Silence | null;
  /** The cluster's: DOWN. */
  readonly times: LossTimes;
  /** Further silences to tell, ms: services on the node say other times. */
  readonly others: readonly number[];
};

export type Liveness = {
  readonly state: NodeState;
  readonly message: string;
  readonly silence: Silence | null;
  /** Always later than `now`; null: only news can change anything. */
  readonly nextCheckAt: number | null;
};

export function livenessOf(input: LivenessInput): Liveness {
  const { link, now, current, known } = input;
  if (link.kind === "GOODBYE") return { state: "LEFT", message: "left", silence: null, nextCheckAt: null };
  const unreachableAt = link.at + UNREACHABLE_AFTER_MS;
  if (link.kind === "OPEN" && now < unreachableAt) {
    return { state: "READY", message: "", silence: null, nextCheckAt: unreachableAt };
  }
  if (current === "LEFT" || (current === "DOWN" && known === null)) {
    return { state: current, message: "", silence: null, nextCheckAt: null };
  }
  if (now < unreachableAt && known === null) {
    return { state: current, message: "", silence: null, nextCheckAt: unreachableAt };
  }
  return silent(input);
}

function silent(input: LivenessInput): Liveness {
  const { link, current, times } = input;
  const silence = silenceOf(input);
  const nextCheckAt = nextAt(input, silence.ms);
  if (current === "DOWN" || isOver(silence, times)) {
    return { state: "DOWN", message: downMessage(link, times), silence, nextCheckAt };
  }
  // A node that never connected has nothing that could be out of reach.
  if (current === "UNKNOWN") return { state: "UNKNOWN", message: "", silence, nextCheckAt };
  return { state: "UNREACHABLE", message: UNREACHABLE_MESSAGES[link.kind], silence, nextCheckAt };
}

/** The last silence that something follows from. */
function silenceOf(input: LivenessInput): Silence {
  const { link, now, holdUntil, known, current } = input;
  const counted = now < holdUntil ? UNREACHABLE_AFTER_MS : now - link.at;
  const told = stepsOf(input).filter((ms) => ms <= counted);
  const before = current === "DOWN" ? downAfterMs(input) : 0;
  return { ms: Math.max(UNREACHABLE_AFTER_MS, known?.ms ?? 0, before, ...told), closed: link.kind === "CLOSED" };
}

function nextAt(input: LivenessInput, toldMs: number): number | null {
  const next = stepsOf(input).filter((ms) => ms > toldMs);
  return next.length === 0 ? null : Math.max(input.link.at + Math.min(...next), input.holdUntil);
}

function stepsOf(input: LivenessInput): number[] {
  return [downAfterMs(input), ...input.others];
}

function downAfterMs({ link, times }: LivenessInput): number {
  return link.kind === "CLOSED" ? times.closedMs : times.silentMs;
}

const UNREACHABLE_MESSAGES = {
  OPEN: "silent",
  CLOSED: "connection closed without a goodbye: its tasks are presumed running",
  UNHEARD: "not heard of since this leader began",
  GOODBYE: "left",
} as const;

function downMessage({ kind }: NodeLink, { silentMs, closedMs }: LossTimes): string {
  switch (kind) {
    case "CLOSED":
      return `connection closed for ${formatSpan(closedMs)}`;
    case "UNHEARD":
      return "not heard of since this leader began";
    default:
      return `silent for ${formatSpan(silentMs)}`;
  }
}
