/**
 * The real store as a state machine of the real driver, with a running hash over its rows: two members at one index
 * are compared in no time. Rows are immutable, so each is hashed once.
 */
import { crc32 } from "node:zlib";
import { protoStoreCodec } from "../../../src/manager/store-codec.ts";
import type { StateMachine } from "../../../src/manager/replica/types.ts";
import type { StoreCodec } from "../../../src/store/codec.ts";
import { TABLE_NAMES } from "../../../src/store/schema.ts";
import { Store } from "../../../src/store/store.ts";
import type { Change, Restore, TableName } from "../../../src/store/types.ts";
import type { Env } from "../../../src/util/env.ts";
import type { RequestRecord } from "../../../src/model/index.ts";

export type StoreEvents = {
  /** Before an entry is applied. */
  applies(index: number, payload: Uint8Array | null): void;
  /** After it: the state at `index` has this hash. */
  state(index: number, hash: number): void;
  restored(index: number): void;
};

/** Nobody watches here. */
const WATCH_SETS_MAX = 8;

/** What each row is in a snapshot: they are taken every few entries here, and most of their rows were in the one before. */
const encoded = new WeakMap<object, Uint8Array>();
const codec: StoreCodec = { ...protoStoreCodec, encodeChunk };

function encodeChunk(chunk: Parameters<StoreCodec["encodeChunk"]>[0]): Uint8Array {
  const [wrapped] = chunk.objects ?? [];
  const row = wrapped?.request ?? wrapped?.service ?? wrapped?.revision;
  if (!row) return protoStoreCodec.encodeChunk(chunk);
  let bytes = encoded.get(row);
  if (bytes === undefined) encoded.set(row, (bytes = protoStoreCodec.encodeChunk(chunk)));
  return bytes;
}

export class ReplicatedStore implements StateMachine {
  readonly store: Store;
  readonly #events: StoreEvents;
  readonly #rows = new WeakMap<object, number>();
  #hash = 0;

  constructor(env: Env, { pieceBytes, events }: { pieceBytes: number; events: StoreEvents }) {
    this.store = new Store({ env, codec }, { pieceBytes, watch: { setsMax: WATCH_SETS_MAX } });
    this.#events = events;
    this.store.onCommit(({ changes, restored }) => {
      if (restored) this.#hash = this.#hashAll();
      else for (const change of changes) this.#fold(change);
    });
  }

  get hash(): number {
    return this.#hash;
  }

  apply(entry: { readonly index: number; readonly term: number; readonly payload: Uint8Array }): void {
    this.#events.applies(entry.index, entry.payload);
    this.store.apply(entry);
    this.#tell(entry.index);
  }

  advance(index: number): void {
    this.#events.applies(index, null);
    this.store.advance(index);
    this.#tell(index);
  }

  #tell(index: number): void {
    this.#events.state(index, this.#hash ^ this.store.view().timeMs);
  }

  snapshot(): Iterator<Uint8Array> {
    return this.store.snapshot();
  }

  beginRestore(index: number): Restore {
    const restore = this.store.beginRestore(index);
    return {
      add: (bytes) => restore.add(bytes),
      step: () => restore.step(),
      replace: () => {
        restore.replace();
        this.#events.restored(index);
        this.#tell(index);
      },
    };
  }

  leadershipGained(term: number): void {
    this.store.leadershipGained(term);
  }

  leadershipLost(): void {
    this.store.leadershipLost();
  }

  #fold({ table, before, after }: Change): void {
    if (before !== undefined) this.#hash ^= this.#hashOf(table, before);
    if (after !== undefined) this.#hash ^= this.#hashOf(table, after);
  }

  #hashAll(): number {
    let hash = 0;
    const view = this.store.view();
    for (const table of TABLE_NAMES) for (const row of view.all(table)) hash ^= this.#hashOf(table, row);
    return hash;
  }

  #hashOf(table: TableName, row: object): number {
    const known = this.#rows.get(row);
    if (known !== undefined) return known;
    const text = table === "request" ? requestText(row as RequestRecord) : `${table} ${JSON.stringify(row)}`;
    const hash = mixed(crc32(text) ^ text.length);
    this.#rows.set(row, hash);
    return hash;
  }
}

/** Checksums are linear: xor alone would not notice two rows that have changed places. */
function mixed(checksum: number): number {
  const hash = Math.imul(checksum ^ (checksum >>> 15), 0x85ebca6b);
  return Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
}

function requestText({ id, meta, hash, result, expiresAtMs }: RequestRecord): string {
  return `request ${id} ${hash} ${expiresAtMs} ${meta?.version} ${result.toString("hex")}`;
}
