// Seeds through a simulator, with a line for each failure and a summary at the end.
import { createHash } from "node:crypto";

import type { RunSeed, SeedResult } from "../../test/sim/simulator.ts";

type Range = { readonly first: number; readonly count: number; readonly trace: boolean };

/** @returns whether every seed passed. */
export async function runSeeds(runSeed: RunSeed, { first, count, trace }: Range): Promise<boolean> {
  const all = createHash("sha256");
  const totals: Record<string, number> = {};
  const failed: number[] = [];
  const begin = process.hrtime.bigint();
  const cpuBegin = process.cpuUsage();
  for (let seed = first; seed < first + count; seed++) {
    const result = await runSeed(seed, trace ? { trace: (line) => process.stdout.write(`${line}\n`) } : {});
    all.update(result.hash);
    for (const [name, n] of Object.entries(result.counts)) totals[name] = (totals[name] ?? 0) + n;
    if (result.verdict === "passed") continue;
    failed.push(seed);
    report(result);
  }
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  const { user, system } = process.cpuUsage(cpuBegin);
  const events = totals["events"] ?? 0;
  const counts = Object.entries(totals).map(([name, n]) => `${name} ${n}`);
  console.log(counts.join(", "));
  console.log(`${count - failed.length} of ${count} seeds passed in ${seconds.toFixed(1)} s`);
  console.log(
    `${Math.round(events / seconds)} events/s, ${Math.round(events / ((user + system) / 1e6))} per CPU second`,
  );
  console.log(`hash ${all.digest("hex").slice(0, 32)}`);
  return failed.length === 0;
}

function report({ seed, invariant, why }: SeedResult): void {
  console.log(`seed ${seed}: ${invariant ?? "?"}: ${why ?? ""}\n  repeat: npm run sim -- --seed ${seed} --trace`);
}
