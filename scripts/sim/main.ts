// npm run sim -- [--cluster] --seeds N [--from S] [--format json]
// npm run sim -- [--cluster] --seed S [--trace]
// Runs a simulator over seeds: managers' Raft and store by default, whole clusters with --cluster. One line a failed
// seed with what fired and how to repeat it, then a summary with a hash over all seeds; as JSON, one object a seed. Code 1
// if a seed failed.
import { parseArgs } from "node:util";

import type { RunSeed } from "../../test/sim/simulator.ts";
import { runSeeds } from "./run-seeds.ts";

const SEEDS_MAX = 1_000_000;

/** Loaded on demand: each simulator pulls in most of the program. */
const SIMULATORS: Readonly<Record<"raft" | "cluster", () => Promise<RunSeed>>> = {
  raft: async () => (await import("../../test/sim/raft/run-seed.ts")).runSeed,
  cluster: async () => (await import("../../test/sim/cluster/run-seed.ts")).runSeed,
};

function usage(problem: string): never {
  process.stderr.write(
    `${problem}\nusage: npm run sim -- [--cluster] (--seeds N [--from S] [--format json] | --seed S [--trace])\n`,
  );
  process.exit(64);
}

function wholeNumber(name: string, text: string, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > max) usage(`--${name} ${text}: 1 to ${max} is possible`);
  return value;
}

const { values } = parseArgs({
  options: {
    cluster: { type: "boolean", default: false },
    seeds: { type: "string" },
    from: { type: "string" },
    seed: { type: "string" },
    trace: { type: "boolean", default: false },
    format: { type: "string", default: "text" },
  },
});
const { seed, seeds, from } = values;
if ((seed === undefined) === (seeds === undefined)) usage("Either --seed or --seeds is needed");
if (seed !== undefined && from !== undefined) usage("--from goes with --seeds");
if (values.trace && seed === undefined) usage("--trace goes with --seed");
if (values.format !== "text" && values.format !== "json") usage(`--format ${values.format}: text or json is possible`);
const load = SIMULATORS[values.cluster ? "cluster" : "raft"];
const first = wholeNumber("from", seed ?? from ?? "1", Number.MAX_SAFE_INTEGER);
const count = seeds === undefined ? 1 : wholeNumber("seeds", seeds, SEEDS_MAX);
const command = `npm run sim --${values.cluster ? " --cluster" : ""}`;
const json = values.format === "json";
const isFine = await runSeeds(await load(), { first, count, trace: values.trace, json, command });
process.exitCode = isFine ? 0 : 1;
