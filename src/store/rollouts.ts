/** Which revision a service runs, and how it came to it: the service, its rollout and the revisions' records together. */
import { reasonText } from "../model/reason.ts";
import { changedFields } from "../model/revision-diff.ts";
import { beginRollback, beginUpdate, isBackward, isFinished, stableRevision } from "../model/rollout.ts";
import { jobOf } from "../model/service-mode.ts";
import type { Cause, Revision, RevisionOutcome, Rollout, Service, ServiceSpec } from "../model/index.ts";
import { must } from "../util/assert.ts";
import { removableRevisions, revisionId } from "./revisions.ts";
import type { ReadTx, WriteTx } from "./types.ts";

type NewService = Pick<Service, "id" | "spec" | "cause">;

/** A new service, with its first revision. */
export function putNewService(tx: WriteTx, { id, spec, cause }: NewService): void {
  const stamps = { specVersion: tx.version, scheduledFromMs: tx.timeMs, rebalanceUntilMs: 0 };
  const service: Service = { id, meta: null, spec, revision: 1, cause, rollout: null, ...stamps };
  tx.put("service", service);
  tx.put("revision", newRevision(service, cause));
}

/** @param isNewRevision the task differs from the current revision's: it is rolled out */
export function putSpec(
  tx: WriteTx,
  before: Service,
  { spec, cause, isNewRevision }: Pick<Service, "cause"> & { spec: ServiceSpec; isNewRevision: boolean },
): void {
  const changed: Service = { ...before, spec, cause, specVersion: tx.version };
  if (!isNewRevision) {
    tx.put("service", changed);
    return;
  }
  const revision = newestRevision(tx, before.id) + 1;
  const beginning = { from: stableRevision(before), to: revision, cause, nowMs: tx.timeMs };
  // A changed job starts over: nothing is replaced slot by slot.
  const rollout = jobOf(spec) === null ? unlessIdle(tx, before, beginUpdate(spec, beginning)) : null;
  const service: Service = { ...changed, revision, rollout };
  if (isUnderWay(before)) setOutcome(tx, before, "SUPERSEDED", `revision ${revision} came before it was complete`);
  tx.put("service", service);
  const differences = changedFields(before.spec?.task ?? null, spec.task);
  const reason = reasonText(`${cause?.reason ?? "service updated"}: ${differences.join(", ")}`);
  tx.put("revision", newRevision(service, { actor: cause?.actor ?? "", reason }));
  for (const { id } of removableRevisions(tx, before.id)) tx.remove("revision", id);
}

/** Rolls the task of an earlier revision out again, and records why the current one is left. */
export function goBack(
  tx: WriteTx,
  before: Service,
  {
    to,
    cause,
    message,
    outcome,
  }: {
    /** Must be stored. */
    readonly to: number;
    readonly cause: Cause;
    readonly message: string;
    readonly outcome: RevisionOutcome;
  },
): void {
  const { spec } = must(tx.get("revision", revisionId(before.id, to)), "the revision to go back to is stored");
  const beginning = { from: before.revision, to, cause, nowMs: tx.timeMs, message };
  const rollout = jobOf(before.spec) === null ? unlessIdle(tx, before, beginRollback(beginning)) : null;
  tx.put("service", {
    ...before,
    spec: { ...must(before.spec, "a stored service has a spec"), task: spec },
    revision: to,
    rollout,
    cause,
    specVersion: tx.version,
  });
  setOutcome(tx, before, outcome, message);
}

/** Of the service's current revision. */
export function setOutcome(
  tx: WriteTx,
  { id, revision }: Pick<Service, "id" | "revision">,
  outcome: RevisionOutcome,
  outcomeMessage: string,
): void {
  const record = tx.get("revision", revisionId(id, revision));
  if (record !== undefined) tx.put("revision", { ...record, outcome, outcomeMessage });
}

/** Where there is no task, there is nothing to roll out. */
function unlessIdle(tx: ReadTx, { id }: Service, rollout: Rollout): Rollout {
  if (tx.find("task", "service", id).length > 0) return rollout;
  return { ...rollout, state: isBackward(rollout.state) ? "ROLLED_BACK" : "COMPLETED", finishedAtMs: tx.timeMs };
}

export function newestRevision(tx: ReadTx, serviceId: string): number {
  return tx.find("revision", "service", serviceId).reduce((newest, { number }) => Math.max(newest, number), 0);
}

function isUnderWay({ rollout }: Service): boolean {
  return rollout !== null && !isFinished(rollout.state) && !isBackward(rollout.state);
}

function newRevision({ id, revision, spec, rollout }: Service, cause: Cause | null): Revision {
  return {
    id: revisionId(id, revision),
    meta: null,
    serviceId: id,
    number: revision,
    spec: spec?.task ?? null,
    cause,
    outcome: rollout?.state === "COMPLETED" ? "COMPLETED" : "NONE",
    outcomeMessage: "",
  };
}
