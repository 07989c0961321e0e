/**
 * Group commit: exactly one synced write is under way; whatever arrives meanwhile is merged into
 * the next one. No timer, no linger: the disk's own pace sets the batch size.
 */
import type { Entry, HardState, Persist } from "../../raft/types.ts";
import type { Env } from "../../util/env.ts";
import type { LogStorage } from "./log-storage.ts";
import type { ReplicaMetrics } from "./metrics.ts";

type PersistJob = { readonly kind: "persist"; entries: Entry[]; hardState: HardState; readonly tokens: number[] };
type OtherJob = { readonly kind: "other"; readonly write: (done: () => void) => void; readonly after: () => void };

export class Flusher {
  readonly #env: Env;
  readonly #storage: LogStorage;
  readonly #metrics: ReplicaMetrics;
  readonly #onPersisted: (tokens: readonly number[]) => void;
  #queue: (PersistJob | OtherJob)[] = [];
  #startedAt: number | null = null;
  #hardState: HardState;

  constructor(
    deps: { env: Env; storage: LogStorage; metrics: ReplicaMetrics },
    { hardState, onPersisted }: { hardState: HardState; onPersisted: (tokens: readonly number[]) => void },
  ) {
    this.#env = deps.env;
    this.#storage = deps.storage;
    this.#metrics = deps.metrics;
    this.#hardState = hardState;
    this.#onPersisted = onPersisted;
  }

  /** The newest hard state handed over, durable or not. */
  get hardState(): HardState {
    return this.#hardState;
  }

  add({ token, entries, hardState }: Persist): void {
    this.#hardState = hardState;
    const tail = this.#queue.at(-1);
    if (tail?.kind !== "persist") {
      this.#queue.push({ kind: "persist", entries: [...entries], hardState, tokens: [token] });
      return;
    }
    tail.tokens.push(token);
    tail.hardState = hardState;
    const first = entries[0];
    if (first === undefined) return;
    // What comes later replaces everything from its own first index on.
    const start = tail.entries[0]?.index ?? first.index;
    if (first.index - start < tail.entries.length) tail.entries.length = Math.max(0, first.index - start);
    for (const entry of entries) tail.entries.push(entry);
  }

  /** A write that comes after everything added so far and before everything added later. */
  addWrite(write: (storage: LogStorage, done: () => void) => void, after: () => void): void {
    this.#queue.push({ kind: "other", write: (done) => write(this.#storage, done), after });
  }

  /** Starts the next write unless one is under way. Call it after the turn's messages have left. */
  kick(): void {
    if (this.#startedAt !== null) return;
    const job = this.#queue.shift();
    if (job === undefined) return;
    this.#startedAt = this.#env.now();
    if (job.kind === "other") {
      job.write(() => {
        this.#startedAt = null;
        job.after();
        this.kick();
      });
      return;
    }
    this.#storage.append(job, () => {
      this.#finished(job.entries.length);
      this.#onPersisted(job.tokens);
      this.kick();
    });
  }

  #finished(entries: number): void {
    const ms = this.#env.now() - (this.#startedAt ?? this.#env.now());
    this.#startedAt = null;
    this.#metrics.flushes += 1;
    this.#metrics.flushedEntries += entries;
    this.#metrics.flushMsTotal += ms;
    this.#metrics.flushMsMax = Math.max(this.#metrics.flushMsMax, ms);
  }

  /** How long the present write has been under way. */
  get underWayMs(): number {
    return this.#startedAt === null ? 0 : this.#env.now() - this.#startedAt;
  }
}
