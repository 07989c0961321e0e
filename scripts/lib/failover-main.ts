// What scripts/failover runs: one or more rounds of measureFailover(), in words.
import { parseArgs } from "node:util";

import { measureFailover } from "./failover.ts";
import { cleanUpWhenInterrupted, isTooLate } from "./interruption.ts";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "8" },
    rounds: { type: "string", default: "1" },
    graceful: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const project = process.env["SHOAL_PROJECT"] ?? "shoal";
const how = values.graceful ? "stop" : "kill";
const clients = Number(values.clients);
const rounds = Number(values.rounds);
if (!Number.isInteger(clients) || clients < 1 || clients > 1_000 || !Number.isInteger(rounds) || rounds < 1) {
  console.error("usage: scripts/failover [--clients 1..1000] [--rounds N] [--graceful] [--json]");
  process.exit(64);
}

cleanUpWhenInterrupted();
let worst = 0;
try {
  for (let round = 1; round <= rounds; round += 1) {
    const result = await measureFailover({ project, clients, how, outlivesRun: true });
    if (values.json) console.log(JSON.stringify(result));
    else {
      const verb = how === "kill" ? "killed" : "stopped";
      console.log(`${verb} ${result.killed}, ${clients} clients writing; ${result.newLeader} leads now`);
      console.log(`  first write accepted after  ${result.firstAcceptedMs} ms`);
      console.log(`  longest time without writes ${result.longestGapMs} ms`);
      console.log(
        `  acknowledged ${result.acknowledged}, lost ${result.lost}, applied twice ${result.twice}, failed ${result.failed}`,
      );
      console.log(`  running containers ${result.containersChanged ? "CHANGED" : "unchanged"}`);
    }
    worst += result.lost + result.twice + result.failed + (result.containersChanged ? 1 : 0);
  }
} catch (error) {
  if (!isTooLate()) console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  worst += 1;
}
process.exitCode = worst === 0 ? 0 : 1;
