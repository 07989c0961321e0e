// Seeds through a simulator: a line for each failure and a summary at the end, or with --format json a line for each seed.
import { createHash } from "node:crypto";

import type { RunSeed, SeedResult } from "../../test/sim/simulator.ts";
import { countTable } from "./count-table.ts";

export type SeedRange = {
  readonly first: number;
  readonly count: number;
  readonly trace: boolean;
  readonly json: boolean;
  /** What repeats a seed, without its number. */
  readonly command: string;
  /** So many seeds prove nothing if one of these never happened in any. */
  readonly mustHappen: { readonly seeds: number; readonly names: readonly string[] };
};

/** @returns whether every seed passed, and what must happen did. */
export async function runSeeds(runSeed: RunSeed, range: SeedRange): Promise<boolean> {
  const { first, count, trace, json, mustHappen } = range;
  const all = createHash("sha256");
  const totals: Record<string, number> = {};
  const failed: number[] = [];
  const begin = process.hrtime.bigint();
  const cpuBegin = process.cpuUsage();
  for (let seed = first; seed < first + count; seed++) {
    const result = await runSeed(seed, trace ? { trace: (line) => process.stdout.write(`${line}\n`) } : {});
    all.update(result.hash);
    for (const [name, n] of Object.entries(result.counts)) totals[name] = (totals[name] ?? 0) + n;
    if (result.verdict === "failed") failed.push(seed);
    if (json) console.log(JSON.stringify({ ...result, history: undefined }));
    else if (result.verdict === "failed") report(result, range.command);
  }
  const missing = count < mustHappen.seeds ? [] : mustHappen.names.filter((name) => (totals[name] ?? 0) === 0);
  const isFine = failed.length === 0 && missing.length === 0;
  if (missing.length > 0) console.error(`vacuous: in ${count} seeds these never happened: ${missing.join(", ")}`);
  if (json) return isFine;
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  const { user, system } = process.cpuUsage(cpuBegin);
  const events = totals["events"] ?? 0;
  console.log(countTable(totals));
  console.log(`${count - failed.length} of ${count} seeds passed in ${seconds.toFixed(1)} s`);
  console.log(
    `${Math.round(events / seconds)} events/s, ${Math.round(events / ((user + system) / 1e6))} per CPU second`,
  );
  console.log(`hash ${all.digest("hex").slice(0, 32)}`);
  return isFine;
}

function report({ seed, invariant, why }: SeedResult, command: string): void {
  console.log(`seed ${seed}: ${invariant ?? "?"}: ${why ?? ""}\n  repeat: ${command} --seed ${seed} --trace`);
}
