/**
 * Snapshots of this replica: built from its own state machine in short slices, or pulled from the
 * leader and installed. Order of durability, either way: chunks first, each synced; then the
 * manifest in the log store, which makes the slot count; then the log is cut.
 */
import type { Dialer } from "../../proto/rpc.ts";
import type { Config, MemberId, SnapshotMeta } from "../../raft/types.ts";
import type { Restore } from "../../store/types.ts";
import { AppError, isAppError } from "../../util/errors.ts";
import { Scope } from "../../util/scope.ts";
import type { AppliedPosition } from "./applier.ts";
import type { Driver } from "./driver.ts";
import type { SnapshotManifest } from "./log-records.ts";
import { slice, yielded } from "./slices.ts";
import { SNAPSHOT_CHUNK_BYTES, type SnapshotStore } from "./snapshot-store.ts";
import { SnapshotPull } from "./snapshot-transfer.ts";

export type SnapshotOptions = {
  /** A snapshot is taken after so many applied entries, or so many bytes of them. */
  readonly everyEntries: number;
  readonly everyBytes: number;
  /** What stays in the log behind it, for followers that lag: entries, and bytes of them. */
  readonly trailingEntries: number;
  readonly trailingBytes: number;
  /** A body's unit on disk and on the wire. */
  readonly chunkBytes: number;
};

const MIB = 1024 * 1024;

export const DEFAULT_SNAPSHOT_OPTIONS: SnapshotOptions = {
  everyEntries: 10_000,
  everyBytes: 32 * MIB,
  trailingEntries: 5_000,
  trailingBytes: 16 * MIB,
  chunkBytes: SNAPSHOT_CHUNK_BYTES,
};

type Pulling = { readonly pull: SnapshotPull; readonly from: MemberId; readonly aborter: AbortController };

export class Snapshotter {
  readonly #driver: Driver;
  readonly #dialer: Dialer;
  readonly #store: SnapshotStore;
  readonly #options: SnapshotOptions;
  readonly #scope: Scope;
  #manifest: SnapshotManifest | null;
  /** Where the last snapshot was begun: index and applied bytes. */
  #lastIndex: number;
  #lastBytes = 0;
  #building: AbortController | null = null;
  #pulling: Pulling | null = null;
  /** A pull that failed, for its chunks: the same snapshot is likely to be offered again. */
  #broken: SnapshotPull | null = null;

