/** A log as it lies on disk, for people to look at: read and verified as a start does it, and shown as far as it is sound. */
import type { Entry } from "../../raft/types.ts";
import { AppError } from "../../util/errors.ts";
import type { Env } from "../../util/env.ts";
import type { Kv, KvFactory } from "../../util/kv.ts";
import { LogReader, named, readAll, readRecords } from "./log-load.ts";
import {
  FIRST_KEY,
  HARD_STATE_KEY,
  IDENTITY_KEY,
  MARK_KEY,
  SNAPSHOT_KEY,
  decodeIdentity,
  decodeMark,
  type Identity,
  type SnapshotManifest,
  type StoredHardState,
} from "./log-records.ts";
import { LOG_STORE, SNAPSHOT_STORE } from "./open-state.ts";
import { identitySealer } from "./sealer.ts";
import { SnapshotStore } from "./snapshot-store.ts";

export type InspectedLog = {
  readonly identity: Identity | null;
  readonly hardState: StoredHardState | null;
  readonly snapshot: SnapshotManifest | null;
  /** Why the snapshot's body cannot be used; null if it can, or if there is none. */
  readonly snapshotFailure: AppError | null;
  /** The entry before the first one. */
  readonly point: { readonly index: number; readonly term: number };
  /** Sound ones, in order, up to the first that is not. */
  readonly entries: readonly Entry[];
  /** What is wrong first, with its index where it has one. */
  readonly failure: AppError | null;
};

/** @param onPiece gets the snapshot's body where it is sound so far; `snapshotFailure` says whether all of it was */
export async function inspectLog(
  { env, kvFactory }: { readonly env: Env; readonly kvFactory: KvFactory },
  { dataDir, onPiece }: { readonly dataDir: string; readonly onPiece: (piece: Uint8Array) => void },
): Promise<InspectedLog> {
  const logKv = await kvFactory.open(LOG_STORE);
  try {
    const snapshotKv = await kvFactory.open(SNAPSHOT_STORE);
    try {
      const log = await inspectRecords(logKv, snapshotKv, `${dataDir}/${LOG_STORE}`);
      const store = new SnapshotStore(
        { kv: snapshotKv, env, sealer: identitySealer, onFatal: () => undefined },
        { location: `${dataDir}/${SNAPSHOT_STORE}` },
      );
      return { ...log, snapshotFailure: await verifyBody(store, log.snapshot, onPiece) };
    } finally {
      await snapshotKv.close();
    }
  } finally {
    await logKv.close();
  }
}

type Records = Omit<InspectedLog, "snapshotFailure">;

async function inspectRecords(logKv: Kv, markKv: Kv, location: string): Promise<Records> {
  const source = { kv: logKv, sealer: identitySealer, location };
  const nothing = { identity: null, hardState: null, snapshot: null, point: { index: 0, term: 0 }, entries: [] };
  let found: Records = { ...nothing, failure: null };
  let reader: LogReader | null = null;
  try {
    const [id, hardState, first, snapshot] = await readAll(logKv, [
      IDENTITY_KEY,
      HARD_STATE_KEY,
      FIRST_KEY,
      SNAPSHOT_KEY,
    ]);
    const identity = id === undefined ? null : named(location, null, () => decodeIdentity(id, identitySealer));
    found = { ...found, identity };
    const log = new LogReader(source, { hardState, first, snapshot });
    reader = log;
    await readRecords(source, log.firstIndex, (bytes, firstIndex) => log.add(bytes, firstIndex));
    const mark = await markKv.get(MARK_KEY);
    log.finish({ writesMin: mark === undefined ? 0 : decodeMark(mark) });
  } catch (error) {
    found = { ...found, failure: AppError.from(error) };
  }
  return { ...found, ...reader?.soFar };
}

async function verifyBody(
  store: SnapshotStore,
  manifest: SnapshotManifest | null,
  onPiece: (piece: Uint8Array) => void,
): Promise<AppError | null> {
  if (manifest === null) return null;
  try {
    for await (const chunk of store.read(manifest)) onPiece(chunk);
    return null;
  } catch (error) {
    return AppError.from(error);
  }
}
