/**
 * `<dataDir>/identity/superseded.json`: this node's manager belongs to an earlier life of the cluster
 * (model/incarnation.ts) and must not act again, whenever the daemon is started. It is there until
 * the old log has been set aside: kept, because it may hold changes that the new life does not have.
 */
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { LOG_STORE, SNAPSHOT_STORE } from "../manager/replica/open-state.ts";
import { writeAtomically } from "../pki/keystore.ts";
import { retiredPath } from "./retired-file.ts";

/** Below the data directory: the log and snapshots of the last earlier life. `shoal debug raft` reads them there. */
export const SET_ASIDE = "superseded";

function pathOf(dataDir: string): string {
  return join(dataDir, "identity", "superseded.json");
}

export function isMarkedSuperseded(dataDir: string): boolean {
  return existsSync(pathOf(dataDir));
}

/** The newer incarnation, as far as the file can be read; whatever it holds, it marks. */
export async function supersedingIncarnation(dataDir: string): Promise<string> {
  const text = await readFile(pathOf(dataDir), "utf8").catch(() => "");
  return /"incarnation":"([^"]*)"/.exec(text)?.[1] ?? "";
}

export async function markSuperseded(dataDir: string, incarnation: string): Promise<void> {
  await writeAtomically(join(dataDir, "identity"), pathOf(dataDir), `${JSON.stringify({ format: 1, incarnation })}\n`);
}

/** Each step may be repeated; the mark goes last. The promises of an earlier life bind nobody in this one. */
export async function setAside(dataDir: string): Promise<void> {
  const stores = [LOG_STORE, SNAPSHOT_STORE].filter((store) => existsSync(join(dataDir, store)));
  // Together or not at all: what an earlier attempt moved stays beside what is moved now.
  if (stores.length === 2) await rm(join(dataDir, SET_ASIDE), { recursive: true, force: true });
  await mkdir(join(dataDir, SET_ASIDE), { recursive: true, mode: 0o700 });
  for (const store of stores) await rename(join(dataDir, store), join(dataDir, SET_ASIDE, store));
  await rm(retiredPath(dataDir), { force: true });
  await rm(pathOf(dataDir), { force: true });
}
