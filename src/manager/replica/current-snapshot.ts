/**
 * Which snapshot of this replica counts: when a new one is due, and how one that is durable in its
 * slot becomes the one. Order of durability, either way: chunks first, each synced; then the
 * manifest in the log store, which makes the slot count; then the log is cut. Who moves the bodies
 * (snapshotter.ts) waits; here nothing does.
 */
import type { MemberId } from "../../raft/types.ts";
import type { Restore } from "../../store/types.ts";
import type { AppliedPosition } from "./applier.ts";
import type { Driver } from "./driver.ts";
import type { SnapshotManifest } from "./log-records.ts";
import { SNAPSHOT_CHUNK_BYTES } from "./snapshot-store.ts";

export type SnapshotOptions = {
  /** A snapshot is taken after so many applied entries, once it is worth its cost: see `isDue`. */
  readonly everyEntries: number;
  /** Whatever it costs, after so many: they are in memory, and what a start applies again. */
  readonly entriesMax: number;
  readonly bytesMax: number;
  /** What stays in the log behind it, for followers that lag: entries, and bytes of them. */
  readonly trailingEntries: number;
  readonly trailingBytes: number;
  /** A body's unit on disk and on the wire. */
  readonly chunkBytes: number;
};

const MIB = 1024 * 1024;

export const DEFAULT_SNAPSHOT_OPTIONS: SnapshotOptions = {
  everyEntries: 10_000,
  entriesMax: 50_000,
  bytesMax: 32 * MIB,
  trailingEntries: 5_000,
  trailingBytes: 8 * MIB,
  chunkBytes: SNAPSHOT_CHUNK_BYTES,
};

/**
 * A snapshot is worth its cost when the log behind it is so many times its size (thesis 5.1.3): then
 * writing snapshots adds a quarter to what is written anyway, however large the state is. Taken
 * every 10,000 writes of 1 KiB, they were a third of a follower's work.
 */
const WORTH_FACTOR = 4;

/** A body pulled whole, verified and read. */
export type Pulled = { readonly manifest: SnapshotManifest; readonly restore: Restore; readonly from: MemberId };

export class CurrentSnapshot {
  readonly #driver: Driver;
  readonly #options: SnapshotOptions;
  #manifest: SnapshotManifest | null;
  /** Where the last snapshot was begun: index and applied bytes. */
  #lastIndex: number;
  #lastBytes = 0;

  constructor(driver: Driver, { manifest, options }: { manifest: SnapshotManifest | null; options: SnapshotOptions }) {
    this.#driver = driver;
    this.#options = options;
    this.#manifest = manifest;
    this.#lastIndex = manifest?.meta.index ?? 0;
  }

  /** As on disk: its slot must stay. */
  get manifest(): SnapshotManifest | null {
    return this.#manifest;
  }

  /** Enough was applied since the last one was begun. */
  get isDue(): boolean {
    const { applier } = this.#driver;
    const { everyEntries, entriesMax, bytesMax } = this.#options;
    const entries = applier.index - this.#lastIndex;
    const bytes = applier.bytes - this.#lastBytes;
    if (entries >= entriesMax || bytes >= bytesMax) return true;
    return entries >= everyEntries && bytes >= WORTH_FACTOR * (this.#manifest?.meta.sizeBytes ?? 0);
  }

  /** The state as of exactly this position: the iterator is taken in this turn. */
  begin(): { readonly body: Iterator<Uint8Array>; readonly position: AppliedPosition } {
    const { applier, stateMachine } = this.#driver;
    this.#lastIndex = applier.index;
    this.#lastBytes = applier.bytes;
    return { body: stateMachine.snapshot(), position: applier.position };
  }

  /**
   * One of our own, its chunks durable, becomes the one that counts; then `done`. The manifest goes
   * through the flusher, behind all entries handed out before: a snapshot must not be ahead of the
   * log on the same disk, or a crash would leave one that contradicts its term.
   * @param isGivenUp a pulled one replaces it in a moment; until then its slot is the one that counts on disk.
   */
  take(manifest: SnapshotManifest, isGivenUp: () => boolean, done: () => void): void {
    const { flusher } = this.#driver;
    flusher.addWrite(
      (storage, written) => storage.saveSnapshot(manifest, written),
      () => {
        this.#manifest = manifest;
        if (!isGivenUp()) this.#taken(manifest);
        done();
      },
    );
    flusher.kick();
  }

  #taken(manifest: SnapshotManifest): void {
    const { core, applier, storage, metrics, log } = this.#driver;
    const { trailingEntries, trailingBytes } = this.#options;
    const { meta } = manifest;
    metrics.snapshotsTaken += 1;
    const behind = Math.max(meta.index - trailingEntries, applier.indexBehind(trailingBytes), 0);
    this.#driver.step({ type: "snapshot-taken", meta, compactTo: Math.min(behind, meta.index) });
    storage.compactTo(core.firstIndex - 1);
    applier.forgetMarks(core.firstIndex);
    log.info("snapshot taken", { index: meta.index, sizeBytes: meta.sizeBytes });
    this.#driver.finishTurn();
  }

  /**
   * A pulled one replaces log and state, unless it is old news by now. `done` when it is durable and
   * loaded. @returns whether it does
   */
  install({ manifest, restore, from }: Pulled, done: () => void): boolean {
    const { core, flusher } = this.#driver;
    const { meta } = manifest;
    if (!core.beginInstall(meta)) {
      this.#driver.step({ type: "snapshot-failed", from, index: meta.index });
      this.#driver.finishTurn();
      return false;
    }
    flusher.addWrite(
      (storage, written) => storage.installSnapshot(manifest, { ...flusher.hardState, commit: meta.index }, written),
      () => {
        this.#installed(manifest, restore);
        done();
      },
    );
    flusher.kick();
    return true;
  }

  /** Durable: the state machine and the core follow in one synchronous section. */
  #installed(manifest: SnapshotManifest, restore: Restore): void {
    const { applier, metrics, log } = this.#driver;
    const { meta } = manifest;
    restore.replace();
    applier.reset({ index: meta.index, term: meta.term, config: meta.config });
    this.#manifest = manifest;
    this.#lastIndex = meta.index;
    this.#lastBytes = applier.bytes;
    metrics.snapshotsInstalled += 1;
    this.#driver.step({ type: "snapshot-installed", meta });
    log.info("snapshot installed", { index: meta.index, sizeBytes: meta.sizeBytes });
    this.#driver.finishTurn();
  }
}
