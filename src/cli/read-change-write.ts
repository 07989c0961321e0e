/** Changes that are read, changed and written: someone else, often the cluster itself, may write in between. */
import { AppError, isAppError } from "../util/errors.ts";

/** A node's status is written by the leader: its version may move under a change, seldom twice in a row. */
const TRIES_MAX = 5;

/** Runs `change`, which must read afresh, again while what it read was changed before it wrote. */
export async function retryOnConflict<T>(change: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await change();
    } catch (error) {
      if (!isOutOfSequence(error) || attempt >= TRIES_MAX) throw error;
    }
  }
}

/** Other conflicts, such as a request id used twice, would only come back. */
function isOutOfSequence(error: unknown): boolean {
  return isAppError(error, "conflict") && error.message.includes("update out of sequence");
}

/** An answer has its object; proto3 cannot say so. */
export function shown<T>(value: T | null, what: string): T {
  if (value === null) throw new AppError("internal", `The manager's answer lacks the ${what}`);
  return value;
}
