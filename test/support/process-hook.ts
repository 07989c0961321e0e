/** Faults inside a daemon's own process: process-hook.mjs, preloaded, does as told from here. */
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { waitFor } from "../../scripts/lib/run.ts";

/** For node, before the program. */
export const HOOK_ARGS: readonly string[] = [
  "--import",
  join(dirname(fileURLToPath(import.meta.url)), "process-hook.mjs"),
];

/** A process that does not stand still takes what it is told within a turn of its loop. */
const HOOK_MS = 10_000;

/** Its event loop stands still for so long, or its wall clock is wrong by so much. */
export type HookOrder = { readonly stallMs: number } | { readonly clockShiftMs: number };

/** @param folder the parent of its data directory */
export async function tellProcess(folder: string, child: ChildProcess | null, order: HookOrder): Promise<void> {
  const file = join(folder, "hook.json");
  await waitFor("a process that can be told", HOOK_MS, () => (isHooked(folder, child) ? true : undefined), 10);
  writeFileSync(file, JSON.stringify(order));
  child?.kill("SIGUSR2");
  await waitFor("a process to do as told", HOOK_MS, () => (existsSync(file) ? undefined : true), 10);
}

/** It has come as far as its own code: before that, signals end it. */
export function isHooked(folder: string, child: ChildProcess | null): boolean {
  const file = join(folder, "hook.json.pid");
  return existsSync(file) && readFileSync(file, "utf8") === String(child?.pid);
}
