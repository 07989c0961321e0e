/** Puts the chunks of assignment sets together, and checks that each set continues the one before. */
import type { AssignmentSet } from "../model/index.ts";
import { codec } from "../proto/load.ts";
import { refuseUnknownFields } from "../proto/strict.ts";
import { AppError } from "../util/errors.ts";

/** A set beyond this is a manager gone wrong: nothing of it is kept. */
export const ASSIGNMENT_SET_BYTES_MAX = 64 * 1024 * 1024;

const setCodec = codec("AssignmentSet");

/** Of one session. */
export class AssignmentStream {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  /** Sequence of the last set; null before the complete one. */
  #at: number | null = null;

  /**
   * @returns the set when its last chunk arrived.
   * @throws AppError `conflict` when a set is missing in between, `exhausted` when it is too large,
   * `unsupported` when it holds what this program does not know: nothing of it is acted on.
   */
  add({ data, last }: { readonly data: Uint8Array; readonly last: boolean }): AssignmentSet | null {
    this.#bytes += data.byteLength;
    if (this.#bytes > ASSIGNMENT_SET_BYTES_MAX) {
      throw new AppError("exhausted", `An assignment set is larger than ${ASSIGNMENT_SET_BYTES_MAX} bytes`);
    }
    this.#chunks.push(data);
    if (!last) return null;
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#bytes = 0;
    refuseLater(bytes);
    const set = setCodec.decode(bytes);
    if (!set.complete && set.appliesTo !== this.#at) {
      throw new AppError(
        "conflict",
        `Assignment set continues ${set.appliesTo}, but ${this.#at ?? "none"} was the last`,
      );
    }
    this.#at = set.resultsIn;
    return set;
  }
}

/** Decoding would drop it silently, and the task would run as something else than was asked for. */
function refuseLater(bytes: Uint8Array): void {
  try {
    refuseUnknownFields("AssignmentSet", bytes);
  } catch (error) {
    const { message } = AppError.from(error);
    throw new AppError(
      "unsupported",
      `Tasks were assigned in a way that this program does not know: ${message}`,
      { next: "start the newer version of shoal on this node" },
      error,
    );
  }
}
