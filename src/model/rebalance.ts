/**
 * Moving tasks onto nodes that have fewer of their service: when that is asked for, and which tasks never move. Pure.
 * The scheduler says which one moves where (scheduler/rebalance.ts), the orchestrator how (orchestrator/moves.ts).
 */
import type { Service, ServiceSpec, Task } from "./index.ts";
import { modeOf } from "./service-mode.ts";
import { isWanted } from "./task-state.ts";
import { tiesOf } from "./ties.ts";

/** A node draws tasks only when it has been ready for so long: one that comes and goes draws none. */
export const NODE_SETTLED_AFTER_MS = 60_000;
/** Two nodes, or two branches of a spread, are left as they are until they differ by so many tasks: no move is undone. */
export const UNEVEN_BY = 2;
/** Tasks, whichever services they are of, on their way to one node. */
export const MOVES_TO_NODE_MAX = 4;
/** Where a move came to nothing, none is sent again for so long. */
export const AVOIDED_FOR_MS = 300_000;
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

/** Of a service's tasks those that lately were to take the place of one which stayed: all there is to tell where not to go. */
export function failedMoves(tasks: readonly Task[], nowMs: number): readonly Task[] {
  const staying = new Set(tasks.filter(isWanted).map(({ id }) => id));
  return tasks.filter(
    (task) =>
      task.pinnedNodeId !== "" &&
      !isWanted(task) &&
      staying.has(task.replaces) &&
      (task.status?.atMs ?? 0) > nowMs - AVOIDED_FOR_MS,
  );
}
