/** The state as a sequence of bounded pieces, and back. */
import { fromStoreObject, toStoreObject } from "./actions.ts";
import type { StoreCodec } from "./codec.ts";
import { TABLE_NAMES } from "./schema.ts";
import { TableSet } from "./table-set.ts";
import type { StoreObjectInput } from "../proto/gen/StoreObject.ts";

/** A piece is closed once it has this many bytes; only a single larger object makes a larger one. */
export const SNAPSHOT_CHUNK_BYTES = 64 * 1024;

/**
 * Pieces of the tables as they are now: what is written later does not show. The rows are listed at
 * once (they are immutable), and encoded when a piece is asked for.
 */
export function snapshotChunks(tables: TableSet, codec: StoreCodec): Iterator<Uint8Array> {
  const rows: StoreObjectInput[] = [];
  for (const table of TABLE_NAMES) for (const row of tables.all(table)) rows.push(toStoreObject(table, row));
  return encodeChunks(rows, tables.timeMs, codec);
}

function* encodeChunks(rows: readonly StoreObjectInput[], timeMs: number, codec: StoreCodec): Generator<Uint8Array> {
  // Encodings of one message type may be concatenated: repeated fields add up. So each object is
  // encoded once, and a piece ends as soon as it is large enough.
  let parts: Uint8Array[] = [codec.encodeChunk({ clusterTimeMs: timeMs })];
  let bytes = 0;
  for (const row of rows) {
    const part = codec.encodeChunk({ objects: [row] });
    if (bytes > 0 && bytes + part.length > SNAPSHOT_CHUNK_BYTES) {
      yield concat(parts);
      parts = [];
      bytes = 0;
    }
    parts.push(part);
    bytes += part.length;
  }
  yield concat(parts);
}

/** @throws AppError `corrupt` for objects of no known kind. */
export function readChunks(body: Iterable<Uint8Array>, index: number, codec: StoreCodec): TableSet {
  const tables = new TableSet();
  tables.version = index;
  for (const piece of body) {
    const chunk = codec.decodeChunk(piece);
    tables.timeMs = Math.max(tables.timeMs, chunk.clusterTimeMs);
    for (const wrapped of chunk.objects) {
      const { table, object } = fromStoreObject(wrapped);
      tables.put(table, object);
    }
  }
  return tables;
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
