/**
 * What a fault is. A new one is a file in faults/ and its name in faults/all.ts: the seeds then choose it, the coverage
 * table counts it, and CI fails if it never happens.
 */
import type { World } from "./world.ts";

export type Fault = {
  /** As counted and traced, e.g. `partition`. */
  readonly name: string;
  /** How often, beside others; 1 is usual. */
  readonly weight: number;
  /** It lasts for tens of seconds, whatever the plan says: for patient plans only. */
  readonly isLong?: true;
  /** @returns null when nothing is there now that it could hit. */
  readonly inject: (world: World, durationMs: number) => Injected | null;
};

export type Injected = {
  /** Whom it hit, for the trace. */
  readonly on: string;
  /** Instead of the plan's duration. */
  readonly lastsMs?: number;
  /** Ends it, after its duration or when everything is healed. Absent: it is over at once, or repairs itself. */
  readonly undo?: () => void;
};
