/**
 * Moves the bodies of snapshots: built from this replica's own state machine in short slices, or
 * pulled from the leader. What a durable body then does to log and state: current-snapshot.ts.
 */
import type { Dialer } from "../../proto/rpc.ts";
import type { Config, MemberId, SnapshotMeta } from "../../raft/types.ts";
import { AppError, isAppError } from "../../util/errors.ts";
import { Scope } from "../../util/scope.ts";
import type { AppliedPosition } from "./applier.ts";
import { CurrentSnapshot, type Pulled, type SnapshotOptions } from "./current-snapshot.ts";
import type { Driver } from "./driver.ts";
import type { SnapshotManifest } from "./log-records.ts";
import { slice, yielded } from "./slices.ts";
import type { SnapshotStore } from "./snapshot-store.ts";
import { SnapshotPull } from "./snapshot-transfer.ts";
import type { SnapshotMover } from "./turns.ts";

export type SnapshotterDeps = {
  readonly driver: Driver;
  readonly dialer: Dialer;
  readonly store: SnapshotStore;
  /** Where a leader that joined after the snapshot, and after all that is known here, says it is. */
  readonly heardAddress: (peer: MemberId) => string | null;
  readonly settle?: ((index: number) => Promise<void>) | undefined;
};

type Pulling = { readonly pull: SnapshotPull; readonly from: MemberId; readonly aborter: AbortController };

export class Snapshotter implements SnapshotMover {
  readonly #driver: Driver;
  readonly #dialer: Dialer;
  readonly #store: SnapshotStore;
  readonly #heardAddress: SnapshotterDeps["heardAddress"];
  readonly #settle: SnapshotterDeps["settle"];
  readonly #current: CurrentSnapshot;
  readonly #scope: Scope;
  #building: AbortController | null = null;
  #pulling: Pulling | null = null;
  /** A pull that failed, for its chunks: the same snapshot is likely to be offered again. */
  #broken: SnapshotPull | null = null;

  constructor(deps: SnapshotterDeps, state: { manifest: SnapshotManifest | null; options: SnapshotOptions }) {
    this.#driver = deps.driver;
    this.#dialer = deps.dialer;
    this.#store = deps.store;
    this.#heardAddress = deps.heardAddress;
    this.#settle = deps.settle;
    this.#current = new CurrentSnapshot(deps.driver, state);
    this.#scope = new Scope((name, error) =>
      this.#driver.fatal(new Error(`Snapshot task ${name} failed`, { cause: error })),
    );
  }

  get manifest(): SnapshotManifest | null {
    return this.#current.manifest;
  }

  async close(): Promise<void> {
    this.#building?.abort();
    this.#pulling?.aborter.abort();
    await this.#scope.close();
  }

  // Building

  maybeBuild(): void {
    if (!this.#current.isDue || this.#building !== null || this.#scope.isClosed) return;
    const aborter = new AbortController();
    this.#building = aborter;
    const { body, position } = this.#current.begin();
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
      await this.#settle?.(position.index);
      if (aborter.signal.aborted) return;
      const { index, term, config } = position;
      const manifest = { meta: { index, term, config, sizeBytes, hash }, slot: writer.slot, chunks };
      await new Promise<void>((resolve) => this.#current.take(manifest, () => aborter.signal.aborted, resolve));
    } finally {
      writer.close();
      if (this.#building === aborter) this.#building = null;
    }
    await this.#collect();
  }

  // Pulling

  fetch(from: MemberId, meta: SnapshotMeta, config: Config): void {
    if (this.#scope.isClosed) return;
    this.#pulling?.aborter.abort();
    this.#pulling = null;
    const address = addressOf(from, config) ?? addressOf(from, meta.config) ?? this.#heardAddress(from);
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
    this.#install(pull, { manifest, restore, from });
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

  #install(pull: SnapshotPull, pulled: Pulled): void {
    const isAccepted = this.#current.install(pulled, () => {
      pull.close();
      this.#scope.spawn("collect", () => this.#collect());
    });
    if (isAccepted) this.#building?.abort();
    else this.#scope.spawn("discard", () => this.#discard(pull));
  }

  async #collect(): Promise<void> {
    await this.#store.collect(() => this.#current.manifest?.slot ?? null);
  }
}

/** Another leader's is as good if it is the same to the byte. */
function isSameSnapshot(a: SnapshotMeta, b: SnapshotMeta): boolean {
  return a.index === b.index && a.term === b.term && a.hash === b.hash && a.sizeBytes === b.sizeBytes;
}

function addressOf(id: MemberId, config: Config): string | null {
  return config.members.find((member) => member.id === id)?.address ?? null;
}
