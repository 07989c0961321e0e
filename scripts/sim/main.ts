// npm run sim -- [--cluster] --seeds N [--from S] [--format json]
// npm run sim -- [--cluster] --seed S [--trace]
// Runs a simulator over seeds: managers' Raft and store by default, whole clusters with --cluster. One line a failed
// seed with what fired and how to repeat it, then a summary with a hash over all seeds; as JSON, one object a seed. Code 1
// if a seed failed, or many seeds went by and one of the faults or turns of events that they are for never happened.
import { parseArgs } from "node:util";

import type { RunSeed } from "../../test/sim/simulator.ts";
import { runSeeds, type SeedRange } from "./run-seeds.ts";

const SEEDS_MAX = 1_000_000;

type Simulator = { readonly runSeed: RunSeed; readonly mustHappen: SeedRange["mustHappen"] };

/** Loaded on demand: each simulator pulls in most of the program. */
const SIMULATORS: Readonly<Record<"raft" | "cluster", () => Promise<Simulator>>> = {
  raft: async () => {
    const [{ runSeed }, { RARE_THINGS: names }] = await Promise.all([
      import("../../test/sim/raft/run-seed.ts"),
      import("../../test/sim/raft/coverage.ts"),
    ]);
    return { runSeed, mustHappen: { seeds: 300, names } };
  },
  cluster: async () => {
    const [{ runSeed }, { MUST_HAPPEN: names }] = await Promise.all([
      import("../../test/sim/cluster/run-seed.ts"),
      import("../../test/sim/cluster/must-happen.ts"),
    ]);
    return { runSeed, mustHappen: { seeds: 200, names } };
  },
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
const { runSeed, mustHappen } = await load();
const isFine = await runSeeds(runSeed, { first, count, trace: values.trace, json, command, mustHappen });
process.exitCode = isFine ? 0 : 1;
