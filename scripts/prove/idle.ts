// Memory and CPU of every node while nothing happens but heartbeats.
import { startCluster } from "../../test/support/cluster.ts";
import { cpuSeconds, NODES, pidOf, PROVE_PORT_BASE, rssMiB } from "./compose.ts";
import { print, progress, sleep } from "./report.ts";
import type { ProofOptions } from "./report.ts";

const SECONDS = 60;
/** Start-up's garbage and connections. */
const SETTLE_MS = 15_000;

export async function proveIdle({ seconds = SECONDS }: ProofOptions): Promise<boolean> {
  await using cluster = await startCluster({ name: `shoalprove${process.pid}`, portBase: PROVE_PORT_BASE });
  const leader = await cluster.leader();
  await sleep(SETTLE_MS);
  const nodes = await Promise.all(
    NODES.map(async (name) => {
      const pid = await pidOf(cluster, name);
      return { name, pid, cpu: cpuSeconds(pid), rss: [rssMiB(pid)] };
    }),
  );
  progress(`idle for ${seconds} s`);
  const startedAt = performance.now();
  while (performance.now() - startedAt < seconds * 1_000) {
    await sleep(1_000);
    for (const { pid, rss } of nodes) rss.push(rssMiB(pid));
  }
  const elapsed = (performance.now() - startedAt) / 1_000;
  for (const { name, pid, cpu, rss } of nodes) {
    print({
      proof: "idle",
      node: name,
      role: name === leader ? "leader" : name.startsWith("manager") ? "follower" : "agent",
      seconds: Math.round(elapsed),
      rssMiB: rss.at(-1),
      rssMaxMiB: Math.max(...rss),
      cpuPercent: Math.round(((cpuSeconds(pid) - cpu) / elapsed) * 10_000) / 100,
    });
  }
  return true;
}
