// The leader's host is cut off by dropped packets: nothing is closed, nothing refused, it just falls silent.
import { startHostCluster } from "../../test/support/host-cluster.ts";
import { measureOutage } from "../lib/outage.ts";
import type { Outage } from "../lib/outage.ts";
import { print, progress, spread } from "./report.ts";
import type { ProofOptions } from "./report.ts";

/** A client of a silent manager has to give it up by itself; this is its patience. */
const ATTEMPT_MS = 500;

export async function provePartition({ runs, clients }: ProofOptions): Promise<boolean> {
  await using cluster = await startHostCluster({ managers: 3, workers: 0 });
  const results: Outage[] = [];
  for (let run = 1; run <= runs; run += 1) {
    progress(`partition ${run} of ${runs}`);
    await cluster.settled();
    const cut = await cluster.leader();
    let newLeader = "";
    const outage = await measureOutage({
      context: cluster.context,
      clients,
      attemptMs: ATTEMPT_MS,
      strike: async () => await cut.host.linkDown(),
      heal: async () => {
        newLeader = (await cluster.leader()).name;
        await cut.host.linkUp();
        await cluster.settled();
      },
    });
    results.push(outage);
    print({ proof: "partition", run, cut: cut.name, newLeader, ...outage });
  }
  const sum = (key: "lost" | "twice" | "failed" | "acknowledged"): number =>
    results.reduce((total, result) => total + result[key], 0);
  const summary = { acknowledged: sum("acknowledged"), lost: sum("lost"), twice: sum("twice"), failed: sum("failed") };
  const stalls = spread(results.map(({ firstAcceptedMs }) => firstAcceptedMs));
  print({ proof: "partition", summary: true, clients, ...stalls, ...summary });
  return summary.lost + summary.twice + summary.failed === 0;
}
