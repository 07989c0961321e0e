/**
 * `<dataDir>/identity/retired.json`: what a demoted manager's promises were. Written before its log
 * goes, so that after a crash there is the one or the other, or both.
 */
import { access, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { EVENT_STORE } from "../manager/events/ring.ts";
import { LOG_STORE, SNAPSHOT_STORE } from "../manager/replica/open-state.ts";
import { formatRetired, parseRetired, type Retired } from "../manager/replica/retired.ts";
import { takePromises } from "../manager/replica/take-promises.ts";
import { writeAtomically } from "../pki/keystore.ts";
import type { NodeIdentity } from "../pki/types.ts";
import type { Env } from "../util/env.ts";
import type { KvFactory } from "../util/kv.ts";

export function retiredPath(dataDir: string): string {
  return join(dataDir, "identity", "retired.json");
}

/** @returns null if this node never was a manager before. @throws AppError `corrupt` */
export async function readRetired(dataDir: string): Promise<Retired | null> {
  const path = retiredPath(dataDir);
  try {
    return parseRetired(await readFile(path, "utf8"), path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

export type Disk = { readonly env: Env; readonly kvFactory: KvFactory; readonly dataDir: string };

/**
 * Keeps the promises of a manager that does not run any more and deletes its data; without data it
 * does nothing. @throws AppError `corrupt`: then the data stay, and nothing is forgotten
 */
export async function retireManager({ env, kvFactory, dataDir }: Disk, identity: NodeIdentity): Promise<void> {
  const folders = [LOG_STORE, SNAPSHOT_STORE, EVENT_STORE].map((store) => join(dataDir, store));
  if (!(await exists(folders[0] ?? ""))) return;
  const before = await readRetired(dataDir);
  await writeRetired(dataDir, await takePromises({ env, kvFactory }, { identity, dataDir, before }));
  // The log last: it is what says that there is still something to do.
  for (const folder of folders.toReversed()) await rm(folder, { recursive: true, force: true });
}

export async function writeRetired(dataDir: string, retired: Retired): Promise<void> {
  await writeAtomically(join(dataDir, "identity"), retiredPath(dataDir), formatRetired(retired));
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
