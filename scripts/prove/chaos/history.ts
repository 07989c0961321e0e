// What the clients of a proof saw, as it happened: one counter is the clock of calls and returns (all clients live in one
// process), and every change has a unique value, so that the log of changes can be searched for it.
import type { RegisterOperation } from "../../../test/support/history.ts";
import type { ServiceOperation } from "../../../test/support/linearizability/models.ts";

/** A change that was asked for, as the log of changes is compared with. */
export type Write = {
  readonly kind: "create" | "update" | "remove";
  readonly name: string;
  /** Unique; of a removal: "". */
  readonly value: string;
  /**
   * `done`: acknowledged, at `version` (a removal: of `id`). `refused`: certainly not made. `denied`: answered with a
   * reason ("exists"), after attempts without an answer if `knownBefore` is a number. `unknown`: no answer at all.
   */
  readonly outcome: "done" | "refused" | "denied" | "unknown";
  readonly version: number;
  readonly id: string;
  /**
   * The highest version that any client knew when the denied attempt was sent. An earlier attempt that was made by
   * then was on record, so its repetition could not be denied. Null where there was no earlier one.
   */
  readonly knownBefore: number | null;
};

/** Of everything that is one client's doing. */
export type Counts = { acknowledged: number; denied: number; unknown: number; refused: number; reads: number };

export class History {
  readonly registers: RegisterOperation[] = [];
  readonly services: ServiceOperation[] = [];
  readonly writes: Write[] = [];
  readonly counts: Counts = { acknowledged: 0, denied: 0, unknown: 0, refused: 0, reads: 0 };
  /** Answers no client should ever get, such as `internal`. */
  readonly problems: string[] = [];
  #clock = 0;
  #known = 0;

  tick(): number {
    return ++this.#clock;
  }

  /** The highest version that any client was told so far. */
  get known(): number {
    return this.#known;
  }

  learn(version: number): void {
    this.#known = Math.max(this.#known, version);
  }

  write(write: Write): void {
    this.writes.push(write);
    if (write.outcome === "done") this.counts.acknowledged += 1;
    else this.counts[write.outcome] += 1;
  }
}
