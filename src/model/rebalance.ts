/**
 * Moving tasks onto nodes that have fewer of their service: when that is asked for, and which tasks never move. Pure.
 * The scheduler says which one moves where (scheduler/rebalance.ts), the orchestrator how (orchestrator/moves.ts).
 */
import type { Service, ServiceSpec } from "./index.ts";
import { modeOf } from "./service-mode.ts";
import { tiesOf } from "./ties.ts";

/** A node draws tasks only when it has been ready for so long: one that comes and goes draws none. */
export const NODE_SETTLED_AFTER_MS = 60_000;
/** Two nodes, or two branches of a spread, are left as they are until they differ by so many tasks: no move is undone. */
export const UNEVEN_BY = 2;
/** Tasks, whichever services they are of, on their way to one node. */
export const MOVES_TO_NODE_MAX = 4;
/** What RebalanceService began ends by then, whatever held it up. */
export const ASKED_FOR_MS = 3_600_000;

/** All the time, or because somebody asked. */
export function isRebalanced({ spec, rebalanceUntilMs }: Service, nowMs: number): boolean {
  return spec?.rebalance === true || rebalanceUntilMs > nowMs;
}

/** Why tasks of the service never move; empty if they do. */
export function rebalanceObstacle(spec: ServiceSpec): string {
  const mode = modeOf(spec);
  if (mode !== "replicated") return `tasks of a ${mode} service are where they belong`;
  const { single, local } = tiesOf(spec);
  if (local !== "") return `its tasks have their ${local} on their node`;
  if (single !== "") return `it never runs twice, for ${single}`;
  return spec.task?.placement?.strategy === "BINPACK" ? "its tasks are packed, not spread" : "";
}
