// Every host loses power at once and they come back one after another: each runs its own tasks again, none was moved.
import { startHostCluster } from "../../test/support/host-cluster.ts";
import { allUp, containersOf, runService } from "./hosts.ts";
import { print, progress, sleep } from "./report.ts";
import type { ProofOptions } from "./report.ts";

const WORKERS = 3;
const REPLICAS = 6;
/** From the first node's return to the last one's. */
const SPREAD_S = 90;
const AFTER_MS = 10_000;

export async function proveReboot({ runs, seconds }: ProofOptions): Promise<boolean> {
  const overMs = (seconds ?? SPREAD_S) * 1_000;
  await using cluster = await startHostCluster({ managers: 3, workers: WORKERS });
  using client = cluster.client();
  await runService(client, "app", REPLICAS);
  let movedInAll = 0;
  for (let run = 1; run <= runs; run += 1) {
    progress(`reboot ${run} of ${runs}: everything dies`);
    const before = await allUp(client, "app", REPLICAS);
    const slots = new Map(before.map((task) => [task.slot, task.nodeId]));
    await Promise.all(cluster.nodes.map(async ({ host }) => await host.powerOff()));
    const startedAt = performance.now();
    // Managers first, so that a leader serves while workers are still away: the hardest order for "not moved".
    for (const [at, node] of cluster.nodes.entries()) {
      const due = startedAt + (overMs * at) / Math.max(1, cluster.nodes.length - 1);
      await sleep(Math.max(0, due - performance.now()));
      progress(`${node.name} is back after ${Math.round((performance.now() - startedAt) / 1_000)} s`);
      await node.reboot();
    }
    await cluster.settled();
    const after = await allUp(client, "app", REPLICAS);
    const wholeAfterMs = Math.round(performance.now() - startedAt);
    await sleep(AFTER_MS);
    const settled = await allUp(client, "app", REPLICAS);
    const moved = settled.filter((task) => slots.get(task.slot) !== task.nodeId).length;
    const sameTasks = settled.filter(({ id }) => before.some((task) => task.id === id)).length;
    const containers = (await containersOf(cluster)).length;
    movedInAll += moved;
    print({ proof: "reboot", run, overMs, wholeAfterMs, tasks: after.length, moved, sameTasks, containers });
  }
  print({ proof: "reboot", summary: true, n: runs, moved: movedInAll });
  return movedInAll === 0;
}
