// A whole worker host goes at once: link, engine, containers and agent. Measured is the time until all of its tasks run
// elsewhere; when it is back, nothing that runs by then is touched.
import { startHostCluster } from "../../test/support/host-cluster.ts";
import { allUp, containersOf, runService } from "./hosts.ts";
import { waitFor } from "../lib/run.ts";
import { print, progress, sleep, spread } from "./report.ts";
import type { ProofOptions } from "./report.ts";

const WORKERS = 3;
const REPLICAS = 6;
/** After a host is back: long enough for a wrong restart to show. */
const AFTER_MS = 3_000;
/** A rebooted host's tasks run again, and then their stand-ins go. */
const SURPLUS_MS = 60_000;

export async function provePowerCut({ runs }: ProofOptions): Promise<boolean> {
  await using cluster = await startHostCluster({ managers: 3, workers: WORKERS });
  using client = cluster.client();
  const times: number[] = [];
  let touched = 0;
  await runService(client, "app", REPLICAS);
  for (let run = 1; run <= runs; run += 1) {
    progress(`power-cut ${run} of ${runs}`);
    // The busiest host: there is something to replace.
    const tasks = await allUp(client, "app", REPLICAS);
    // What stood in for the last victim's tasks may still be stopping: that is no container of another's to lose.
    await waitFor("nothing but the service's own containers", SURPLUS_MS, async () =>
      (await containersOf(cluster)).length === REPLICAS ? true : undefined,
    );
    const nodes = await client.nodes();
    const load = (nodeId: string): number => tasks.filter((task) => task.nodeId === nodeId).length;
    const victim = cluster.workers
      .map((worker) => ({ worker, id: nodes.find(({ node }) => node?.spec?.name === worker.name)?.node?.id ?? "" }))
      .toSorted((a, b) => load(b.id) - load(a.id))[0];
    if (victim === undefined) throw new Error("No worker runs anything");
    const own = await victim.worker.containers();
    const others = (await containersOf(cluster)).filter((line) => !own.includes(line));
    const cutAt = performance.now();
    await victim.worker.host.powerOff();
    await allUp(client, "app", REPLICAS, victim.id);
    const elsewhereMs = Math.round(performance.now() - cutAt);
    await victim.worker.reboot();
    await cluster.settled();
    await sleep(AFTER_MS);
    const now = await containersOf(cluster);
    const gone = others.filter((line) => !now.includes(line)).length;
    times.push(elsewhereMs);
    touched += gone;
    print({ proof: "power-cut", run, host: victim.worker.name, tasks: own.length, elsewhereMs, othersTouched: gone });
  }
  print({ proof: "power-cut", summary: true, ...spread(times), othersTouched: touched });
  return touched === 0;
}
