/**
 * Snapshot bodies in a store of their own, so that their bulk never stalls the log. A body lies in
 * a slot: chunks of fixed size (the last one may be shorter), each under its own checksum. Which
 * slot counts is written in the log store, after every chunk is durable; any other slot is an
 * orphan of a crash, a failed pull or an older snapshot, and is collected.
 *
 * ```
 * c/<slot, 16 hex digits>/<chunk, 4 bytes big-endian>  ->  sealed chunk | crc32
 * ```
 */
import { createHash, type Hash } from "node:crypto";
import { AppError } from "../../util/errors.ts";
import type { Env } from "../../util/env.ts";
import type { Restore } from "../../store/types.ts";
import type { Kv, KvOp } from "../../util/kv.ts";
import { withChecksum, withoutChecksum } from "./entry-codec.ts";
import type { SnapshotManifest } from "./log-records.ts";
import type { Sealer } from "./sealer.ts";
import { inSlices } from "./slices.ts";

export const SNAPSHOT_CHUNK_BYTES = 256 * 1024;
const SLOT_BYTES = 8;
const DELETES_PER_BATCH = 64;

/** An address between this and the end covers every slot. */
const ALL_SLOTS = { gte: chunkPrefix(""), lt: Buffer.from("c0", "latin1") };

export class SnapshotStore {
  readonly #kv: Kv;
  readonly #env: Env;
  readonly #sealer: Sealer;
  readonly #location: string;
  readonly chunkBytes: number;
  readonly #onFatal: (error: Error) => void;
  /** Slots that are being served or written, by number of users: not collected. */
  readonly #pins = new Map<string, number>();

  constructor(
    deps: { kv: Kv; env: Env; sealer: Sealer; onFatal: (error: Error) => void },
    { location, chunkBytes = SNAPSHOT_CHUNK_BYTES }: { location: string; chunkBytes?: number },
  ) {
    this.#onFatal = deps.onFatal;
    this.#kv = deps.kv;
    this.#env = deps.env;
    this.#sealer = deps.sealer;
    this.#location = location;
    this.chunkBytes = chunkBytes;
  }

  /** A new body. Close or abandon it. */
  create(): SnapshotWriter {
    const slot = Buffer.from(this.#env.randomBytes(SLOT_BYTES)).toString("hex");
    this.pin(slot);
    return new SnapshotWriter(slot, {
      chunkBytes: this.chunkBytes,
      put: (chunk, bytes) => this.#put(slot, chunk, bytes),
      release: () => this.unpin(slot),
    });
  }

  /** Each chunk is synced by itself: a later sync would not cover it (reference: raft.md 7). */
  async #put(slot: string, chunk: number, bytes: Uint8Array): Promise<void> {
    const value = withChecksum(this.#sealer.seal(bytes));
    await this.#write([{ kind: "put", key: chunkKey(slot, chunk), value }], { sync: true });
  }

  /** @throws AppError `corrupt` | `not-found` */
  async chunk({ slot }: SnapshotManifest, chunk: number): Promise<Uint8Array> {
    const stored = await this.#kv.get(chunkKey(slot, chunk));
    if (stored === undefined) throw this.#corrupt(chunk, "it is missing");
    try {
      return this.#sealer.open(withoutChecksum(stored, "snapshot chunk"));
    } catch (error) {
      throw this.#corrupt(chunk, error instanceof Error ? error.message : String(error));
    }
  }

  /** The body, chunk by chunk; ends only if the whole has the manifest's hash. @throws AppError `corrupt` */
  async *read(manifest: SnapshotManifest): AsyncGenerator<Uint8Array> {
    const hash = createHash("sha256");
    for (let at = 0; at < manifest.chunks; at++) {
      const chunk = await this.chunk(manifest, at);
      hash.update(chunk);
      yield chunk;
    }
    if (hash.digest("hex") !== manifest.meta.hash) throw this.#corrupt(null, "the body fails its checksum");
  }

  /** The whole body, verified against the manifest's hash. */
  async load(manifest: SnapshotManifest): Promise<Uint8Array[]> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.read(manifest)) chunks.push(chunk);
    return chunks;
  }

  /**
   * The verified body into a state that is not shown yet, in slices.
   * @throws AppError `corrupt`; whatever the state machine throws for a body it cannot read
   */
  async restore(manifest: SnapshotManifest, restore: Restore, signal?: AbortSignal): Promise<void> {
    for await (const chunk of this.read(manifest)) {
      restore.add(chunk);
      await inSlices(this.#env, () => restore.step(), signal);
      if (signal?.aborted === true) return;
    }
  }

  pin(slot: string): void {
    this.#pins.set(slot, (this.#pins.get(slot) ?? 0) + 1);
  }

  unpin(slot: string): void {
    const users = (this.#pins.get(slot) ?? 1) - 1;
    if (users > 0) this.#pins.set(slot, users);
    else this.#pins.delete(slot);
  }

  /**
   * Deletes every slot but the current one and those in use. @param current asked anew at each slot:
   * one that was being written when this began may be the one that counts now.
   */
  async collect(current: () => string | null): Promise<void> {
    let from: Uint8Array = ALL_SLOTS.gte;
    for (;;) {
      // One key is enough to learn a slot's name, and values are large.
      const [entry] = await this.#kv.range({ gte: from, lt: ALL_SLOTS.lt, limit: 1 });
      if (entry === undefined) return;
      const slot = slotOf(entry.key);
      if (slot !== current() && !this.#pins.has(slot)) await this.#remove(slot, entry.key);
      from = slotEnd(slot);
    }
  }

  async #remove(slot: string, firstKey: Uint8Array): Promise<void> {
    const end = slotEnd(slot);
    const [last] = await this.#kv.range({ gte: firstKey, lt: end, limit: 1, reverse: true });
    if (last === undefined) return;
    const ops: KvOp[] = [];
    for (let chunk = chunkOf(firstKey); chunk <= chunkOf(last.key); chunk++) {
      ops.push({ kind: "delete", key: chunkKey(slot, chunk) });
    }
    for (let at = 0; at < ops.length; at += DELETES_PER_BATCH) {
      await this.#write(ops.slice(at, at + DELETES_PER_BATCH), { sync: false });
    }
  }

  /** A failed write is final, as it is for the log. */
  async #write(ops: readonly KvOp[], options: { readonly sync: boolean }): Promise<void> {
    try {
      await this.#kv.batch(ops, options);
    } catch (error) {
      this.#onFatal(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#kv.close();
  }

  #corrupt(chunk: number | null, why: string): AppError {
    const place = chunk === null ? "" : ` at chunk ${chunk}`;
    return new AppError("corrupt", `The snapshot in ${this.#location} is corrupted${place}: ${why}`, {
      path: this.#location,
      next: "wipe this data directory and rejoin: shoal node rm, shoal join",
    });
  }
}

