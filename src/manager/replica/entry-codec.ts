/**
 * Log entries as they are stored. One flush writes one record of contiguous entries:
 *
 * ```
 * sealed( version u8 | first index varint | count varint | chain before u32
 *         count x ( term varint | kind u8 | crc32(payload) u32 | chain u32 | length varint | payload ) )
 * | crc32 of the sealed bytes u32
 * ```
 *
 * The chain `c_i = crc32(term, kind, crc32(payload); seed c_{i-1})` covers the plaintext, so that
 * replicas can be compared; the trailing checksum covers the stored bytes, so that rot is seen even
 * when they are encrypted one day. Checksums find accidents, not attackers.
 */
import { crc32 } from "node:zlib";
import type { Entry, EntryKind } from "../../raft/types.ts";
import { AppError } from "../../util/errors.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import type { Sealer } from "./sealer.ts";

const RECORD_VERSION = 1;
/** Header fields of one entry, rounded up: sizes the buffer once. */
const ENTRY_HEADER_BYTES = 24;

const KIND_TO_CODE: Readonly<Record<EntryKind, number>> = { normal: 1, noop: 2, config: 3 };
const CODE_TO_KIND: Readonly<Record<number, EntryKind>> = { 1: "normal", 2: "noop", 3: "config" };

/** Chain value of an empty log. */
export const CHAIN_START = 0;

export type DecodedRecord = {
  readonly entries: readonly Entry[];
  readonly chainBefore: number;
  /** The chain after each of `entries`. */
  readonly chains: readonly number[];
};

export function kindCode(kind: EntryKind): number {
  return KIND_TO_CODE[kind];
}

export function kindOf(code: number): EntryKind | undefined {
  return CODE_TO_KIND[code];
}

/** Not corruption: records and frames are checked before. A newer program wrote it. */
export function unknownEntryKind(index: number, code: number): AppError {
  return new AppError("unsupported", `Log entry ${index} is of kind ${code}, which this program does not know`, {
    index: String(index),
    next: "start the newer version of shoal again",
  });
}

const chainScratch = Buffer.alloc(13);

/** The chain after an entry. Synchronous and not reentrant: it uses one scratch buffer. */
export function chainAfter(before: number, { term, kind }: Pick<Entry, "term" | "kind">, payloadCrc: number): number {
  chainScratch.writeUInt32BE(Math.floor(term / 0x1_0000_0000), 0);
  chainScratch.writeUInt32BE(term % 0x1_0000_0000, 4);
  chainScratch[8] = KIND_TO_CODE[kind];
  chainScratch.writeUInt32BE(payloadCrc, 9);
  return crc32(chainScratch, before);
}

/** @returns the record to store, and the chain after each entry. `entries` is not empty. */
export function encodeRecord(
  entries: readonly Entry[],
  chainBefore: number,
  sealer: Sealer,
): { readonly record: Uint8Array; readonly chains: readonly number[] } {
  let size = ENTRY_HEADER_BYTES;
  for (const entry of entries) size += ENTRY_HEADER_BYTES + entry.payload.byteLength;
  const writer = new ByteWriter(size);
  writer.u8(RECORD_VERSION);
  writer.varint(entries[0]?.index ?? 0);
  writer.varint(entries.length);
  writer.u32(chainBefore);
  let chain = chainBefore;
  const chains: number[] = [];
  for (const entry of entries) {
    const payloadCrc = crc32(entry.payload);
    chain = chainAfter(chain, entry, payloadCrc);
    chains.push(chain);
    writer.varint(entry.term);
    writer.u8(KIND_TO_CODE[entry.kind]);
    writer.u32(payloadCrc);
    writer.u32(chain);
    writer.bytes(entry.payload);
  }
  return { record: withChecksum(sealer.seal(writer.finish())), chains };
}

/**
 * Verifies everything the record itself can tell; whether it follows its predecessor is the
 * caller's to check by `chainBefore`.
 * @throws AppError `corrupt` naming the entry.
 */
export function decodeRecord(stored: Uint8Array, sealer: Sealer): DecodedRecord {
  const reader = new ByteReader(sealer.open(withoutChecksum(stored, "log record")), "log record");
  try {
    const version = reader.u8();
    if (version !== RECORD_VERSION)
      throw corrupt(`Log record has version ${version}, this program reads ${RECORD_VERSION}`);
    const first = reader.varint();
    const count = reader.varint();
    const chainBefore = reader.u32();
    const entries: Entry[] = [];
    const chains: number[] = [];
    let chain = chainBefore;
    for (let index = first; index < first + count; index++) {
      const entry = decodeEntry(reader, index, chain);
      chain = entry.chain;
      entries.push(entry.entry);
      chains.push(chain);
    }
    reader.end();
    return { entries, chainBefore, chains };
  } catch (error) {
    if (error instanceof AppError && error.code === "invalid") throw corrupt(error.message, error);
    throw error;
  }
}

function decodeEntry(reader: ByteReader, index: number, chainBefore: number): { entry: Entry; chain: number } {
  const term = reader.varint();
  const code = reader.u8();
  const kind = kindOf(code);
  const payloadCrc = reader.u32();
  const chain = reader.u32();
  const payload = reader.bytes();
  if (kind === undefined) throw unknownEntryKind(index, code);
  const entry: Entry = { index, term, kind, payload };
  if (crc32(payload) !== payloadCrc) throw corrupt(`Log entry ${index} fails its checksum`);
  if (chainAfter(chainBefore, entry, payloadCrc) !== chain)
    throw corrupt(`Log entry ${index} breaks the checksum chain`);
  return { entry, chain };
}

/** Appends the checksum of the stored bytes. Also for records that are not log entries. */
export function withChecksum(sealed: Uint8Array): Uint8Array {
  const stored = Buffer.allocUnsafe(sealed.byteLength + 4);
  stored.set(sealed, 0);
  stored.writeUInt32BE(crc32(sealed), sealed.byteLength);
  return stored;
}

/** @param what is named in the error. @throws AppError `corrupt` */
export function withoutChecksum(stored: Uint8Array, what: string): Uint8Array {
  if (stored.byteLength < 4) throw corrupt(`A ${what} is cut short`);
  const sealed = stored.subarray(0, stored.byteLength - 4);
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  if (view.getUint32(stored.byteLength - 4) !== crc32(sealed)) throw corrupt(`A ${what} fails its checksum`);
  return sealed;
}

function corrupt(message: string, cause?: unknown): AppError {
  return new AppError("corrupt", message, {}, cause);
}
