// node --import ./switch-on.mjs --import tsx child.ts, with the mutants in SHOAL_MUTANTS. A line of standard input says
// which of them to run, and in which seeds; the verdict is one line of JSON. It ends with its input.
import { createInterface } from "node:readline";
import { directed } from "./directed.ts";
import type { Order, Verdict } from "./hunt.ts";
import type { RunSeed } from "../simulator.ts";

async function seeds({ at, simulator, from, count }: Extract<Order, { simulator: string }>): Promise<Verdict> {
  const { runSeed } = (await import(`../${simulator}/run-seed.ts?mutant=${at}`)) as { readonly runSeed: RunSeed };
  for (let seed = from; seed < from + count; seed += 1) {
    const { verdict, invariant, why } = await runSeed(seed);
    if (verdict === "failed") return { seed, killedBy: invariant, why };
  }
  return { seed: from + count - 1, killedBy: null, why: null };
}

async function run(order: Order): Promise<Verdict> {
  try {
    return await ("test" in order ? directed(order.at, order.test) : seeds(order));
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  // Made by the process that started this one.
  console.log(JSON.stringify(await run(JSON.parse(line) as Order)));
}
process.exit();
