/**
 * The replicated state in memory: the committed tables, which the log drives on every manager, and on the leader the
 * speculative ones, which lie over them and hold only what is in flight. Both are made by the same `transition`, so
 * replaying an own entry reuses the rows its proposal made.
 */
import { fromTransaction, toTransaction, transition } from "./actions.ts";
import type { StoreCodec } from "./codec.ts";
import { OverlaySet } from "./overlay-set.ts";
import { notMade, PendingEntries, settle, unknownOutcome, type PendingEntry } from "./pending.ts";
import { TABLE_NAMES } from "./schema.ts";
import { readChunks, SNAPSHOT_CHUNK_BYTES, SnapshotReader, snapshotChunks } from "./snapshot.ts";
import { runSteps, TableSet } from "./table-set.ts";
import { tooLarge } from "./too-large.ts";
import { WriteTransaction } from "./tx.ts";
import {
  TRANSACTION_BYTES_MAX,
  type Change,
  type ChangeSet,
  type Origin,
  type Proposer,
  type ReadTx,
  type Restore,
  type StoreApi,
  type TableName,
  type Tables,
  type Update,
  type WriteTx,
} from "./types.ts";
import { WatchHub } from "./watch.ts";
import { clusterProtocol, notYet, PROTOCOLS, tooNew } from "../model/protocol.ts";
import { assert, must } from "../util/assert.ts";
import type { Env, Timer } from "../util/env.ts";
import { AppError } from "../util/errors.ts";

/** How long updates of a lost leadership wait for the log's verdict. */
export const UNKNOWN_AFTER_MS = 3_000;

/** Rows in memory take about so many times their encoding; watches keep those that were replaced. */
const DECODED_FACTOR = 4;

export type StoreOptions = {
  /** Freezes rows deeply, so that a loop which changes one in place fails. For tests. */
  readonly freezeRows?: boolean;
  /** The highest protocol this program speaks: entries beyond it are not applied. */
  readonly protocolMax?: number;
  /** Bytes from which a piece of a snapshot is closed. */
  readonly pieceBytes?: number;
  readonly watch?: { readonly setsMax?: number; readonly bytesMax?: number };
  /** Unix ms that a new leader begins with, where the entries before are not later. Default: the wall clock. */
  readonly clock?: () => number;
};

type Entry = { readonly index: number; readonly term: number; readonly payload: Uint8Array };

type Settle<T> = { readonly resolve: (value: T) => void; readonly reject: (error: AppError) => void };

/** `startMs`: cluster time when this environment's monotonic clock was at 0, by which it advances whatever the wall clock does. */
type Speculation = { readonly term: number; readonly tables: OverlaySet; readonly startMs: number };

export class Store implements StoreApi {
  readonly watches: WatchHub;
  readonly #env: Env;
  readonly #codec: StoreCodec;
  readonly #freezeRows: boolean;
  readonly #protocolMax: number;
  readonly #pieceBytes: number;
  readonly #clock: () => number;
  #proposer: Proposer | undefined;
  #committed = new TableSet();
  #speculation: Speculation | null = null;
  readonly #pending = new PendingEntries();
  readonly #commitListeners = new Set<(set: ChangeSet) => void>();
  readonly #speculativeListeners = new Set<(changes: readonly Change[]) => void>();
  #verdictTimer: Timer | undefined;
  #isUpdating = false;

  constructor({ env, codec }: { readonly env: Env; readonly codec: StoreCodec }, options: StoreOptions = {}) {
    this.#env = env;
    this.#codec = codec;
    this.#freezeRows = options.freezeRows ?? false;
    this.#protocolMax = options.protocolMax ?? PROTOCOLS.max;
    this.#pieceBytes = options.pieceBytes ?? SNAPSHOT_CHUNK_BYTES;
    this.#clock = options.clock ?? (() => env.wallNow());
    this.watches = new WatchHub(options.watch);
  }

  /** The log and the store need each other; this closes the circle before the first leadership. */
  setProposer(proposer: Proposer): void {
    this.#proposer = proposer;
  }

  view(): ReadTx {
    return this.#committed;
  }

  speculative(): ReadTx {
    return this.#leading().tables;
  }

  update<T>(change: (tx: WriteTx) => T): Promise<Update<T>> {
    return new Promise<Update<T>>((resolve, reject) => this.updateThen(change, { resolve, reject }));
  }

  onSpeculative(listener: (changes: readonly Change[]) => void): () => void {
    this.#speculativeListeners.add(listener);
    return () => void this.#speculativeListeners.delete(listener);
  }

