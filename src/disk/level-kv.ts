/**
 * The one door to `level`: ordered stores below one data directory. LevelDB's own errors become
 * AppErrors that say which directory is meant and what to do. Nothing is ever repaired here:
 * LevelDB's repair may bring deleted records back (reference: raft.md 7).
 */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { Level } from "level";
import { AppError } from "../util/errors.ts";
import type { Kv, KvEntry, KvFactory, KvOp, KvRange } from "../util/kv.ts";

const MIB = 1024 * 1024;

export type LevelTuning = {
  /** Snappy. Off where values are small or written once and read once. */
  readonly compression: boolean;
  /** Bytes in memory before LevelDB writes a table; two such buffers may exist. */
  readonly writeBufferSize: number;
};

/**
 * For an append-mostly log: a larger buffer means fewer tables that a prefix deletion has to visit
 * and fewer rotations, which are where LevelDB stalls.
 */
export const LOG_TUNING: LevelTuning = { compression: false, writeBufferSize: 8 * MIB };
export const DEFAULT_TUNING: LevelTuning = { compression: true, writeBufferSize: 4 * MIB };

/** The stores of a data directory that differ from the default. */
const TUNINGS: Readonly<Record<string, LevelTuning>> = { "raft-log": LOG_TUNING };

/** A range is read in pages; LevelDB hands out at most this many bytes at once within one. */
const ITERATOR_BYTES = MIB;

type ByteLevel = Level<Uint8Array, Uint8Array>;

export class LevelKvFactory implements KvFactory {
  readonly #dataDir: string;
  readonly #tunings: ReadonlyMap<string, LevelTuning>;

  /** @param tunings by store name, over the built-in ones. */
  constructor(dataDir: string, tunings: Readonly<Record<string, LevelTuning>> = {}) {
    this.#dataDir = dataDir;
    this.#tunings = new Map(Object.entries({ ...TUNINGS, ...tunings }));
  }

  async open(name: string): Promise<Kv> {
    const directory = join(this.#dataDir, name);
    const tuning = this.#tunings.get(name) ?? DEFAULT_TUNING;
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await refuseHeadless(directory);
      const level: ByteLevel = new Level<Uint8Array, Uint8Array>(directory, {
        ...tuning,
        keyEncoding: "view",
        valueEncoding: "view",
      });
      await level.open();
      return new LevelKv(level, directory);
    } catch (error) {
      throw explain(error, directory, "open");
    }
  }
}

/**
 * Without CURRENT, the name of the file that lists all others, LevelDB makes a new store in their
 * place and deletes them. A store that was never finished has no data files yet.
 */
async function refuseHeadless(directory: string): Promise<void> {
  const names = await readdir(directory);
  const data = names.find((name) => /^\d+\.(?:ldb|sst|log)$/.test(name));
  if (data !== undefined && !names.includes("CURRENT"))
    throw new Error(`Corruption: CURRENT is missing beside ${data}`);
}

export class LevelKv implements Kv {
  readonly #level: ByteLevel;
  readonly #directory: string;

  constructor(level: ByteLevel, directory: string) {
    this.#level = level;
    this.#directory = directory;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    try {
      return await this.#level.get(key);
    } catch (error) {
      throw explain(error, this.#directory, "read");
    }
  }

  async batch(ops: readonly KvOp[], { sync }: { readonly sync: boolean }): Promise<void> {
    try {
      await this.#level.batch(ops.map(toLevelOp), { sync });
    } catch (error) {
      throw explain(error, this.#directory, "write");
    }
  }

  async range({ gte, lt, limit, reverse = false }: KvRange): Promise<KvEntry[]> {
    const iterator = this.#level.iterator({ gte, lt, limit, reverse, highWaterMarkBytes: ITERATOR_BYTES });
    try {
      const entries = await iterator.all();
      return entries.map(([key, value]) => ({ key, value }));
    } catch (error) {
      throw explain(error, this.#directory, "read");
    } finally {
      await iterator.close();
    }
  }

  async close(): Promise<void> {
    try {
      await this.#level.close();
    } catch (error) {
      throw explain(error, this.#directory, "close");
    }
  }
}

function toLevelOp(op: KvOp): { type: "put"; key: Uint8Array; value: Uint8Array } | { type: "del"; key: Uint8Array } {
  return op.kind === "put" ? { type: "put", key: op.key, value: op.value } : { type: "del", key: op.key };
}

/** Codes as LevelDB and the system give them, wherever in the chain of causes they sit. */
function explain(error: unknown, directory: string, attempt: "open" | "read" | "write" | "close"): AppError {
  const codes = new Set(causeCodes(error));
  const message = `Cannot ${attempt} ${directory}`;
  const detail = error instanceof Error ? innermostMessage(error) : String(error);
  if (codes.has("LEVEL_LOCKED")) {
    return new AppError(
      "unavailable",
      `${message}: another process uses it`,
      {
        path: directory,
        next: "stop the other shoal daemon of this data directory, or give this one its own with --data-dir",
      },
      error,
    );
  }
  if (codes.has("LEVEL_CORRUPTION")) {
    return new AppError(
      "corrupt",
      `${message}: LevelDB finds it corrupted (${detail})`,
      {
        path: directory,
        next: "wipe this data directory and rejoin: shoal node rm, shoal join",
      },
      error,
    );
  }
  if (codes.has("ENOSPC")) {
    return new AppError(
      "exhausted",
      `${message}: no space left on the device`,
      {
        path: directory,
        next: "free disk space and start the daemon again",
      },
      error,
    );
  }
  if (codes.has("EACCES") || codes.has("EROFS") || codes.has("EPERM")) {
    return new AppError(
      "precondition",
      `${message}: permission denied`,
      {
        path: directory,
        next: "run the daemon as a user that may write there, or give it another --data-dir",
      },
      error,
    );
  }
  return new AppError("unavailable", `${message}: ${detail}`, { path: directory }, error);
}

/** LevelDB wraps: `LEVEL_DATABASE_NOT_OPEN` outside, the reason inside; ENOSPC only in the text. */
function causeCodes(error: unknown): string[] {
  const codes: string[] = [];
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if ("code" in at && typeof at.code === "string") codes.push(at.code);
    if (/no space left/i.test(at.message)) codes.push("ENOSPC");
    if (/permission denied/i.test(at.message)) codes.push("EACCES");
    if (/^Corruption:/i.test(at.message)) codes.push("LEVEL_CORRUPTION");
    // The directory is made before LevelDB sees it: what it misses is a file of its own.
    if (/^IO error: .*No such file/i.test(at.message)) codes.push("LEVEL_CORRUPTION");
    // A file that ends before what others say is in it.
    if (/^IO error: .*Invalid argument/i.test(at.message)) codes.push("LEVEL_CORRUPTION");
  }
  return codes;
}

function innermostMessage(error: Error): string {
  let at = error;
  for (let depth = 0; depth < 8 && at.cause instanceof Error; depth++) at = at.cause;
  return at.message;
}
