// A worker's network is gone for a few seconds: no container is restarted, no task replaced.
import { startHostCluster } from "../../test/support/host-cluster.ts";
import { allUp, containersOf, placesOf, runService } from "./hosts.ts";
import { print, progress, sleep } from "./report.ts";
import type { ProofOptions } from "./report.ts";

const WORKERS = 2;
const REPLICAS = 4;
const GONE_MS = 4_000;
/** Until a wrong decision would have had its effect. */
const AFTER_MS = 6_000;

export async function proveBlip({ runs }: ProofOptions): Promise<boolean> {
  await using cluster = await startHostCluster({ managers: 3, workers: WORKERS });
  using client = cluster.client();
  await runService(client, "app", REPLICAS);
  let changed = 0;
  for (let run = 1; run <= runs; run += 1) {
    progress(`blip ${run} of ${runs}`);
    const worker = cluster.workers[run % WORKERS];
    if (worker === undefined) throw new Error("There is no worker");
    const tasks = placesOf(await allUp(client, "app", REPLICAS));
    const containers = await containersOf(cluster);
    await worker.host.linkDown();
    await sleep(GONE_MS);
    const upAt = performance.now();
    await worker.host.linkUp();
    await cluster.settled();
    const readyAgainMs = Math.round(performance.now() - upAt);
    await sleep(AFTER_MS);
    const containersChanged = JSON.stringify(await containersOf(cluster)) !== JSON.stringify(containers);
    const all = placesOf(await client.tasks("service=app"));
    const tasksChanged = JSON.stringify(all) !== JSON.stringify(tasks);
    if (containersChanged || tasksChanged) changed += 1;
    print({ proof: "blip", run, host: worker.name, goneMs: GONE_MS, readyAgainMs, containersChanged, tasksChanged });
  }
  print({ proof: "blip", summary: true, n: runs, changed });
  return changed === 0;
}
