/** The state as a sequence of bounded pieces, and back. */
import { fromStoreObject, toStoreObject } from "./actions.ts";
import type { StoreCodec } from "./codec.ts";
import { TABLE_NAMES } from "./schema.ts";
import { TableSet } from "./table-set.ts";
import type { TableName, Tables } from "./types.ts";
import { PROTOCOLS, tooNew } from "../model/protocol.ts";
import { AppError } from "../util/errors.ts";
import type { StoreObjectInput } from "../proto/gen/StoreObject.ts";

/** A piece is closed once it has this many bytes; only a single larger object makes a larger one. */
export const SNAPSHOT_CHUNK_BYTES = 64 * 1024;

/**
 * Pieces of the tables as they are now: what is written later does not show. The rows are listed at
 * once (they are immutable; 100,000 take a millisecond or two), and encoded when a piece is asked for.
 */
export function snapshotChunks(
  tables: TableSet,
  codec: StoreCodec,
  pieceBytes = SNAPSHOT_CHUNK_BYTES,
): Iterator<Uint8Array> {
  const rows = TABLE_NAMES.map((table) => ({ table, rows: [...tables.all(table)] }));
  return encodeChunks(rows, tables.timeMs, { codec, pieceBytes });
}

type TableRows = { readonly table: TableName; readonly rows: readonly Tables[TableName][] };

function* encodeChunks(
  tables: readonly TableRows[],
  timeMs: number,
  { codec, pieceBytes }: { readonly codec: StoreCodec; readonly pieceBytes: number },
): Generator<Uint8Array> {
  // Encodings of one message type may be concatenated: repeated fields add up. So each object is
  // encoded once, and a piece ends as soon as it is large enough.
  let parts: Uint8Array[] = [codec.encodeChunk({ clusterTimeMs: timeMs })];
  let bytes = 0;
  for (const row of objectsOf(tables)) {
    const part = codec.encodeChunk({ objects: [row] });
    if (bytes > 0 && bytes + part.length > pieceBytes) {
      yield framed(parts);
      parts = [];
      bytes = 0;
    }
    parts.push(part);
    bytes += part.length;
  }
  yield framed(parts);
}

function* objectsOf(tables: readonly TableRows[]): Generator<StoreObjectInput> {
  for (const { table, rows } of tables) for (const row of rows) yield toStoreObject(table, row);
}

/** Builds tables from a body, a piece at a time, beside whatever is served meanwhile. */
export class SnapshotReader {
  readonly #codec: StoreCodec;
  readonly #pieces = new PieceCutter();
  readonly #protocolMax: number;
  readonly #tables = new TableSet();

  constructor(index: number, codec: StoreCodec, protocolMax = PROTOCOLS.max) {
    this.#codec = codec;
    this.#protocolMax = protocolMax;
    this.#tables.version = index;
  }

  /** The next bytes of the body, cut anywhere: disks and networks cut as suits them. */
  add(bytes: Uint8Array): void {
    this.#pieces.add(bytes);
  }

  /** Decodes one piece. @returns false when it needs more bytes first. @throws AppError `corrupt` for objects of no known kind. */
  step(): boolean {
    const piece = this.#pieces.next();
    if (piece === null) return false;
    const tables = this.#tables;
    const chunk = this.#codec.decodeChunk(piece);
    tables.timeMs = Math.max(tables.timeMs, chunk.clusterTimeMs);
    for (const wrapped of chunk.objects) {
      const row = fromStoreObject(wrapped);
      // The cluster comes first: what follows may be of kinds this program does not know.
      if (row.table === "cluster" && row.object.protocol > this.#protocolMax) {
        throw tooNew("The snapshot", { needs: row.object.protocol, max: this.#protocolMax });
      }
      tables.put(row.table, row.object);
    }
    return true;
  }

  /** After the last step. @throws AppError `corrupt` for a body that ends inside a piece. */
  finish(): TableSet {
    if (!this.#pieces.isEmpty) throw new AppError("corrupt", "A snapshot's body ends inside a piece");
    return this.#tables;
  }
}

/** All of it at once. @throws as SnapshotReader */
export function readChunks(
  body: Iterable<Uint8Array>,
  index: number,
  codec: StoreCodec,
  protocolMax?: number,
): TableSet {
  const reader = new SnapshotReader(index, codec, protocolMax);
  for (const bytes of body) {
    reader.add(bytes);
    while (reader.step());
  }
  return reader.finish();
}

/** Bytes of the big-endian length before each piece: who carries the body keeps no boundaries. */
const LENGTH_BYTES = 4;

function framed(parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = new Uint8Array(LENGTH_BYTES);
  new DataView(head.buffer).setUint32(0, length);
  return concat([head, ...parts]);
}

/** Pieces as they were framed, from bytes cut anywhere. */
class PieceCutter {
  #held: Uint8Array = new Uint8Array(0);

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  add(bytes: Uint8Array): void {
    this.#held = this.isEmpty ? bytes : concat([this.#held, bytes]);
  }

  /** Null: its end is not there yet. */
  next(): Uint8Array | null {
    const held = this.#held;
    if (held.length < LENGTH_BYTES) return null;
    const end = LENGTH_BYTES + new DataView(held.buffer, held.byteOffset).getUint32(0);
    if (end > held.length) return null;
    this.#held = held.subarray(end);
    return held.subarray(LENGTH_BYTES, end);
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