/** Cuts a body into chunks and hashes it on the way. One call at a time. */
export class SnapshotWriter {
  readonly slot: string;
  readonly #chunkBytes: number;
  readonly #put: (chunk: number, bytes: Uint8Array) => Promise<void>;
  readonly #release: () => void;
  readonly #hash: Hash = createHash("sha256");
  #pieces: Uint8Array[] = [];
  #pieceBytes = 0;
  #chunks = 0;
  #sizeBytes = 0;
  #isOpen = true;

  constructor(
    slot: string,
    {
      chunkBytes,
      put,
      release,
    }: { chunkBytes: number; put: (chunk: number, bytes: Uint8Array) => Promise<void>; release: () => void },
  ) {
    this.slot = slot;
    this.#chunkBytes = chunkBytes;
    this.#put = put;
    this.#release = release;
  }

  /** Bytes that are durable: where a pull that broke off resumes. */
  get durableBytes(): number {
    return this.#sizeBytes;
  }

  get isChunkReady(): boolean {
    return this.#pieceBytes >= this.#chunkBytes;
  }

  /** Keeps a piece in memory; call `flush` whenever a chunk is ready. */
  add(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#pieceBytes += piece.byteLength;
  }

  /** Forgets what is not durable: the next piece is the one at `durableBytes`. */
  rewind(): void {
    this.#pieces = [];
    this.#pieceBytes = 0;
  }

  /** Writes every full chunk. */
  async flush(): Promise<void> {
    while (this.isChunkReady) await this.#writeChunk(this.#chunkBytes);
  }

  /** Writes the rest. @returns what the manifest needs. */
  async finish(): Promise<{ readonly sizeBytes: number; readonly hash: string; readonly chunks: number }> {
    await this.flush();
    if (this.#pieceBytes > 0) await this.#writeChunk(this.#pieceBytes);
    return { sizeBytes: this.#sizeBytes, hash: this.#hash.digest("hex"), chunks: this.#chunks };
  }

  async #writeChunk(length: number): Promise<void> {
    const all =
      this.#pieces.length === 1 && this.#pieces[0] !== undefined ? this.#pieces[0] : Buffer.concat(this.#pieces);
    const chunk = all.subarray(0, length);
    this.#pieces = all.byteLength > length ? [all.subarray(length)] : [];
    this.#pieceBytes = all.byteLength - length;
    await this.#put(this.#chunks, chunk);
    this.#hash.update(chunk);
    this.#chunks += 1;
    this.#sizeBytes += length;
  }

  /** The slot counts from here on, or is given up: either way it may be collected by what it is. */
  close(): void {
    if (this.#isOpen) this.#release();
    this.#isOpen = false;
  }
}

function chunkPrefix(slot: string): Uint8Array {
  return Buffer.from(slot === "" ? "c/" : `c/${slot}/`, "latin1");
}

function chunkKey(slot: string, chunk: number): Uint8Array {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(chunk);
  return Buffer.concat([chunkPrefix(slot), number]);
}

function slotEnd(slot: string): Uint8Array {
  return Buffer.from(`c/${slot}0`, "latin1");
}

function slotOf(key: Uint8Array): string {
  return Buffer.from(key.subarray(2, 2 + 2 * SLOT_BYTES)).toString("latin1");
}

function chunkOf(key: Uint8Array): number {
  return Buffer.from(key).readUInt32BE(key.byteLength - 4);
}
