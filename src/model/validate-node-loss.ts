/** What may be asked for tasks whose node does not answer. */
import { checkDuration, checkOneOf } from "./checks.ts";
import type { ClusterSpec, ServiceSpec } from "./index.ts";
import { clusterLossTimes, UNREACHABLE_AFTER_MS } from "./node-loss.ts";
import { jobOf, modeOf } from "./service-mode.ts";
import { invalid } from "../util/errors.ts";

/** Also what contradicts a task that never runs twice. */
export function validateSingle(spec: ServiceSpec, path: string): void {
  if (!spec.single) return;
  const job = jobOf(spec);
  const mode = modeOf(spec);
  if (mode === "global" || (job !== null && job.replicated === null))
    throw invalid(path, `a ${mode} service on every node cannot be single`, "leave it out");
  if (job?.replicated) {
    const { concurrent } = job.replicated;
    if (concurrent === 1) return;
    throw invalid(path, `single is for one task at once, not ${concurrent}`, "use 1 task at once, or leave it out");
  }
  const replicas = spec.replicated?.replicas ?? 1;
  if (replicas > 1) throw invalid(path, `single is for one replica, not ${replicas}`, "use 1 replica, or leave it out");
}

export function validateNodeLoss(spec: ServiceSpec, path: string): void {
  const { nodeLoss } = spec;
  if (nodeLoss === null) return;
  const mode = modeOf(spec);
  if (mode !== "replicated") {
    throw invalid(path, `a ${mode} service has no replacements to choose from`, "leave it out");
  }
  checkReplaceAfter(nodeLoss.replaceAfterMs, `${path}.replaceAfterMs`);
  checkOneOf(nodeLoss.onReturn, `${path}.onReturn`, ["KEEP_ORIGINAL", "KEEP_REPLACEMENT"]);
}

/** 0 is the default. */
export function checkReplaceAfter(ms: number, path: string): void {
  checkDuration(ms, path);
  if (ms === 0 || ms >= UNREACHABLE_AFTER_MS) return;
  throw invalid(
    path,
    `${ms} ms is too short: heartbeats come every second, and a few may be late`,
    `use at least ${UNREACHABLE_AFTER_MS} ms, or 0 for the default`,
  );
}

/** A node whose kernel lives is not given up before one that may be dead. */
export function checkClosedAfter(
  spec: Pick<ClusterSpec, "replaceAfterMs" | "replaceClosedAfterMs">,
  path: string,
): void {
  const { silentMs, closedMs } = clusterLossTimes(spec);
  if (closedMs >= silentMs) return;
  throw invalid(
    `${path}.replaceClosedAfterMs`,
    `${closedMs} ms is shorter than replaceAfterMs, ${silentMs} ms, though a closed connection means that the host lives`,
    `use at least ${silentMs} ms, or 0 for the default`,
  );
}
