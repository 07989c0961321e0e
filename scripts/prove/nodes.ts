// Nodes in trouble, on hosts with engines of their own: every promise about what becomes of their tasks. One line a
// behaviour. What lasts longest (an engine that does not answer, 5 minutes) goes on beside all else.
import { startHostCluster } from "../../test/support/host-cluster.ts";
import type { HostCluster, HostNode } from "../../test/support/host-cluster.ts";
import { proveAgentKilled } from "./nodes/agent-killed.ts";
import { proveAway } from "./nodes/away.ts";
import { ENGINE_DISK_BYTES, proveDisk } from "./nodes/disk.ts";
import { FrozenEngine } from "./nodes/engine-frozen.ts";
import type { Finding } from "./nodes/finding.ts";
import { proveMassSilence } from "./nodes/mass-silence.ts";
import { provePause } from "./nodes/pause.ts";
import { proveQuorumLoss } from "./nodes/quorum.ts";
import { Stage } from "./nodes/stage.ts";
import { print, progress } from "./report.ts";
import type { ProofOptions } from "./report.ts";

const WORKERS = 5;
const SMALL = "worker4";

export async function proveNodes({ runs }: ProofOptions): Promise<boolean> {
  const findings: Finding[] = [];
  for (let run = 1; run <= runs; run += 1) {
    const engineDiskBytes = { [SMALL]: ENGINE_DISK_BYTES };
    await using cluster = await startHostCluster({ managers: 3, workers: WORKERS, engineDiskBytes });
    using stage = await Stage.over(cluster);
    try {
      await proveAll(stage, cluster, (made) => {
        for (const finding of made) finding.report();
        findings.push(...made);
      });
    } catch (error) {
      progress(cluster.logs());
      throw error;
    }
  }
  const broken = findings.filter(({ held }) => !held).map(({ behaviour }) => behaviour);
  print({ proof: "nodes", summary: true, n: findings.length, held: broken.length === 0, broken });
  return broken.length === 0;
}

async function proveAll(
  stage: Stage,
  cluster: HostCluster,
  tell: (findings: readonly Finding[]) => void,
): Promise<void> {
  const [cut, killed, frozen, spare] = ["worker1", "worker2", "worker3", "worker5"].map((name) => cluster.node(name));
  if (cut === undefined || killed === undefined || frozen === undefined || spare === undefined) return;
  const small = cluster.node(SMALL);
  progress("an engine stands still; a node is paused");
  const engine = new FrozenEngine(stage, frozen, "frozen-");
  await all([engine.begin(), provePause(stage, spare, "pause-").then(tell)]);
  progress("a host is cut off, an agent killed, a disk filled");
  await all([
    proveAway(stage, { node: cut, others: [spare, small, killed] }, "away-").then(tell),
    proveAgentKilled(stage, killed, "killed-").then(tell),
    proveDisk(stage, small, "disk-").then(tell),
  ]);
  progress("all workers are cut off");
  tell(await proveMassSilence(stage, [cut, killed, frozen, small, spare], "mass-"));
  progress("two managers and a worker are cut off");
  const [, second, third] = cluster.managers as [HostNode, HostNode, HostNode];
  tell(await proveQuorumLoss(stage, { node: cut, managers: [second, third] }, "quorum-"));
  progress("until the engine that stands still is given up");
  tell([await engine.end()]);
}

/** Side by side: what fails does not end the others. */
async function all(works: readonly Promise<void>[]): Promise<void> {
  const ends = await Promise.allSettled(works);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}
