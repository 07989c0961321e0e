/**
 * Reading the log back: every checksum, the chain, contiguity, and that the log ends where the hard
 * state says. LevelDB skips damaged records silently, so holes are as likely as flipped bits. What
 * does not add up is refused with its place and the way out; nothing is ever guessed or repaired.
 */
import type { Entry, HardState } from "../../raft/types.ts";
import { AppError } from "../../util/errors.ts";
import type { PromptKv } from "../../util/kv.ts";
import { CHAIN_START, decodeRecord } from "./entry-codec.ts";
import {
  FIRST_KEY,
  HARD_STATE_KEY,
  RECORDS_END,
  SNAPSHOT_KEY,
  decodeCompactionPoint,
  decodeHardState,
  decodeManifest,
  recordKey,
  type CompactionPoint,
  type SnapshotManifest,
  type StoredHardState,
} from "./log-records.ts";
import type { RecordSpan } from "./log-storage.ts";
import type { Sealer } from "./sealer.ts";

/** A record can be megabytes: few a page. */
const RECORDS_PER_PAGE = 64;

export const REJOIN_HINT = "wipe this data directory and rejoin: shoal node rm, shoal join";

type Source = { readonly kv: PromptKv; readonly sealer: Sealer; readonly location: string };

export type VerifiedLog = {
  readonly writes: number;
  readonly hardState: HardState | null;
  readonly snapshot: SnapshotManifest | null;
  readonly point: CompactionPoint;
  readonly entries: Entry[];
  readonly records: RecordSpan[];
  readonly chains: number[];
};

/**
 * @param writesMin how many writes the store is known to have acknowledged
 * @throws AppError `corrupt`
 */
export async function loadLog(source: Source, { writesMin }: { writesMin: number }): Promise<VerifiedLog> {
  const [hardState, first, snapshot] = await readAll(source.kv, [HARD_STATE_KEY, FIRST_KEY, SNAPSHOT_KEY]);
  const reader = new LogReader(source, { hardState, first, snapshot });
  await readRecords(source, reader.firstIndex, (bytes, firstIndex) => reader.add(bytes, firstIndex));
  return reader.finish({ writesMin });
}

export async function readAll(kv: PromptKv, keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
  const values: (Uint8Array | undefined)[] = [];
  for (const key of keys) values.push(await kv.get(key));
  return values;
}

export async function readRecords(
  { kv }: Source,
  firstIndex: number,
  onRecord: (bytes: Uint8Array, firstIndex: number) => void,
): Promise<void> {
  // Never from the very beginning: the tombstones of compacted records are slow to step over.
  let from = recordKey(firstIndex);
  for (;;) {
    const page = await kv.range({ gte: from, lt: RECORDS_END, limit: RECORDS_PER_PAGE });
    for (const { key, value } of page) onRecord(value, indexOfKey(key));
    const last = page.at(-1);
    if (last === undefined || page.length < RECORDS_PER_PAGE) return;
    from = recordKey(indexOfKey(last.key) + 1);
  }
}

function indexOfKey(key: Uint8Array): number {
  return Number(Buffer.from(key.buffer, key.byteOffset, key.byteLength).readBigUInt64BE(key.byteLength - 8));
}

/** The rare keys as they are stored; undefined where there is none. */
export type StoredHead = Readonly<Record<"hardState" | "first" | "snapshot", Uint8Array | undefined>>;

/** Verifies what a store holds, record by record; knows nothing of where the bytes come from. */
export class LogReader {
  readonly #sealer: Sealer;
  readonly #location: string;
  readonly #hardState: StoredHardState | null;
  readonly #snapshot: SnapshotManifest | null;
  readonly #point: CompactionPoint;
  readonly #entries: Entry[] = [];
  readonly #records: RecordSpan[] = [];
  readonly #chains: number[] = [];

