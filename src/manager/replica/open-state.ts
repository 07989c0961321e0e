/** What a replica starts from: its directories opened, checked and read. */
import { bootstrapEntry, makeConfig } from "../../raft/config.ts";
import type { HardState, InitialState, Member } from "../../raft/types.ts";
import type { Restore } from "../../store/types.ts";
import { AppError } from "../../util/errors.ts";
import type { Env } from "../../util/env.ts";
import type { Kv, KvFactory } from "../../util/kv.ts";
import { KvLogStorage, type LogStorage, type LogWrite } from "./log-storage.ts";
import type { Identity, SnapshotManifest } from "./log-records.ts";
import { identitySealer, type Sealer } from "./sealer.ts";
import { PeerWrites } from "./peer-writes.ts";
import { hardStateOf, type Retired } from "./retired.ts";
import { SnapshotStore } from "./snapshot-store.ts";

/** Store names below the data directory. */
export const LOG_STORE = "raft-log";
export const SNAPSHOT_STORE = "raft-snapshots";

const EMPTY: HardState = { term: 0, vote: null, commit: 0 };

export type OpenedState = {
  readonly storage: LogStorage;
  readonly snapshots: SnapshotStore;
  readonly peerWrites: PeerWrites;
  /** Of logs that this node had as a manager before. */
  readonly writesBefore: number;
  readonly manifest: SnapshotManifest | null;
  /** The verified body of `manifest`, read and not shown yet. */
  readonly restore: Restore | null;
  readonly initial: InitialState;
};

export type OpenOptions = {
  readonly identity: Identity;
  /** How messages name the directory. */
  readonly dataDir: string;
  readonly bootstrap: { readonly members: readonly Member[] } | null;
  /** Of snapshots' bodies; the same for all managers. */
  readonly chunkBytes?: number | undefined;
  readonly beginRestore: (index: number) => Restore;
  readonly retired: Retired | null;
};

/** @throws AppError `corrupt` | `precondition` | `unavailable`, with the directory and what to do */
export async function openState(
  deps: { env: Env; kvFactory: KvFactory; onFatal: (error: Error) => void; sealer?: Sealer },
  { identity, dataDir, bootstrap, chunkBytes, beginRestore, retired }: OpenOptions,
): Promise<OpenedState> {
  const { env, kvFactory, sealer = identitySealer } = deps;
  const start = new AbortController();
  const onFatal = (error: Error): void => {
    start.abort(error);
    deps.onFatal(error);
  };
  const { logKv, snapshotKv } = await openBoth(kvFactory);
  const storage = new KvLogStorage(
    { env, kv: logKv, markKv: snapshotKv, sealer, onFatal },
    { location: `${dataDir}/${LOG_STORE}` },
  );
  const peerWrites = new PeerWrites({ env, kv: snapshotKv, onFatal });
  const snapshots = new SnapshotStore(
    { kv: snapshotKv, env, sealer, onFatal },
    { location: `${dataDir}/${SNAPSHOT_STORE}`, ...(chunkBytes === undefined ? {} : { chunkBytes }) },
  );
  try {
    const loaded = await storage.open(identity);
    await peerWrites.load(`${dataDir}/${SNAPSHOT_STORE}`);
    const { snapshot: manifest, prevIndex, prevTerm } = loaded;
    const restore = manifest === null ? null : beginRestore(manifest.meta.index);
    if (manifest !== null && restore !== null) await snapshots.restore(manifest, restore);
    await snapshots.collect(() => manifest?.slot ?? null);
    let { hardState, entries } = loaded;
    if (hardState === null && bootstrap !== null) {
      const entry = bootstrapEntry(makeConfig(bootstrap.members));
      hardState = { term: entry.term, vote: null, commit: entry.index };
      entries = [entry];
      await persistFirst(storage, { entries, hardState }, start.signal);
    }
    if (hardState === null && retired !== null) {
      hardState = hardStateOf(retired);
      await persistFirst(storage, { entries, hardState }, start.signal);
    }
    const initial: InitialState = {
      id: identity.nodeId,
      hardState: hardState ?? EMPTY,
      snapshot: manifest?.meta ?? null,
      entries,
      prevIndex,
      prevTerm,
      applied: manifest?.meta.index ?? 0,
      formerEnd: retired === null ? null : { index: retired.lastIndex, term: retired.lastTerm },
    };
    const writesBefore = retired?.writes ?? 0;
    return { storage, snapshots, peerWrites, writesBefore, manifest, restore, initial };
  } catch (error) {
    await closeState({ storage, snapshots, peerWrites });
    throw error;
  }
}

export async function closeState({
  storage,
  snapshots,
  peerWrites,
}: Pick<OpenedState, "storage" | "snapshots" | "peerWrites">): Promise<void> {
  // In this order: the log and what is known of peers keep their last words in the snapshots' store.
  await storage.close();
  await peerWrites.close();
  await snapshots.close();
}

async function openBoth(kvFactory: KvFactory): Promise<{ logKv: Kv; snapshotKv: Kv }> {
  const logKv = await kvFactory.open(LOG_STORE);
  try {
    return { logKv, snapshotKv: await kvFactory.open(SNAPSHOT_STORE) };
  } catch (error) {
    await logKv.close();
    throw error;
  }
}

function persistFirst(storage: LogStorage, write: LogWrite, signal: AbortSignal): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    signal.addEventListener("abort", () => reject(AppError.from(signal.reason)), { once: true });
    storage.append(write, resolve);
  });
}
