/** Which revisions nobody needs any more. */
import type { ReadTx } from "./types.ts";
import type { Revision, Task } from "../model/index.ts";

/** Revisions kept of a service for history and rollback, the current one included. */
export const REVISIONS_KEPT = 10;
/** Removed at once, so that one transaction stays small. */
export const REVISIONS_REMOVED_MAX = 100;

/**
 * Revisions that no task refers to and that are not among the newest ones, nor what the service runs
 * or may go back to; of a service that is gone, all that no task refers to. At most {@link REVISIONS_REMOVED_MAX}, the oldest first.
 */
export function removableRevisions(
  tx: ReadTx,
  serviceId: string,
  /** Tasks about to be deleted keep no revision. */
  isKept: (task: Task) => boolean = () => true,
): readonly Revision[] {
  const revisions = [...tx.find("revision", "service", serviceId)].sort((a, b) => b.number - a.number);
  const service = tx.get("service", serviceId);
  const kept = service === undefined ? 0 : REVISIONS_KEPT;
  if (revisions.length <= kept) return [];
  const tasks = tx.find("task", "service", serviceId).filter(isKept);
  const inUse = new Set(tasks.map((task) => task.revision));
  if (service !== undefined) inUse.add(service.revision).add(service.rollout?.from ?? 0);
  const removable = revisions.slice(kept).filter(({ number }) => !inUse.has(number));
  return removable.reverse().slice(0, REVISIONS_REMOVED_MAX);
}

export function revisionId(serviceId: string, number: number): string {
  return `${serviceId}/${number}`;
}