  /** @throws AppError `corrupt`, as everything here */
  constructor({ sealer, location }: Pick<Source, "sealer" | "location">, stored: StoredHead) {
    const read = <T>(bytes: Uint8Array | undefined, decode: (bytes: Uint8Array, sealer: Sealer) => T): T | null =>
      bytes === undefined ? null : named(location, null, () => decode(bytes, sealer));
    this.#sealer = sealer;
    this.#location = location;
    this.#hardState = read(stored.hardState, decodeHardState);
    this.#point = read(stored.first, decodeCompactionPoint) ?? { index: 0, term: 0, chain: CHAIN_START };
    this.#snapshot = read(stored.snapshot, decodeManifest);
    if (this.#point.index > (this.#snapshot?.meta.index ?? 0)) {
      throw corruptAt(location, this.#point.index, "the snapshot that the log was compacted for is missing");
    }
  }

  /** What was read, sound as far as it goes; `finish` says whether it is all of it. */
  get soFar(): Pick<VerifiedLog, "snapshot" | "point" | "entries"> & { readonly hardState: StoredHardState | null } {
    return { hardState: this.#hardState, snapshot: this.#snapshot, point: this.#point, entries: this.#entries };
  }

  /** Where the log begins: records before it are leftovers of a compaction. */
  get firstIndex(): number {
    return this.#point.index + 1;
  }

  get #lastIndex(): number {
    return this.#point.index + this.#entries.length;
  }

  /** In the order of `firstIndex`. */
  add(bytes: Uint8Array, firstIndex: number): void {
    const { entries, chainBefore, chains } = named(this.#location, firstIndex, () => decodeRecord(bytes, this.#sealer));
    const first = entries[0];
    const last = entries.at(-1);
    if (first === undefined || last === undefined || first.index !== firstIndex) {
      throw corruptAt(this.#location, firstIndex, "a record is not where it belongs");
    }
    if (first.index > this.#lastIndex + 1) {
      throw corruptAt(this.#location, this.#lastIndex + 1, `entries up to ${first.index - 1} are missing`);
    }
    // A record written later replaces what it overlaps.
    this.#entries.length = first.index - this.#point.index - 1;
    this.#chains.length = this.#entries.length;
    if (chainBefore !== (this.#chains.at(-1) ?? this.#point.chain)) {
      throw corruptAt(this.#location, first.index, "it does not follow the entry before it");
    }
    for (const entry of entries) this.#entries.push(entry);
    for (const chain of chains) this.#chains.push(chain);
    this.#records.push({ first: first.index, last: last.index, lastTerm: last.term });
  }

  /** @param writesMin how many writes the store is known to have acknowledged */
  finish({ writesMin }: { writesMin: number }): VerifiedLog {
    const hardState = this.#hardState;
    this.#checkEnd(hardState);
    const writes = hardState?.writes ?? 0;
    if (writes < writesMin) {
      const at = (hardState?.lastIndex ?? 0) + 1;
      const lost = writesMin - writes;
      const why = `the last ${lost} or more of its writes are gone, LevelDB dropped them as damaged`;
      throw corruptAt(this.#location, at, why);
    }
    return {
      writes,
      hardState,
      snapshot: this.#snapshot,
      point: this.#point,
      entries: this.#entries,
      records: this.#records,
      chains: this.#chains,
    };
  }

  #checkEnd(hardState: StoredHardState | null): void {
    const lastIndex = this.#lastIndex;
    if (hardState === null) {
      if (lastIndex > 0) throw corruptAt(this.#location, lastIndex, "the hard state is missing");
      return;
    }
    if (hardState.lastIndex !== lastIndex) {
      const at = Math.min(hardState.lastIndex, lastIndex) + 1;
      throw corruptAt(this.#location, at, `the log ends at ${lastIndex}, it was written up to ${hardState.lastIndex}`);
    }
    if (hardState.commit > lastIndex) {
      throw corruptAt(this.#location, lastIndex + 1, `committed entries up to ${hardState.commit} are missing`);
    }
    if (hardState.chain !== (this.#chains.at(-1) ?? this.#point.chain)) {
      throw corruptAt(this.#location, lastIndex, "the hard state belongs to another log");
    }
  }
}

/** Runs a decoder; what it throws gets the place and the way out. */
export function named<T>(location: string, index: number | null, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof AppError && error.code === "unsupported") throw error;
    throw corruptAt(location, index, error instanceof Error ? error.message : String(error), error);
  }
}

export function corruptAt(location: string, index: number | null, why: string, cause?: unknown): AppError {
  const place = index === null ? "" : ` at index ${index}`;
  const details = { path: location, next: REJOIN_HINT, ...(index === null ? {} : { index: String(index) }) };
  return new AppError("corrupt", `The Raft log in ${location} is corrupted${place}: ${why}`, details, cause);
}
