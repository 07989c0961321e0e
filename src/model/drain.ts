/** When and how fast a drained node is empty. Pure. */
import type { Node } from "./index.ts";

export const DEFAULT_DRAIN_DEADLINE_MS = 600_000;
export const DEFAULT_DRAIN_PARALLELISM = 4;
export const DRAIN_PARALLELISM_MAX = 1000;

/** Cluster time from which nothing runs there any more, whether it runs elsewhere or not. */
export function drainDeadlineMs({ spec, status }: Pick<Node, "spec" | "status">): number {
  const sinceMs = status?.drainSinceMs ?? 0;
  return sinceMs === 0 ? 0 : sinceMs + (spec?.drainDeadlineMs || DEFAULT_DRAIN_DEADLINE_MS);
}

export function drainParallelism({ spec }: Pick<Node, "spec">): number {
  return spec?.drainParallelism || DEFAULT_DRAIN_PARALLELISM;
}
