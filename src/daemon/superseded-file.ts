/**
 * `<dataDir>/identity/superseded.json`: this node's manager belongs to an earlier life of the cluster
 * (model/incarnation.ts) and must not act again, whenever the daemon is started. It is there until
 * the old log has been set aside (set-aside.ts).
 */
import { readFile, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeAtomically } from "../pki/keystore.ts";

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

export async function unmarkSuperseded(dataDir: string): Promise<void> {
  await rm(pathOf(dataDir), { force: true });
}
