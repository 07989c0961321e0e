/**
 * Moves snapshot bodies between simulated managers without waiting: built in slices between other events, kept as one
 * value on disk, pulled whole or not at all. Which snapshot counts, and what that does to log and state, is the real
 * CurrentSnapshot.
 */
import { createHash } from "node:crypto";
import { CurrentSnapshot, type SnapshotOptions } from "../../../src/manager/replica/current-snapshot.ts";
import type { Driver } from "../../../src/manager/replica/driver.ts";
import { withChecksum, withoutChecksum } from "../../../src/manager/replica/entry-codec.ts";
import type { SnapshotManifest } from "../../../src/manager/replica/log-records.ts";
import type { SnapshotMover } from "../../../src/manager/replica/turns.ts";
import type { MemberId, SnapshotMeta } from "../../../src/raft/types.ts";
import { AppError } from "../../../src/util/errors.ts";
import type { KvOp } from "../../../src/util/kv.ts";
import type { DiskHandle } from "./disk.ts";

/** Brings the body of `meta` from a member, or null if it does not arrive. */
export type FetchBody = (from: MemberId, meta: SnapshotMeta, done: (body: Uint8Array | null) => void) => void;

const SLOT_BYTES = 8;

export class SimSnapshots implements SnapshotMover {
  readonly #driver: Driver;
  readonly #kv: DiskHandle;
  readonly #fetchBody: FetchBody;
  readonly #current: CurrentSnapshot;
  #building: { isGivenUp: boolean } | null = null;
  #pulling: object | null = null;
  /** Of the body that is about to count. */
  #installing: string | null = null;
  /** Of slots on this disk. */
  readonly #bodies = new Map<string, Uint8Array>();

  constructor(
    deps: { driver: Driver; kv: DiskHandle; fetchBody: FetchBody },
    state: { manifest: SnapshotManifest | null; body: Uint8Array | null; options: SnapshotOptions },
  ) {
    this.#driver = deps.driver;
    this.#kv = deps.kv;
    this.#fetchBody = deps.fetchBody;
    this.#current = new CurrentSnapshot(deps.driver, state);
    if (state.manifest !== null && state.body !== null) this.#bodies.set(state.manifest.slot, state.body);
  }

  /** What a peer that asks for this very snapshot gets. */
  bodyOf({ index, term }: SnapshotMeta): Uint8Array | null {
    const { manifest } = this.#current;
    if (manifest === null || manifest.meta.index !== index || manifest.meta.term !== term) return null;
    return this.#bodies.get(manifest.slot) ?? null;
  }

  maybeBuild(): void {
    if (!this.#current.isDue || this.#building !== null) return;
    const building = { isGivenUp: false };
    this.#building = building;
    const { body, position } = this.#current.begin();
    const pieces: Uint8Array[] = [];
    const step = (): void => {
      const next = body.next();
      if (building.isGivenUp) return;
      if (next.done !== true) {
        pieces.push(next.value);
        this.#driver.env.defer(step);
        return;
      }
      const bytes = Buffer.concat(pieces);
      const { index, term, config } = position;
      const manifest = this.#manifest({ index, term, config, sizeBytes: bytes.byteLength, hash: hashOf(bytes) });
      this.#keep(manifest.slot, bytes, () => {
        if (building.isGivenUp) return;
        this.#current.take(
          manifest,
          () => building.isGivenUp,
          () => {
            if (this.#building === building) this.#building = null;
            this.#collect();
          },
        );
      });
    };
    this.#driver.env.defer(step);
  }

  #manifest(meta: SnapshotMeta): SnapshotManifest {
    return { meta, slot: Buffer.from(this.#driver.env.randomBytes(SLOT_BYTES)).toString("hex"), chunks: 1 };
  }

  /** Durable before it counts. */
  #keep(slot: string, body: Uint8Array, done: () => void): void {
    this.#bodies.set(slot, body);
    const op: KvOp = { kind: "put", key: bodyKey(slot), value: withChecksum(body) };
    this.#write([op], { sync: true }, done);
  }

  #write(ops: readonly KvOp[], options: { readonly sync: boolean }, done: () => void): void {
    const onFailed = (error: unknown): void => this.#driver.fatal(AppError.from(error));
    // oxlint-disable-next-line promise/no-callback-in-promise -- it is none: the simulated disk calls back in its own event
    this.#kv.batch(ops, options).then(done, onFailed);
  }

  fetch(from: MemberId, meta: SnapshotMeta): void {
    const pulling = {};
    this.#pulling = pulling;
    this.#fetchBody(from, meta, (body) => {
      if (this.#pulling !== pulling) return;
      if (body === null || hashOf(body) !== meta.hash) {
        this.#failed(from, meta);
        return;
      }
      const manifest = this.#manifest(meta);
      this.#keep(manifest.slot, body, () => {
        if (this.#pulling === pulling) this.#install(manifest, body, from);
        else this.#collect();
      });
    });
  }

  #failed(from: MemberId, meta: SnapshotMeta): void {
    this.#pulling = null;
    this.#driver.metrics.snapshotsFailed += 1;
    // Not within the step that ordered it.
    this.#driver.env.defer(() => {
      this.#driver.step({ type: "snapshot-failed", from, index: meta.index });
      this.#driver.finishTurn();
    });
  }

  #install(manifest: SnapshotManifest, body: Uint8Array, from: MemberId): void {
    this.#pulling = null;
    const restore = this.#driver.stateMachine.beginRestore(manifest.meta.index);
    restore.add(body);
    while (restore.step());
    const isAccepted = this.#current.install({ manifest, restore, from }, () => {
      this.#installing = null;
      this.#collect();
    });
    this.#installing = isAccepted ? manifest.slot : null;
    if (!isAccepted) this.#collect();
    else if (this.#building !== null) {
      this.#building.isGivenUp = true;
      this.#building = null;
    }
  }

  #collect(): void {
    const kept = [this.#current.manifest?.slot, this.#installing];
    const slots = [...this.#bodies.keys()].filter((slot) => !kept.includes(slot));
    // What is built or pulled right now is not known to be garbage.
    if (slots.length === 0 || this.#building !== null || this.#pulling !== null) return;
    for (const slot of slots) this.#bodies.delete(slot);
    const ops = slots.map((slot): KvOp => ({ kind: "delete", key: bodyKey(slot) }));
    this.#write(ops, { sync: false }, () => undefined);
  }
}

export function bodyKey(slot: string): Uint8Array {
  return Buffer.from(`c/${slot}`, "latin1");
}

/** @throws AppError `corrupt` */
export function readBody(stored: Uint8Array | undefined, { meta }: SnapshotManifest): Uint8Array {
  if (stored === undefined) throw new AppError("corrupt", "The snapshot's body is missing");
  const body = withoutChecksum(stored, "snapshot chunk");
  if (hashOf(body) !== meta.hash) throw new AppError("corrupt", "The snapshot's body fails its checksum");
  return body;
}

function hashOf(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("hex");
}
