// The compose cluster's leader is killed again and again under writing clients, with containers running beside it.
import { startCluster } from "../../test/support/cluster.ts";
import { measureFailover } from "../lib/failover.ts";
import type { FailoverResult } from "../lib/failover.ts";
import { PROVE_PORT_BASE } from "./compose.ts";
import { print, progress, spread } from "./report.ts";
import type { ProofOptions } from "./report.ts";

/** A cluster remembers 100,000 requests of an hour, and each write is one, as is its removal: 50 runs must fit. */
const WRITE_PAUSE_MS = 35;

export async function proveFailover({ runs, clients, how }: ProofOptions): Promise<boolean> {
  await using cluster = await startCluster({ name: `shoalprove${process.pid}`, portBase: PROVE_PORT_BASE });
  const results: FailoverResult[] = [];
  for (let run = 1; run <= runs; run += 1) {
    progress(`failover ${run} of ${runs}`);
    await cluster.settled();
    const { project, env } = cluster;
    const result = await measureFailover({
      project,
      clients,
      how,
      pauseMs: WRITE_PAUSE_MS,
      context: cluster.context(),
      env,
    });
    results.push(result);
    print({ proof: "failover", run, ...result });
  }
  const sum = (key: "lost" | "twice" | "failed" | "acknowledged"): number =>
    results.reduce((total, result) => total + result[key], 0);
  const summary = {
    acknowledged: sum("acknowledged"),
    lost: sum("lost"),
    twice: sum("twice"),
    failed: sum("failed"),
    containersChanged: results.filter(({ containersChanged }) => containersChanged).length,
  };
  // A stop in order may cost nothing at all: then only the longest gap between two writes tells.
  const stalls = results.map((result) => (how === "kill" ? result.firstAcceptedMs : result.longestGapMs));
  print({ proof: "failover", summary: true, how, clients, ...spread(stalls), ...summary });
  return summary.lost + summary.twice + summary.failed + summary.containersChanged === 0;
}
