/** A task that somebody ended: another one comes in its place, and no end is charged for it. Pure. */
import type { Task } from "./index.ts";

export const REMOVED_BY_HAND = "removed by hand";

/** Holds until something else is to become of it, such as the removal of its service. */
export function isRemovedByHand({ desired, cause }: Task): boolean {
  return desired === "SHUTDOWN" && cause?.reason === REMOVED_BY_HAND;
}
