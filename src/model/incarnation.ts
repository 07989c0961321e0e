/**
 * Lives of one cluster. A recovery or a restore begins a new life from an earlier state: same id, same
 * certificates, another incarnation. What belongs to an earlier life must not act in a later one, so
 * incarnations are ordered by when they began:
 *
 * ```
 * <id>                        the first life
 * <Unix seconds>.<id>         every later one; the number rises, whatever the clock says
 * ```
 */
import { AppError } from "../util/errors.ts";

/** How one incarnation stands to another. `other`: two lives that both began from the same one. */
export type Relation = "same" | "newer" | "older" | "other" | "unknown";

/** `details.reason` of the verdict on a manager whose incarnation has ended; it names the newer one beside it. */
export const SUPERSEDED = "superseded";

const LATER_LIFE = /^(\d{1,15})\./;

export function relate(theirs: string, ours: string): Relation {
  if (theirs === "" || ours === "") return "unknown";
  if (theirs === ours) return "same";
  const difference = startOf(theirs) - startOf(ours);
  if (difference === 0) return "other";
  return difference > 0 ? "newer" : "older";
}

export function nextIncarnation(before: string, now: { readonly id: string; readonly wallMs: number }): string {
  return `${Math.max(startOf(before) + 1, Math.floor(now.wallMs / 1000))}.${now.id}`;
}

/** Unix seconds; 0 of a cluster's first life. */
function startOf(incarnation: string): number {
  return Number(LATER_LIFE.exec(incarnation)?.[1] ?? 0);
}

/** What a manager concludes about itself from a newer incarnation. */
export function supersededBy(incarnation: string): AppError {
  return new AppError(
    "precondition",
    "This manager's cluster was recovered or restored without it: it takes no part any more",
    {
      reason: SUPERSEDED,
      incarnation,
      next: "nothing: this node goes on as a worker; shoal node promote makes it a manager again",
    },
  );
}

export function isSuperseded(error: AppError): boolean {
  return error.details["reason"] === SUPERSEDED;
}
