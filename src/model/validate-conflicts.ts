/**
 * Settings of a service that contradict each other across its parts, of which each alone is well. They are refused when
 * they are made. One that the service has already, as after the way back to an earlier revision, refuses no other change.
 */
import { DEFAULT_UPDATE_DEADLINE_MS } from "./defaults.ts";
import type { NodeLoss, ServiceSpec } from "./index.ts";
import { rebalanceObstacle } from "./rebalance.ts";
import { jobOf, modeOf } from "./service-mode.ts";
import { SINGLE_REPLACE_AFTER_MS, tiesOf } from "./ties.ts";
import { invalid, type AppError } from "../util/errors.ts";

/** @param before what the service is now; null for a new one. @throws AppError invalid */
export function refuseConflicts(spec: ServiceSpec, before: ServiceSpec | null, path = "spec"): void {
  const known = new Set(before === null ? [] : conflictsOf(before, path).map(pathOf));
  const found =
    conflictsOf(spec, path).find((error) => !known.has(pathOf(error))) ?? canaryConflict(spec, before, path);
  if (found !== null) throw found;
}

function pathOf({ details }: AppError): string {
  return String(details["path"]);
}

function conflictsOf(spec: ServiceSpec, path: string): AppError[] {
  return [
    ...nodeLossConflicts(spec, `${path}.nodeLoss`),
    ...deadlineConflicts(spec, path),
    ...rebalanceConflicts(spec, `${path}.rebalance`),
    ...overlapConflicts(spec, `${path}.cron.overlap`),
  ];
}

/** What is all at its defaults says nothing. */
function nodeLossConflicts(spec: ServiceSpec, path: string): AppError[] {
  const { nodeLoss } = spec;
  if (nodeLoss === null || (nodeLoss.replaceAfterMs === 0 && nodeLoss.onReturn === "KEEP_ORIGINAL")) return [];
  const { local, single } = tiesOf(spec);
  if (local !== "") {
    const why = `its tasks stay where their ${local} is, and none is replaced elsewhere`;
    return [invalid(path, why, "leave it out, or declare the mount shared if every node has the same data")];
  }
  return single === "" ? [] : singleConflicts(nodeLoss, { single, path });
}

function singleConflicts(
  { replaceAfterMs, onReturn }: NodeLoss,
  { single, path }: { readonly single: string; readonly path: string },
): AppError[] {
  const found: AppError[] = [];
  if (replaceAfterMs > 0 && replaceAfterMs < SINGLE_REPLACE_AFTER_MS) {
    const why = `${replaceAfterMs} ms is too short, for ${single}: it must have stopped before another one starts`;
    const next = `use at least ${SINGLE_REPLACE_AFTER_MS} ms, or 0 for the default`;
    found.push(invalid(`${path}.replaceAfterMs`, why, next));
  }
  if (onReturn !== "KEEP_ORIGINAL") {
    const why = `there is nothing to choose, for ${single}: the one that was replaced has stopped for good`;
    found.push(invalid(`${path}.onReturn`, why, "leave it out"));
  }
  return found;
}

/** A task that is not even asked before it has failed. */
function deadlineConflicts(spec: ServiceSpec, path: string): AppError[] {
  const { task, update, rollback } = spec;
  if (jobOf(spec) !== null || !task?.checks) return [];
  const deadlines = [update, ...(rollback === null ? [] : [rollback])].map(
    (config) => config?.progressDeadlineMs || DEFAULT_UPDATE_DEADLINE_MS,
  );
  const deadlineMs = Math.min(...deadlines);
  const found: AppError[] = [];
  for (const kind of ["startup", "readiness"] as const) {
    const delayMs = task.checks[kind]?.initialDelayMs ?? 0;
    if (delayMs < deadlineMs) continue;
    const why = `${delayMs} ms is not less than the progress deadline of ${deadlineMs} ms, by which every new task fails`;
    found.push(
      invalid(`${path}.task.checks.${kind}.initialDelayMs`, why, "shorten it, or raise update.progressDeadlineMs"),
    );
  }
  return found;
}

/** Only what can move is rebalanced. */
function rebalanceConflicts(spec: ServiceSpec, path: string): AppError[] {
  const obstacle = spec.rebalance ? rebalanceObstacle(spec) : "";
  return obstacle === "" ? [] : [invalid(path, `nothing would ever move: ${obstacle}`, "leave it out")];
}

/** Of runs of which two at once would spoil something. */
function overlapConflicts(spec: ServiceSpec, path: string): AppError[] {
  const { single } = tiesOf(spec);
  if (spec.cron?.overlap !== "ALLOW" || single === "") return [];
  return [invalid(path, `its runs may not overlap: ${single}, and so never runs twice`, "use SKIP or REPLACE")];
}

/** Whoever scales down by it, to nothing even, asks for no other canary. */
function canaryConflict(spec: ServiceSpec, before: ServiceSpec | null, path: string): AppError | null {
  const canary = spec.update?.canary ?? 0;
  const replicas = spec.replicated?.replicas ?? 1;
  if (modeOf(spec) !== "replicated" || replicas === 0 || canary <= replicas) return null;
  if (canary === before?.update?.canary) return null;
  const why = `${canary} is more than the ${replicas} replicas that the service has`;
  return invalid(`${path}.update.canary`, why, `use 0 to ${replicas}`);
}
