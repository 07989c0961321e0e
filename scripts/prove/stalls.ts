// Load for a long time, and every few seconds one manager, often the leader, stands still for 300 ms: as in a garbage
// collection, or while something large is encoded. Nobody may be elected for that.
import { AppError } from "../../src/util/errors.ts";
import { startLocalCluster } from "../lib/local-cluster.ts";
import type { LocalCluster } from "../lib/local-cluster.ts";
import { print, progress, sleep } from "./report.ts";
import type { ProofOptions } from "./report.ts";

const SECONDS = 3_600;
const STALL_MS = 300;
const BETWEEN_MIN_MS = 1_500;
const BETWEEN_MAX_MS = 4_500;
const LEADER_SHARE = 0.5;
/** Between two changes of one client: load, not a race. */
const PAUSE_MS = 20;
const REPORT_EVERY_MS = 60_000;
const CALL_MS = 10_000;

/** Creates and removes, so that the store stays small however long it goes. */
async function write(cluster: LocalCluster, client: number, life: { isOver: boolean }): Promise<number> {
  let done = 0;
  for (let n = 0; !life.isOver; n += 1) {
    const manager = cluster.managers[(client + n) % cluster.managers.length];
    if (manager === undefined) break;
    try {
      const spec = { name: `s${client}-${n}`, replicated: { replicas: 0 }, task: { container: { image: "app:1" } } };
      // Without a request id: of those a cluster remembers 100,000 of an hour and refuses more.
      const { service } = await cluster.call(manager, "Control.CreateService", { requestId: "", spec }, CALL_MS);
      await cluster.call(manager, "Control.RemoveService", { requestId: "", id: service?.id ?? "" }, CALL_MS);
      done += 2;
    } catch (error) {
      progress(`a change failed: ${AppError.from(error).message}`);
    }
    await sleep(PAUSE_MS);
  }
  return done;
}

export async function proveStalls({ seconds = SECONDS, clients }: ProofOptions): Promise<boolean> {
  await using cluster = await startLocalCluster({ managers: 3 });
  const term = async (): Promise<number> => {
    const [first] = cluster.managers;
    if (first === undefined) throw new Error("There is no manager");
    return (await cluster.call(first, "Control.GetCluster", {}, CALL_MS)).term;
  };
  const termBefore = await term();
  const life = { isOver: false };
  const writers = Array.from({ length: clients }, async (_, client) => await write(cluster, client, life));
  const startedAt = performance.now();
  let stalls = 0;
  let ofLeader = 0;
  let reportAt = REPORT_EVERY_MS;
  while (performance.now() - startedAt < seconds * 1_000) {
    await sleep(BETWEEN_MIN_MS + Math.random() * (BETWEEN_MAX_MS - BETWEEN_MIN_MS));
    const leader = await cluster.leader();
    const others = cluster.managers.filter((node) => node !== leader);
    const isLeader = Math.random() < LEADER_SHARE;
    const victim = isLeader ? leader : others[stalls % others.length];
    victim?.child?.kill("SIGSTOP");
    await sleep(STALL_MS);
    victim?.child?.kill("SIGCONT");
    stalls += 1;
    if (isLeader) ofLeader += 1;
    if (performance.now() - startedAt < reportAt) continue;
    reportAt += REPORT_EVERY_MS;
    progress(`${Math.round((performance.now() - startedAt) / 1_000)} s, ${stalls} stalls, term ${await term()}`);
  }
  life.isOver = true;
  const changes = (await Promise.all(writers)).reduce((sum, done) => sum + done, 0);
  const elections = (await term()) - termBefore;
  print({ proof: "stalls", summary: true, seconds, clients, stallMs: STALL_MS, stalls, ofLeader, changes, elections });
  return elections === 0;
}
