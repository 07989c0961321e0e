/**
 * The log on disk: one synced batch a flush, verified in full at the start, never repaired.
 *
 * Records overlap after a truncation: a record that begins at f was written after every record that
 * begins before f, because writing at f deletes all that begin at or after f. So at load, in key
 * order, each record cuts what came before it at its own first index. Nothing is rewritten.
 *
 * Any failed write is final (LevelDB may go on accepting writes after one it could not append):
 * `onFatal` is called once, and nothing is acknowledged after it.
 */
import type { Entry, HardState } from "../../raft/types.ts";
import { assert } from "../../util/assert.ts";
import { AppError } from "../../util/errors.ts";
import type { Env } from "../../util/env.ts";
import type { KvOp, PromptKv } from "../../util/kv.ts";
import { CHAIN_START, encodeRecord } from "./entry-codec.ts";
import { HighWaterMark } from "./high-water-mark.ts";
import { corruptAt, loadLog, named, type VerifiedLog } from "./log-load.ts";
import {
  FIRST_KEY,
  HARD_STATE_KEY,
  IDENTITY_KEY,
  SNAPSHOT_KEY,
  decodeIdentity,
  encodeCompactionPoint,
  encodeHardState,
  encodeIdentity,
  encodeManifest,
  recordKey,
  type CompactionPoint,
  type Identity,
  type SnapshotManifest,
} from "./log-records.ts";
import type { Sealer } from "./sealer.ts";

/** Deletes of compacted records go in batches of this many, so that none blocks the loop for long. */
const DELETES_PER_BATCH = 512;

export type LogWrite = { readonly entries: readonly Entry[]; readonly hardState: HardState };

export type LoadedLog = {
  /** Null in a directory that never held a log. */
  readonly hardState: HardState | null;
  readonly snapshot: SnapshotManifest | null;
  readonly entries: readonly Entry[];
  readonly prevIndex: number;
  readonly prevTerm: number;
};

/** What the driver asks of the disk. Callers may overlap: writes happen one at a time, in order. */
export interface LogStorage {
  /**
   * Writes of the hard state that are durable, counted over the directory's whole life: what this
   * disk's age is told by (peer-writes.ts). Never falls, also when the storage's format changes.
   */
  readonly writes: number;
  /** Checks whose directory this is, claiming an empty one. @throws AppError `precondition` | `corrupt` */
  open(identity: Identity): Promise<LoadedLog>;
  /** `done` runs once the write is durable; never after a failure. */
  append(write: LogWrite, done: () => void): void;
  /** Makes a snapshot of our own the one that counts. */
  saveSnapshot(manifest: SnapshotManifest, done: () => void): void;
  /** Entries up to `index` are not needed any more; whole records go, in the background. */
  compactTo(index: number): void;
  /** A pulled snapshot replaces the whole log, in one batch. */
  installSnapshot(manifest: SnapshotManifest, hardState: HardState, done: () => void): void;
  /** Resolves when no write is under way. */
  close(): Promise<void>;
}

/** A stored record: entries [first, last], and the term of the last. */
export type RecordSpan = { readonly first: number; readonly last: number; readonly lastTerm: number };

/** `writes`: the hard state's count after it, for writes that carry one. */
type Job = {
  readonly ops: readonly KvOp[];
  readonly sync: boolean;
  readonly done: () => void;
  readonly writes?: number;
};

export class KvLogStorage implements LogStorage {
  readonly #kv: PromptKv;
  readonly #sealer: Sealer;
  readonly #location: string;
  readonly #onFatal: (error: Error) => void;
  readonly #mark: HighWaterMark;
  #writes = 0;
  #durableWrites = 0;
  #point: CompactionPoint = { index: 0, term: 0, chain: CHAIN_START };
  /** Ascending by first; a later one hides what it overlaps of earlier ones. */
  #records: RecordSpan[] = [];
  /** The chain after each entry from #point.index + 1 on: an append may start anywhere in it. */
  #chains: number[] = [];
  #queue: Job[] = [];
  #isBusy = false;
  #isDead = false;
  #onIdle: (() => void)[] = [];

