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
};

/** @returns whether every seed passed. */
export async function runSeeds(runSeed: RunSeed, range: SeedRange): Promise<boolean> {
  const { first, count, trace, json } = range;
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
  if (json) return failed.length === 0;
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  const { user, system } = process.cpuUsage(cpuBegin);
  const events = totals["events"] ?? 0;
  console.log(countTable(totals));
  console.log(`${count - failed.length} of ${count} seeds passed in ${seconds.toFixed(1)} s`);
  console.log(
    `${Math.round(events / seconds)} events/s, ${Math.round(events / ((user + system) / 1e6))} per CPU second`,
  );
  console.log(`hash ${all.digest("hex").slice(0, 32)}`);
  return failed.length === 0;
}

function report({ seed, invariant, why }: SeedResult, command: string): void {
  console.log(`seed ${seed}: ${invariant ?? "?"}: ${why ?? ""}\n  repeat: ${command} --seed ${seed} --trace`);
}
