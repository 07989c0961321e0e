/**
 * Keys and small records of the log store. Everything rare is JSON under a checksum; what each
 * flush writes (the hard state) is binary.
 *
 * ```
 * m/id     {format, clusterId, nodeId}          who this directory belongs to
 * m/hs     term, vote, commit, last index, chain, writes    in every batch that changes the log
 * m/first  {index, term, chain}                 the compaction point: what is before the first entry
 * m/snap   {meta, slot, chunks}                 the snapshot that counts; its chunks are in their own store
 * l/<first index, 8 bytes big-endian>           one record a flush (entry-codec.ts)
 * ```
 * and in the other store, beside the snapshots' chunks: `m/mark`, the high-water mark of writes, and
 * `m/peers`, the same of the other managers (peer-writes.ts).
 */
import { decodeConfig, encodeConfig } from "../../raft/config.ts";
import type { HardState, SnapshotMeta } from "../../raft/types.ts";
import { AppError } from "../../util/errors.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { withChecksum, withoutChecksum } from "./entry-codec.ts";
import type { Sealer } from "./sealer.ts";

export type Identity = { readonly clusterId: string; readonly nodeId: string };

/** A snapshot as it lies here: which slot of the chunk store holds its body. */
export type SnapshotManifest = { readonly meta: SnapshotMeta; readonly slot: string; readonly chunks: number };

export type CompactionPoint = { readonly index: number; readonly term: number; readonly chain: number };

export type StoredHardState = HardState & {
  readonly lastIndex: number;
  readonly chain: number;
  /** Counts every write of the hard state: what the high-water mark is compared with. */
  readonly writes: number;
};

/** Raised when an older program could misread the directory. */
const FORMAT = 1;

export const IDENTITY_KEY = key("m/id");
export const HARD_STATE_KEY = key("m/hs");
export const FIRST_KEY = key("m/first");
export const SNAPSHOT_KEY = key("m/snap");
export const MARK_KEY = key("m/mark");
export const PEERS_KEY = key("m/peers");
const RECORD_PREFIX = key("l/");
/** Right after every record: "0" follows "/". */
export const RECORDS_END = key("l0");

function key(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

export function recordKey(firstIndex: number): Uint8Array {
  const bytes = Buffer.alloc(RECORD_PREFIX.byteLength + 8);
  bytes.set(RECORD_PREFIX, 0);
  bytes.writeBigUInt64BE(BigInt(firstIndex), RECORD_PREFIX.byteLength);
  return bytes;
}

export function encodeHardState(state: StoredHardState, sealer: Sealer): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(FORMAT);
  writer.varint(state.term);
  writer.u8(state.vote === null ? 0 : 1);
  writer.text(state.vote ?? "");
  writer.varint(state.commit);
  writer.varint(state.lastIndex);
  writer.u32(state.chain);
  writer.varint(state.writes);
  return withChecksum(sealer.seal(writer.finish()));
}

export function decodeHardState(stored: Uint8Array, sealer: Sealer): StoredHardState {
  const reader = new ByteReader(sealer.open(withoutChecksum(stored, "hard state")), "hard state");
  const format = reader.u8();
  if (format !== FORMAT) throw unknownFormat("hard state", format);
  const term = reader.varint();
  const hasVote = reader.boolean();
  const vote = reader.text();
  const numbers = { commit: reader.varint(), lastIndex: reader.varint(), chain: reader.u32(), writes: reader.varint() };
  reader.end();
  return { term, vote: hasVote ? vote : null, ...numbers };
}

export function encodeMark(writes: number): Uint8Array {
  const writer = new ByteWriter();
  writer.varint(writes);
  return withChecksum(writer.finish());
}

export function decodeMark(stored: Uint8Array): number {
  return new ByteReader(withoutChecksum(stored, "high-water mark"), "high-water mark").varint();
}

export function encodePeerWrites(seen: ReadonlyMap<string, number>): Uint8Array {
  const writer = new ByteWriter();
  writer.varint(seen.size);
  for (const [peer, writes] of seen) {
    writer.text(peer);
    writer.varint(writes);
  }
  return withChecksum(writer.finish());
}

export function decodePeerWrites(stored: Uint8Array): Map<string, number> {
  const reader = new ByteReader(withoutChecksum(stored, "record of peers"), "record of peers");
  const seen = new Map<string, number>();
  for (let left = reader.varint(); left > 0; left--) seen.set(reader.text(), reader.varint());
  reader.end();
  return seen;
}

export function encodeIdentity(identity: Identity, sealer: Sealer): Uint8Array {
  return encodeJson({ format: FORMAT, ...identity }, sealer);
}

export function decodeIdentity(stored: Uint8Array, sealer: Sealer): Identity {
  const fields = decodeJson(stored, "identity", sealer);
  if (fields["format"] !== FORMAT) throw unknownFormat("identity", fields["format"]);
  return { clusterId: text(fields, "clusterId"), nodeId: text(fields, "nodeId") };
}

export function encodeCompactionPoint(point: CompactionPoint, sealer: Sealer): Uint8Array {
  return encodeJson(point, sealer);
}

export function decodeCompactionPoint(stored: Uint8Array, sealer: Sealer): CompactionPoint {
  const fields = decodeJson(stored, "compaction point", sealer);
  return { index: integer(fields, "index"), term: integer(fields, "term"), chain: integer(fields, "chain") };
}

export function encodeManifest({ meta, slot, chunks }: SnapshotManifest, sealer: Sealer): Uint8Array {
  const config = Buffer.from(encodeConfig(meta.config)).toString("base64");
  return encodeJson({ ...meta, config, slot, chunks }, sealer);
}

export function decodeManifest(stored: Uint8Array, sealer: Sealer): SnapshotManifest {
  const fields = decodeJson(stored, "snapshot manifest", sealer);
  const meta: SnapshotMeta = {
    index: integer(fields, "index"),
    term: integer(fields, "term"),
    config: decodeConfig(Buffer.from(text(fields, "config"), "base64")),
    sizeBytes: integer(fields, "sizeBytes"),
    hash: text(fields, "hash"),
  };
  return { meta, slot: text(fields, "slot"), chunks: integer(fields, "chunks") };
}

type Fields = Readonly<Record<string, unknown>>;

function encodeJson(fields: object, sealer: Sealer): Uint8Array {
  return withChecksum(sealer.seal(Buffer.from(JSON.stringify(fields))));
}

function decodeJson(stored: Uint8Array, what: string, sealer: Sealer): Fields {
  const plain = sealer.open(withoutChecksum(stored, what));
  const value: unknown = JSON.parse(Buffer.from(plain).toString());
  if (typeof value !== "object" || value === null) throw new AppError("corrupt", `A ${what} is no object`);
  return Object.fromEntries(Object.entries(value));
}

function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw new AppError("corrupt", `Field ${name} is no text`);
  return value;
}

function integer(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw new AppError("corrupt", `Field ${name} is no index`);
  }
  return value;
}

function unknownFormat(what: string, format: unknown): AppError {
  return new AppError("unsupported", `The ${what} has format ${String(format)}, this program knows ${FORMAT}`, {
    next: "start the version of shoal that wrote this data directory",
  });
}
