/**
 * Feeds committed entries to the state machine, a bounded amount a turn, and knows what a snapshot
 * taken now would hold: index, term and membership.
 */
import { decodeConfig } from "../../raft/config.ts";
import type { Config, Entry } from "../../raft/types.ts";
import { assert } from "../../util/assert.ts";
import { AppError } from "../../util/errors.ts";
import type { Env } from "../../util/env.ts";
import type { ReplicaMetrics } from "./metrics.ts";
import type { StateMachine } from "./types.ts";

/** A follower that catches up must not starve its own heartbeats. */
const APPLY_ENTRIES_MAX = 1_000;
const APPLY_MS_MAX = 5;
/** The clock is read once for so many entries. */
const CLOCK_EVERY = 32;
/** Granularity at which the sizes of applied entries are remembered. */
const MARK_EVERY = 128;

export type AppliedPosition = { readonly index: number; readonly term: number; readonly config: Config };

export class Applier {
  readonly #env: Env;
  readonly #stateMachine: StateMachine;
  readonly #metrics: ReplicaMetrics;
  readonly #onFatal: (error: AppError) => void;
  #queue: Entry[] = [];
  #at = 0;
  #position: AppliedPosition;
  #bytes = 0;
  /** Applied bytes before an index, now and then: how far back a number of bytes reaches. */
  /** What was queued last at some time, and when: how long applying takes is told by when its turn comes. */
  #waiting: { readonly index: number; readonly since: number } | null = null;
  #marks: { readonly index: number; readonly bytes: number }[] = [];

  constructor(
    deps: { env: Env; stateMachine: StateMachine; metrics: ReplicaMetrics; onFatal: (error: AppError) => void },
    position: AppliedPosition,
  ) {
    this.#onFatal = deps.onFatal;
    this.#env = deps.env;
    this.#stateMachine = deps.stateMachine;
    this.#metrics = deps.metrics;
    this.#position = position;
  }

  get position(): AppliedPosition {
    return this.#position;
  }

  get index(): number {
    return this.#position.index;
  }

  /** Bytes of payloads applied since the start. */
  get bytes(): number {
    return this.#bytes;
  }

  get hasMore(): boolean {
    return this.#at < this.#queue.length;
  }

  push(entries: readonly Entry[]): void {
    for (const entry of entries) this.#queue.push(entry);
    if (this.#waiting === null) this.#markWaiting();
  }

  #markWaiting(): void {
    const last = this.#queue.at(-1);
    this.#waiting = last === undefined ? null : { index: last.index, since: this.#env.now() };
  }

  /** How long something committed has waited to be applied; 0 when all is. */
  get underWayMs(): number {
    return this.#waiting === null ? 0 : this.#env.now() - this.#waiting.since;
  }

  /** @returns whether anything was applied; `hasMore` says whether the bound cut it short. */
  run({ bounded }: { bounded: boolean }): boolean {
    if (!this.hasMore) return false;
    const until = this.#env.now() + APPLY_MS_MAX;
    for (let n = 1; this.hasMore; n++) {
      const entry = this.#queue[this.#at++];
      if (entry !== undefined && !this.#tryApply(entry)) return false;
      if (bounded && (n >= APPLY_ENTRIES_MAX || (n % CLOCK_EVERY === 0 && this.#env.now() >= until))) break;
    }
    if (!this.hasMore) {
      this.#queue = [];
      this.#at = 0;
      this.#waiting = null;
    } else if (this.#waiting !== null && this.index >= this.#waiting.index) this.#markWaiting();
    return true;
  }

  /** @returns false for an entry that this program cannot read: it stops here, and skips nothing. */
  #tryApply(entry: Entry): boolean {
    try {
      this.#apply(entry);
      return true;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.#queue = [];
      this.#at = 0;
      const { code, message, details } = error;
      this.#onFatal(new AppError(code, message, { index: String(entry.index), ...details }, error));
      return false;
    }
  }

  #apply(entry: Entry): void {
    const { index, term, kind, payload } = entry;
    assert(index === this.#position.index + 1, `Entries are applied in order: ${index} after ${this.#position.index}`);
    const config = kind === "config" ? decodeConfig(payload) : this.#position.config;
    if (kind === "normal") this.#stateMachine.apply({ index, term, payload });
    else this.#stateMachine.advance(index);
    this.#position = { index, term, config };
    if (index % MARK_EVERY === 0) this.#marks.push({ index, bytes: this.#bytes });
    this.#bytes += payload.byteLength;
    this.#metrics.applied += 1;
  }

  /** A snapshot was loaded into the state machine: what is queued is covered by it. */
  reset(position: AppliedPosition): void {
    this.#queue = [];
    this.#at = 0;
    this.#waiting = null;
    this.#position = position;
    this.#marks = [];
  }

  /** The highest index that leaves at least `bytesMax` of later entries, or 0: older ones may go for their size alone. */
  indexBehind(bytesMax: number): number {
    const wanted = this.#bytes - bytesMax;
    return this.#marks.findLast((mark) => mark.bytes <= wanted)?.index ?? 0;
  }

  forgetMarks(upTo: number): void {
    const keep = this.#marks.findLastIndex((mark) => mark.index <= upTo);
    if (keep > 0) this.#marks.splice(0, keep);
  }
}
