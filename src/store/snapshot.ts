/** The state as a sequence of bounded pieces, and back. */
import { fromStoreObject, toStoreObject } from "./actions.ts";
import type { StoreCodec } from "./codec.ts";
import { TABLE_NAMES } from "./schema.ts";
import { TableSet } from "./table-set.ts";
import { AppError } from "../util/errors.ts";
import type { StoreObjectInput } from "../proto/gen/StoreObject.ts";

/** A piece is closed once it has this many bytes; only a single larger object makes a larger one. */
export const SNAPSHOT_CHUNK_BYTES = 64 * 1024;

/**
 * Pieces of the tables as they are now: what is written later does not show. The rows are listed at
 * once (they are immutable), and encoded when a piece is asked for.
 */
export function snapshotChunks(
  tables: TableSet,
  codec: StoreCodec,
  pieceBytes = SNAPSHOT_CHUNK_BYTES,
): Iterator<Uint8Array> {
  const rows: StoreObjectInput[] = [];
  for (const table of TABLE_NAMES) for (const row of tables.all(table)) rows.push(toStoreObject(table, row));
  return encodeChunks(rows, tables.timeMs, { codec, pieceBytes });
}

function* encodeChunks(
  rows: readonly StoreObjectInput[],
  timeMs: number,
  { codec, pieceBytes }: { readonly codec: StoreCodec; readonly pieceBytes: number },
): Generator<Uint8Array> {
  // Encodings of one message type may be concatenated: repeated fields add up. So each object is
  // encoded once, and a piece ends as soon as it is large enough.
  let parts: Uint8Array[] = [codec.encodeChunk({ clusterTimeMs: timeMs })];
  let bytes = 0;
  for (const row of rows) {
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

/**
 * @param body the pieces' bytes in order, cut anywhere: disks and networks cut as suits them.
 * @throws AppError `corrupt` for objects of no known kind, and for a body that ends inside a piece.
 */
export function readChunks(body: Iterable<Uint8Array>, index: number, codec: StoreCodec): TableSet {
  const tables = new TableSet();
  tables.version = index;
  for (const piece of pieces(body)) {
    const chunk = codec.decodeChunk(piece);
    tables.timeMs = Math.max(tables.timeMs, chunk.clusterTimeMs);
    for (const wrapped of chunk.objects) {
      const { table, object } = fromStoreObject(wrapped);
      tables.put(table, object);
    }
  }
  return tables;
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
function* pieces(body: Iterable<Uint8Array>): Generator<Uint8Array> {
  let held: Uint8Array = new Uint8Array(0);
  for (const bytes of body) {
    held = held.length === 0 ? bytes : concat([held, bytes]);
    for (let end = pieceEnd(held); end !== null && end <= held.length; end = pieceEnd(held)) {
      yield held.subarray(LENGTH_BYTES, end);
      held = held.subarray(end);
    }
  }
  if (held.length > 0) throw new AppError("corrupt", "A snapshot's body ends inside a piece");
}

/** Where the first piece ends; null while its length is not there yet. */
function pieceEnd(bytes: Uint8Array): number | null {
  if (bytes.length < LENGTH_BYTES) return null;
  return LENGTH_BYTES + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
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
