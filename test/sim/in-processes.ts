/** Seeds of a simulator in processes of their own: CI has two cores, and what two processes agree on is deterministic. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { endWhenInterrupted } from "../../scripts/lib/interruption.ts";
import type { SeedResult } from "./simulator.ts";

export type SeedVerdict = Omit<SeedResult, "history">;

/** Errors of a process that ended badly: its last lines. */
const ERROR_LINES_MAX = 30;
/** As `npm run sim`: most of what a simulator makes is garbage at once, and a larger young generation moves less of it. */
const NODE_FLAGS = ["--max-semi-space-size=64"];

/** @throws Error when a process ends without a verdict for each of its seeds */
export async function runInProcess(
  simulator: "raft" | "cluster",
  { from, count }: { readonly from: number; readonly count: number },
): Promise<readonly SeedVerdict[]> {
  const flags = [...(simulator === "cluster" ? ["--cluster"] : []), "--seeds", `${count}`, "--from", `${from}`];
  const child = spawn(
    process.execPath,
    [...NODE_FLAGS, "--import", "tsx", "scripts/sim/main.ts", ...flags, "--format", "json"],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  endWhenInterrupted(child);
  const verdicts: SeedVerdict[] = [];
  const errors: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => errors.push(line));
  const output = createInterface({ input: child.stdout });
  // One line a seed, made by the process just started.
  output.on("line", (line) => verdicts.push(JSON.parse(line) as SeedVerdict));
  await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (verdicts.length === count) return verdicts;
  throw new Error(`${verdicts.length} of ${count} seeds ended\n${errors.slice(-ERROR_LINES_MAX).join("\n")}`);
}
