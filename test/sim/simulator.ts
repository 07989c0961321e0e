/** What `npm run sim` asks of a simulator: one seed in, one verdict out. Its folder exports a `runSeed` of this type. */
import type { Operation } from "../support/history.ts";

export type SeedOptions = {
  /** Gets one line per message, step and fault. */
  readonly trace?: (line: string) => void;
};

export type SeedResult = {
  readonly seed: number;
  readonly verdict: "passed" | "failed";
  /** The invariant (or assertion) that fired, by name; null when it passed. */
  readonly invariant: string | null;
  /** What was seen, for people; null when it passed. */
  readonly why: string | null;
  /** Hex, over the bytes of every message and every state: equal for equal seeds. */
  readonly hash: string;
  /** How often each thing happened: events, messages, elections, crashes, ... */
  readonly counts: Readonly<Record<string, number>>;
  /** What the clients saw, in order of call. */
  readonly history: readonly Operation[];
};

export type RunSeed = (seed: number, options?: SeedOptions) => SeedResult | Promise<SeedResult>;
