/**
 * `shoal restore`: a cluster from its backup, on an empty host. The file is read to its end before
 * anything is written. What is written counts with the last step alone, the start record: before
 * that the directory is marked as one that is being filled, and whoever finds it so empties it.
 */
import { open, readdir, type FileHandle } from "node:fs/promises";
import { LevelKvFactory } from "../disk/level-kv.ts";
import { RestoredState } from "../manager/restored.ts";
import { theCluster, type Begun, type FormerManager } from "../manager/new-life.ts";
import { PROTOCOLS } from "../model/protocol.ts";
import { firstManager } from "../pki/create-cluster.ts";
import { Keystore } from "../pki/keystore.ts";
import { AppError } from "../util/errors.ts";
import type { Env } from "../util/env.ts";
import { fileProblem } from "../util/file-problem.ts";
import { syncFolder } from "../util/sync-folder.ts";
import { makeDataDir, removeData } from "./data-dir.ts";
import { StartRecords } from "./start-record.ts";

const READ_BYTES = 256 * 1024;
/** A file system of its own has it. */
const LOST_AND_FOUND = "lost+found";

export type RestoreOptions = {
  readonly file: string;
  readonly dataDir: string;
  readonly advertise: string;
  readonly nodeName: string;
  readonly labels: Readonly<Record<string, string>>;
};

export type RestoredCluster = {
  readonly begun: Begun;
  readonly cluster: { readonly id: string; readonly name: string };
  readonly nodeId: string;
  /** Of the state in the backup. */
  readonly version: number;
  readonly createdAtMs: number;
  readonly counts: { readonly nodes: number; readonly services: number; readonly tasks: number };
  readonly formerManagers: readonly FormerManager[];
};

/** @throws AppError; then the directory is as it was, or marked as one that holds nothing */
export async function restoreCluster(env: Env, options: RestoreOptions): Promise<RestoredCluster> {
  const { dataDir, advertise, nodeName, labels } = options;
  await checkEmpty(dataDir);
  const state = await readBackup(env, options.file);
  const { formerManagers } = state;
  const tx = state.store.view();
  const cluster = theCluster(tx);
  const counts = { nodes: tx.count("node"), services: tx.count("service"), tasks: tx.count("task") };
  const root = { clusterId: cluster.id, certificatePem: cluster.rootCertificatePem, keyPem: cluster.rootKeyPem };
  const { node, identity, files } = await firstManager(env, root, { address: advertise, nodeName, labels });
  const records = new StartRecords(dataDir);
  const record = { managers: [advertise], advertise, nodeName, bootstrap: null };
  await makeDataDir(dataDir);
  await records.save({ ...record, kind: "restoring" });
  let begun: Begun;
  try {
    begun = await state.becomeCluster({ env, kvFactory: new LevelKvFactory(dataDir) }, { self: node, dataDir });
    await new Keystore(dataDir).save({ identity, files });
    await syncFolder(dataDir);
    await records.save({ ...record, kind: "init" });
  } catch (error) {
    // What cannot be removed now is found by its mark.
    await discard(dataDir).catch(() => undefined);
    throw error;
  }
  return {
    begun,
    cluster: { id: cluster.id, name: cluster.spec?.name ?? "" },
    nodeId: node.id,
    version: state.header.version,
    createdAtMs: state.header.createdAtMs,
    counts,
    formerManagers,
  };
}

/** Also one that an earlier attempt began to fill. */
async function checkEmpty(dataDir: string): Promise<void> {
  if ((await new StartRecords(dataDir).load())?.kind === "restoring") await discard(dataDir);
  const names = await readdir(dataDir).catch((): string[] => []);
  const held: string[] = [];
  for (const name of names) {
    const isEmptyFolder = name === "identity" && (await readdir(`${dataDir}/${name}`)).length === 0;
    if (name !== LOST_AND_FOUND && !isEmptyFolder) held.push(name);
  }
  if (held.length === 0) return;
  throw new AppError("precondition", `${dataDir} is not empty: it holds ${held.join(", ")}`, {
    path: "data-dir",
    next: "restore into an empty directory: move this one away, or give another with --data-dir",
  });
}

/** The mark goes last. */
async function discard(dataDir: string): Promise<void> {
  await removeData(dataDir);
  await new Keystore(dataDir).forget();
  await new StartRecords(dataDir).forget();
}

/** @throws AppError `not-found` | `invalid` | `corrupt` | `unsupported` */
export async function readBackup(env: Env, file: string): Promise<RestoredState> {
  if (file === "-") {
    const chunks: AsyncIterable<Buffer> = process.stdin;
    return await RestoredState.read(env, "Standard input", { chunks, protocolMax: PROTOCOLS.max });
  }
  let handle: FileHandle;
  try {
    handle = await open(file, "r");
  } catch (error) {
    throw unreadable(error, file);
  }
  try {
    return await RestoredState.read(env, file, { chunks: chunksOf(handle, file), protocolMax: PROTOCOLS.max });
  } finally {
    await handle.close();
  }
}

function unreadable(error: unknown, file: string): AppError {
  const details = { path: "file", next: "give a file that shoal backup wrote" };
  return new AppError("not-found", `Cannot read ${file}: ${fileProblem(error)}`, details, error);
}

async function* chunksOf(handle: FileHandle, file: string): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { bytesRead, buffer } = await handle
      .read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, null)
      .catch((error: unknown) => {
        throw unreadable(error, file);
      });
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}
