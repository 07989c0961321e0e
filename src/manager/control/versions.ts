/** Changes name the version they are based on, so that none overwrites what it has not seen. */
import type { Meta } from "../../model/index.ts";
import { AppError } from "../../util/errors.ts";

/** "update out of sequence" is what Swarm's clients look for in the message. */
export function outOfSequence(what: string, meta: Meta | null, asked: number): AppError {
  const message = `version: update out of sequence: ${what} is at version ${meta?.version ?? 0}, not ${asked}`;
  return new AppError("conflict", message, {
    path: "version",
    next: "read it again and repeat the change on what it is now",
  });
}
