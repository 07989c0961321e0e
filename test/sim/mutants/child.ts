// node --import ./switch-on.mjs --import tsx child.ts FROM COUNT: runs seeds until one fails; its verdict is one line of JSON.
import { runSeed } from "../raft/run-seed.ts";

const [from, count] = process.argv.slice(2).map(Number) as [number, number];
let verdict: unknown = { seed: from + count - 1, invariant: null };
for (let seed = from; seed < from + count; seed += 1) {
  const { verdict: outcome, invariant, why } = await runSeed(seed);
  if (outcome === "passed") continue;
  verdict = { seed, invariant, why };
  break;
}
console.log(JSON.stringify(verdict));