  onCommit(listener: (set: ChangeSet) => void): () => void {
    this.#commitListeners.add(listener);
    return () => void this.#commitListeners.delete(listener);
  }

  apply(entry: Entry): void {
    const own = this.#pending.take(entry.index, entry.term);
    this.#commit(entry, own);
    if (own !== undefined) settle(own);
    this.#stopVerdictTimerWhenIdle();
  }

  advance(index: number): void {
    this.#pending.take(index, null);
    this.#committed.version = index;
    if (this.#pending.size === 0) this.#speculation?.tables.clear();
    this.watches.advance(index);
    this.#stopVerdictTimerWhenIdle();
  }

  snapshot(): Iterator<Uint8Array> {
    return snapshotChunks(this.#committed, this.#codec, this.#pieceBytes);
  }

  beginRestore(index: number): Restore {
    const reader = new SnapshotReader(index, this.#codec, this.#protocolMax);
    return {
      add: (bytes) => reader.add(bytes),
      step: () => reader.step(),
      replace: () => this.#replace(reader.finish()),
    };
  }

  /** All of it at once, for small states. */
  restore(body: Iterable<Uint8Array>, index: number): void {
    this.#replace(readChunks(body, index, this.#codec, this.#protocolMax));
  }

  #replace(restored: TableSet): void {
    assert(this.#speculation === null, "a leader's state is never replaced by a snapshot");
    const index = restored.version;
    const changes = difference(this.#committed, restored);
    this.#committed = restored;
    for (const { after } of changes) this.#freeze(after);
    // Whether the snapshot includes them, it does not say.
    this.#pending.rejectAll(unknownOutcome, index);
    this.#notifyCommit({ version: index, timeMs: restored.timeMs, changes, restored: true, origin: null });
    this.watches.reset(index);
  }

  leadershipGained(term: number): void {
    // This term's no-op is applied, so what an earlier leadership left beyond it is in no log.
    this.#pending.rejectAll(notMade);
    this.#stopVerdictTimerWhenIdle();
    const tables = new OverlaySet(this.#committed);
    const nowMs = Math.max(tables.timeMs, this.#clock());
    this.#speculation = { term, tables, startMs: nowMs - Math.floor(this.#env.now()) };
  }

  leadershipLost(): void {
    this.#speculation = null;
    if (this.#pending.size === 0) return;
    this.#verdictTimer ??= this.#env.setTimer(UNKNOWN_AFTER_MS, () => {
      this.#verdictTimer = undefined;
      this.#pending.rejectAll(unknownOutcome);
    });
  }

  /** Ends every watch and every waiter. */
  close(): void {
    this.#speculation = null;
    this.#pending.rejectAll(unknownOutcome);
    this.#stopVerdictTimerWhenIdle();
    this.watches.close();
  }

  /**
   * `update` for whoever needs the outcome in the very turn in which it is known. What `change` throws is thrown here.
   * From `reserve` on nothing waits, and after `propose` nothing may fail.
   */
  updateThen<T>(change: (tx: WriteTx) => T, { resolve, reject }: Settle<Update<T>>): void {
    const { tables, term } = this.#leading();
    const proposer = must(this.#proposer, "the proposer is set before this manager leads");
    assert(!this.#isUpdating, "an update does not start another one inside its callback");
    const slot = proposer.reserve(0);
    assert(slot.term === term, "the log's term is the one the store was told it leads in");
    const timeMs = Math.max(tables.timeMs, this.#leading().startMs + Math.floor(this.#env.now()));
    const tx = new WriteTransaction(tables, { version: slot.index, timeMs });
    let value: T;
    let payload: Uint8Array;
    this.#isUpdating = true;
    try {
      value = change(tx);
      if (tx.isEmpty) {
        this.#afterPending(value, { resolve, reject });
        return;
      }
      payload = this.#encode(tx, timeMs);
      const at = proposer.reserve(payload.length);
      assert(at.index === slot.index, "nothing is proposed while an update runs");
    } finally {
      this.#isUpdating = false;
      tx.close();
    }
    // What it wrote is dropped. What counts is the decoded entry: then the leader's rows are what others decode.
    const { actions } = fromTransaction(this.#codec.decodeTransaction(payload));
    const origin = { term, ...tx.origin };
    proposer.propose(payload);
    const { steps, changes } = transition(tables, { index: slot.index, timeMs, actions });
    for (const { after } of changes) this.#freeze(after);
    const done = (): void => resolve({ value, version: slot.index });
    this.#pending.push({ index: slot.index, term, timeMs, steps, origin, resolve: done, reject, followers: [] });
    this.#notify(this.#speculativeListeners, changes);
  }

  #encode(tx: WriteTransaction, timeMs: number): Uint8Array {
    const protocol = clusterProtocol(tx.all("cluster"));
    assert(protocol <= this.#protocolMax, "a cluster's protocol is raised to what every manager's program speaks");
    const payload = this.#codec.encodeTransaction(toTransaction(timeMs, tx.actions, { protocol, ...tx.origin }));
    const later = this.#codec.laterField(payload, protocol);
    if (later !== null) throw notYet(later.path, { needs: later.needs, protocol });
    if (payload.length <= TRANSACTION_BYTES_MAX) return payload;
    throw tooLarge(payload.length);
  }

  /** Without writes there is no entry; the answer still holds only once what it read is committed. */
  #afterPending<T>(value: T, { resolve, reject }: Settle<Update<T>>): void {
    const last = this.#pending.last;
    if (last === undefined) resolve({ value, version: this.#committed.version });
    else last.followers.push({ resolve: () => resolve({ value, version: last.index }), reject });
  }

  #commit(entry: Entry, own: PendingEntry | undefined): void {
    const tables = this.#committed;
    let changes: readonly Change[];
    let origin: Origin;
    if (own === undefined) {
      const transaction = this.#codec.decodeTransaction(entry.payload);
      const { protocol: needs } = transaction;
      if (needs > this.#protocolMax) throw tooNew(`Log entry ${entry.index}`, { needs, max: this.#protocolMax });
      const { timeMs, actions } = fromTransaction(transaction);
      ({ changes } = transition(tables, { index: entry.index, timeMs, actions }));
      for (const { after } of changes) this.#freeze(after);
      origin = { term: entry.term, actor: transaction.actor, leaderId: transaction.leaderId };
    } else {
      changes = runSteps(tables, own.steps);
      origin = own.origin;
      tables.version = own.index;
      tables.timeMs = own.timeMs;
    }
    this.#foldSpeculation(own);
    const set = { version: entry.index, timeMs: tables.timeMs, changes, restored: false, origin };
    this.#notifyCommit(set);
    this.watches.append(set, entry.payload.length * DECODED_FACTOR);
  }

  /** Without an own entry it was another leader's: what is in flight here is in no log any more. */
  #foldSpeculation(own: PendingEntry | undefined): void {
    if (this.#speculation === null) return;
    const { tables } = this.#speculation;
    if (own === undefined || this.#pending.size === 0) tables.clear();
    else tables.fold(own.steps, own.index);
  }

  #notifyCommit(set: ChangeSet): void {
    this.#notify(this.#commitListeners, set);
  }

  /** A listener's failure is a bug; it must surface, and must not stop what the entry still has to do. */
  #notify<E>(listeners: ReadonlySet<(event: E) => void>, event: E): void {
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#env.defer(() => {
          throw error;
        });
      }
    }
  }

  #leading(): Speculation {
    if (this.#speculation !== null) return this.#speculation;
    throw new AppError("not-leader", "This manager is not the leader");
  }

  #stopVerdictTimerWhenIdle(): void {
    if (this.#pending.size > 0) return;
    this.#verdictTimer?.cancel();
    this.#verdictTimer = undefined;
  }

  #freeze(row: Tables[TableName] | undefined): void {
    if (this.#freezeRows && row !== undefined) deepFreeze(row);
  }
}

/** What changed between two states. Versions tell: an entry gives every row it writes its own. */
function difference(from: TableSet, to: TableSet): Change[] {
  const changes: Change[] = [];
  for (const table of TABLE_NAMES) {
    for (const before of from.all(table)) {
      const after = to.get(table, before.id);
      // Both rows were read from the table that is named.
      if (after?.meta?.version !== before.meta?.version)
        changes.push({ table, id: before.id, before, after } as Change);
    }
    for (const after of to.all(table)) {
      if (from.get(table, after.id) === undefined) {
        changes.push({ table, id: after.id, before: undefined, after } as Change);
      }
    }
  }
  return changes;
}

function deepFreeze(value: object): void {
  // Bytes cannot be frozen, and a frozen value was frozen with all it holds.
  if (ArrayBuffer.isView(value) || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const part of Object.values(value)) if (typeof part === "object" && part !== null) deepFreeze(part as object);
}