  constructor(
    deps: { driver: Driver; dialer: Dialer; store: SnapshotStore },
    { manifest, options }: { manifest: SnapshotManifest | null; options: SnapshotOptions },
  ) {
    this.#driver = deps.driver;
    this.#dialer = deps.dialer;
    this.#store = deps.store;
    this.#options = options;
    this.#manifest = manifest;
    this.#lastIndex = manifest?.meta.index ?? 0;
    this.#scope = new Scope((name, error) =>
      this.#driver.fatal(new Error(`Snapshot task ${name} failed`, { cause: error })),
    );
  }

  get manifest(): SnapshotManifest | null {
    return this.#manifest;
  }

  async close(): Promise<void> {
    this.#building?.abort();
    this.#pulling?.aborter.abort();
    await this.#scope.close();
  }

  // Building

  /** After applying: begins a snapshot when enough has been applied since the last. */
  maybeBuild(): void {
    const { applier } = this.#driver;
    const isDue =
      applier.index - this.#lastIndex >= this.#options.everyEntries ||
      applier.bytes - this.#lastBytes >= this.#options.everyBytes;
    if (!isDue || this.#building !== null || this.#scope.isClosed) return;
    const aborter = new AbortController();
    this.#building = aborter;
    this.#lastIndex = applier.index;
    this.#lastBytes = applier.bytes;
    // The iterator is taken in this turn: it is the state as of exactly this position.
    const body = this.#driver.stateMachine.snapshot();
    const { position } = applier;
    this.#scope.spawn("build", () => this.#build(body, position, aborter));
  }

  async #build(body: Iterator<Uint8Array>, position: AppliedPosition, aborter: AbortController): Promise<void> {
    const writer = this.#store.create();
    try {
      for (let isDone = false; !isDone;) {
        slice(this.#driver.env, () => {
          const next = body.next();
          if (next.done === true) isDone = true;
          else writer.add(next.value);
          return !isDone && !writer.isChunkReady;
        });
        if (writer.isChunkReady) await writer.flush();
        await yielded(this.#driver.env);
        if (aborter.signal.aborted) return;
      }
      const { sizeBytes, hash, chunks } = await writer.finish();
      if (aborter.signal.aborted) return;
      const { index, term, config } = position;
      const manifest = { meta: { index, term, config, sizeBytes, hash }, slot: writer.slot, chunks };
      await this.#switchTo(manifest);
      // A pulled one replaces it on disk in a moment: until then this slot is the one that counts there.
      if (aborter.signal.aborted) return;
      this.#taken(manifest);
    } finally {
      writer.close();
      if (this.#building === aborter) this.#building = null;
    }
    await this.#collect();
  }

  /**
   * The manifest goes through the flusher, behind all entries handed out before: a snapshot must
   * not be ahead of the log on the same disk, or a crash would leave one that contradicts its term.
   */
  #switchTo(manifest: SnapshotManifest): Promise<void> {
    return new Promise<void>((resolve) => {
      const { flusher } = this.#driver;
      flusher.addWrite((storage, done) => storage.saveSnapshot(manifest, done), resolve);
      flusher.kick();
    });
  }

  #taken(manifest: SnapshotManifest): void {
    const { core, applier, storage, metrics, log } = this.#driver;
    const { trailingEntries, trailingBytes } = this.#options;
    const { meta } = manifest;
    this.#manifest = manifest;
    metrics.snapshotsTaken += 1;
    const behind = Math.max(meta.index - trailingEntries, applier.indexBehind(trailingBytes), 0);
    this.#driver.step({ type: "snapshot-taken", meta, compactTo: Math.min(behind, meta.index) });
    storage.compactTo(core.firstIndex - 1);
    applier.forgetMarks(core.firstIndex);
    log.info("snapshot taken", { index: meta.index, sizeBytes: meta.sizeBytes });
    this.#driver.finishTurn();
  }

  // Pulling

  /** A later order replaces an earlier one. */
  fetch(from: MemberId, meta: SnapshotMeta, config: Config): void {
    if (this.#scope.isClosed) return;
    this.#pulling?.aborter.abort();
    this.#pulling = null;
    const address = addressOf(from, config) ?? addressOf(from, meta.config);
    if (address === null) {
      this.#failed(from, meta, new AppError("unavailable", `The address of ${from} is not known`));
      return;
    }
    const pulling: Pulling = { pull: this.#resumable(meta), from, aborter: new AbortController() };
    this.#pulling = pulling;
    this.#scope.spawn("pull", () => this.#pull(pulling, address));
  }

  #resumable(meta: SnapshotMeta): SnapshotPull {
    const broken = this.#broken;
    this.#broken = null;
    if (broken !== null && isSameSnapshot(broken.meta, meta)) return broken;
    if (broken !== null) this.#scope.spawn("discard", () => this.#discard(broken));
    return new SnapshotPull({ env: this.#driver.env, dialer: this.#dialer, store: this.#store }, meta);
  }

  async #pull(pulling: Pulling, address: string): Promise<void> {
    const { pull, from, aborter } = pulling;
    let manifest: SnapshotManifest;
    try {
      manifest = await pull.run({ address, nodeId: from }, aborter.signal);
    } catch (error) {
      const isCurrent = this.#pulling === pulling;
      if (isCurrent) this.#pulling = null;
      if (isAppError(error, "corrupt") || this.#broken !== null) await this.#discard(pull);
      else this.#broken = pull;
      if (isCurrent && !this.#scope.isClosed) this.#failed(from, pull.meta, error);
      return;
    }
    const restore = this.#driver.stateMachine.beginRestore(manifest.meta.index);
    try {
      // Read back: what was verified is what the disk holds. And read to the end before anything is
      // replaced: a body that this version cannot read stops it while the log is still whole.
      await this.#store.restore(manifest, restore, aborter.signal);
    } catch (error) {
      this.#driver.fatal(AppError.from(error));
      return;
    }
    if (this.#pulling !== pulling || this.#scope.isClosed) {
      await this.#discard(pull);
      return;
    }
    this.#pulling = null;
    this.#install(pull, manifest, { restore, from });
  }

  /** What was pulled of it goes from the disk. */
  async #discard(pull: SnapshotPull): Promise<void> {
    pull.close();
    await this.#collect();
  }

  #failed(from: MemberId, meta: SnapshotMeta, error: unknown): void {
    this.#driver.log.warn("snapshot not pulled", { from, index: meta.index, error });
    this.#driver.metrics.snapshotsFailed += 1;
    // Not within the step that ordered it.
    this.#driver.env.defer(() => {
      if (this.#scope.isClosed) return;
      this.#driver.step({ type: "snapshot-failed", from, index: meta.index });
      this.#driver.finishTurn();
    });
  }

  #install(
    pull: SnapshotPull,
    manifest: SnapshotManifest,
    { restore, from }: { restore: Restore; from: MemberId },
  ): void {
    const { core, flusher } = this.#driver;
    const { meta } = manifest;
    if (!core.beginInstall(meta)) {
      this.#scope.spawn("discard", () => this.#discard(pull));
      this.#driver.step({ type: "snapshot-failed", from, index: meta.index });
      this.#driver.finishTurn();
      return;
    }
    this.#building?.abort();
    flusher.addWrite(
      (storage, done) => storage.installSnapshot(manifest, { ...flusher.hardState, commit: meta.index }, done),
      () => {
        pull.close();
        this.#installed(manifest, restore);
      },
    );
    flusher.kick();
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
    this.#scope.spawn("collect", () => this.#collect());
    this.#driver.finishTurn();
  }

  async #collect(): Promise<void> {
    await this.#store.collect(() => this.#manifest?.slot ?? null);
  }
}

/** Another leader's is as good if it is the same to the byte. */
function isSameSnapshot(a: SnapshotMeta, b: SnapshotMeta): boolean {
  return a.index === b.index && a.term === b.term && a.hash === b.hash && a.sizeBytes === b.sizeBytes;
}

function addressOf(id: MemberId, config: Config): string | null {
  return config.members.find((member) => member.id === id)?.address ?? null;
}
