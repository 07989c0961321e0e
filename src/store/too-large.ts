/** A change that does not fit into one entry: making the same one again cannot help, making less of it does. */
import { AppError, isAppError } from "../util/errors.ts";
import { formatBytes } from "../util/units.ts";
import { TRANSACTION_BYTES_MAX } from "./types.ts";

/** Tells it from an `exhausted` that passes, like a queue that is full. Not for other programs: it need not survive a call. */
const TOO_LARGE = "change";

export function tooLarge(bytes: number): AppError {
  return new AppError(
    "exhausted",
    `The change is ${formatBytes(bytes)}, more than the ${formatBytes(TRANSACTION_BYTES_MAX)} of one change`,
    { next: "make it in smaller parts", tooLarge: TOO_LARGE },
  );
}

export function isTooLarge(error: unknown): boolean {
  return isAppError(error, "exhausted") && error.details["tooLarge"] === TOO_LARGE;
}