  /**
   * @param deps.markKv another store than `kv`: where the high-water mark goes
   * @param location how messages name the store: its directory
   */
  constructor(
    deps: { env: Env; kv: PromptKv; markKv: PromptKv; sealer: Sealer; onFatal: (error: Error) => void },
    { location }: { location: string },
  ) {
    this.#kv = deps.kv;
    this.#mark = new HighWaterMark({ env: deps.env, kv: deps.markKv, onFatal: (error) => this.#die(error) });
    this.#sealer = deps.sealer;
    this.#onFatal = deps.onFatal;
    this.#location = location;
  }

  get writes(): number {
    return this.#durableWrites;
  }

  get #lastIndex(): number {
    return this.#point.index + this.#chains.length;
  }

  async open(identity: Identity): Promise<LoadedLog> {
    await this.#claim(identity);
    const writesMin = await this.#mark.load();
    const source = { kv: this.#kv, sealer: this.#sealer, location: this.#location };
    const loaded = this.adopt(await loadLog(source, { writesMin }));
    await this.#dropCompacted();
    return loaded;
  }

  /** What was read and verified is what the next write follows. For whoever reads the records itself; else `open`. */
  adopt({ writes, hardState, snapshot, point, entries, records, chains }: VerifiedLog): LoadedLog {
    this.#writes = this.#durableWrites = writes;
    this.#point = point;
    this.#records = records;
    this.#chains = chains;
    return { hardState, snapshot, entries, prevIndex: point.index, prevTerm: point.term };
  }

  /** What a crash left between moving the compaction point and deleting. */
  async #dropCompacted(): Promise<void> {
    const range = { gte: recordKey(0), lt: recordKey(this.#point.index + 1), limit: DELETES_PER_BATCH };
    for (let page = await this.#kv.range(range); page.length > 0; page = await this.#kv.range(range)) {
      const ops = page.map(({ key }): KvOp => ({ kind: "delete", key }));
      await this.#kv.batch(ops, { sync: false });
    }
  }

  async #claim(identity: Identity): Promise<void> {
    const stored = await this.#kv.get(IDENTITY_KEY);
    if (stored === undefined) {
      if ((await this.#kv.get(HARD_STATE_KEY)) !== undefined) {
        throw corruptAt(this.#location, null, "it does not say whose it is");
      }
      const value = encodeIdentity(identity, this.#sealer);
      await this.#kv.batch([{ kind: "put", key: IDENTITY_KEY, value }], { sync: true });
      return;
    }
    const owner = named(this.#location, null, () => decodeIdentity(stored, this.#sealer));
    if (owner.clusterId === identity.clusterId && owner.nodeId === identity.nodeId) return;
    throw new AppError(
      "precondition",
      `${this.#location} belongs to node ${owner.nodeId} of cluster ${owner.clusterId}, ` +
        `not to node ${identity.nodeId} of cluster ${identity.clusterId}`,
      { path: this.#location, next: "start the daemon with its own --data-dir, or wipe this one and join again" },
    );
  }

  append({ entries, hardState }: LogWrite, done: () => void): void {
    const ops: KvOp[] = [];
    const first = entries[0];
    if (first !== undefined) this.#addRecord(first, entries, ops);
    ops.push({ kind: "put", key: HARD_STATE_KEY, value: this.#nextHardState(hardState) });
    this.#enqueue({ ops, sync: true, done, writes: this.#writes });
  }

  #addRecord(first: Entry, entries: readonly Entry[], ops: KvOp[]): void {
    assert(
      first.index > this.#point.index && first.index <= this.#lastIndex + 1,
      `Entries from ${first.index} must follow or replace what is stored: ${this.#point.index}-${this.#lastIndex}`,
    );
    for (let at = this.#records.at(-1); at !== undefined && at.first >= first.index; at = this.#records.at(-1)) {
      ops.push({ kind: "delete", key: recordKey(at.first) });
      this.#records.pop();
    }
    this.#chains.length = first.index - this.#point.index - 1;
    const { record, chains } = encodeRecord(entries, this.#chains.at(-1) ?? this.#point.chain, this.#sealer);
    for (const chain of chains) this.#chains.push(chain);
    const last = entries.at(-1) ?? first;
    this.#records.push({ first: first.index, last: last.index, lastTerm: last.term });
    ops.push({ kind: "put", key: recordKey(first.index), value: record });
  }

  #nextHardState({ term, vote, commit }: HardState): Uint8Array {
    const chain = this.#chains.at(-1) ?? this.#point.chain;
    this.#writes += 1;
    const stored = { term, vote, commit, lastIndex: this.#lastIndex, chain, writes: this.#writes };
    return encodeHardState(stored, this.#sealer);
  }

  saveSnapshot(manifest: SnapshotManifest, done: () => void): void {
    const value = encodeManifest(manifest, this.#sealer);
    this.#enqueue({ ops: [{ kind: "put", key: SNAPSHOT_KEY, value }], sync: true, done });
  }

  compactTo(index: number): void {
    let gone = 0;
    for (let i = 0; (this.#records[i]?.first ?? Infinity) <= index; i++) {
      if ((this.#records[i]?.last ?? Infinity) <= index && this.#isWhole(i)) gone = i + 1;
    }
    const last = this.#records[gone - 1];
    if (last === undefined) return;
    const chain = this.#chains[last.last - this.#point.index - 1];
    assert(chain !== undefined, `The chain at ${last.last} is known`);
    const deletes = this.#records.splice(0, gone).map(({ first }): KvOp => ({ kind: "delete", key: recordKey(first) }));
    this.#chains.splice(0, last.last - this.#point.index);
    this.#point = { index: last.last, term: last.lastTerm, chain };
    const value = encodeCompactionPoint(this.#point, this.#sealer);
    // Durable before anything is deleted: what a crash leaves undeleted is before the point and ignored.
    this.#enqueue({ ops: [{ kind: "put", key: FIRST_KEY, value }], sync: true, done: nothing });
    for (let at = 0; at < deletes.length; at += DELETES_PER_BATCH) {
      this.#enqueue({ ops: deletes.slice(at, at + DELETES_PER_BATCH), sync: false, done: nothing });
    }
  }

  /** A record whose tail a later record replaced is no compaction point: its last entry is not in the log. */
  #isWhole(at: number): boolean {
    const next = this.#records[at + 1];
    return next === undefined || next.first === (this.#records[at]?.last ?? 0) + 1;
  }

  installSnapshot(manifest: SnapshotManifest, hardState: HardState, done: () => void): void {
    const { index, term } = manifest.meta;
    const ops: KvOp[] = this.#records.map(({ first }) => ({ kind: "delete", key: recordKey(first) }));
    this.#records = [];
    this.#chains = [];
    // The chain starts over: what was before is known by the snapshot's hash alone.
    this.#point = { index, term, chain: CHAIN_START };
    ops.push(
      { kind: "put", key: FIRST_KEY, value: encodeCompactionPoint(this.#point, this.#sealer) },
      { kind: "put", key: SNAPSHOT_KEY, value: encodeManifest(manifest, this.#sealer) },
      { kind: "put", key: HARD_STATE_KEY, value: this.#nextHardState(hardState) },
    );
    this.#enqueue({ ops, sync: true, done, writes: this.#writes });
  }

  async close(): Promise<void> {
    if (this.#isBusy && !this.#isDead) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
    if (!this.#isDead) await this.#mark.close();
    this.#isDead = true;
    await this.#kv.close();
  }

  // One write at a time

  #enqueue(job: Job): void {
    if (this.#isDead) return;
    this.#queue.push(job);
    if (!this.#isBusy) this.#next();
  }

  #next(): void {
    const job = this.#queue.shift();
    if (job === undefined) {
      this.#isBusy = false;
      for (const wake of this.#onIdle.splice(0)) wake();
      return;
    }
    this.#isBusy = true;
    this.#kv.batch(job.ops, { sync: job.sync }).then(
      () => {
        if (this.#isDead) return;
        if (job.writes !== undefined) {
          this.#durableWrites = job.writes;
          this.#mark.raise(job.writes);
        }
        // Before the callback, which may throw or write again; that write then joins the queue.
        const isLast = this.#queue.length === 0;
        if (!isLast) this.#next();
        else this.#isBusy = false;
        job.done();
        if (!this.#isBusy) for (const wake of this.#onIdle.splice(0)) wake();
      },
      (error: unknown) => this.#die(error),
    );
  }

  #die(error: unknown): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#queue = [];
    this.#mark.stop();
    for (const wake of this.#onIdle.splice(0)) wake();
    const cause = error instanceof Error ? error : new Error(String(error));
    this.#onFatal(cause);
  }
}

function nothing(): void {
  // Nobody waits for it.
}
