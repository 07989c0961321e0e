// The leader's process is killed again and again while clients write: how long nobody's write is accepted, and what
// was lost. Beside the containers' own proof (npm run prove -- failover) this measures processes on loopback.
import { call } from "../../src/proto/client.ts";
import { newId } from "../../src/util/id.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { AppError } from "../../src/util/errors.ts";
import { startLocalCluster } from "../lib/local-cluster.ts";
import type { LocalCluster, LocalNode } from "../lib/local-cluster.ts";
import { waitFor } from "../lib/run.ts";
import { median, percentile, round } from "./stats.ts";

export type FailoverBenchOptions = {
  readonly runs: number;
  readonly clients: number;
  readonly how: "sigkill" | "sigterm";
};

const WARM_MS = 400;
const SETTLE_MS = 2500;

export async function benchFailover({ runs, clients, how }: FailoverBenchOptions): Promise<void> {
  await using cluster = await startLocalCluster({ managers: 3 });
  const stalls: number[] = [];
  let acknowledged = 0;
  let lost = 0;
  for (let run = 0; run < runs; run += 1) {
    const leader = await cluster.leader();
    const writers = Array.from({ length: clients }, (_, client) => new Writer(cluster, `f${run}-${client}`));
    const work = writers.map(async (writer) => await writer.run());
    await sleep(WARM_MS);
    const killedAt = performance.now();
    await cluster.kill(leader, how === "sigkill" ? "SIGKILL" : "SIGTERM");
    const first = await waitFor("an accepted write", 30_000, () => firstAfter(writers, killedAt), 5);
    stalls.push(how === "sigkill" ? first - killedAt : longestGap(writers));
    await sleep(WARM_MS);
    for (const writer of writers) writer.stop();
    await Promise.all(work);
    cluster.boot(leader);
    await rejoined(cluster, leader);
    const names = await allNames(cluster);
    for (const writer of writers) {
      acknowledged += writer.acknowledged.length;
      lost += writer.acknowledged.filter(({ name }) => !names.has(name)).length;
    }
    await sleep(SETTLE_MS - WARM_MS);
  }
  process.stdout.write(
    `${JSON.stringify({
      bench: "failover",
      how,
      n: runs,
      clients,
      medianMs: round(median(stalls)),
      p95Ms: round(percentile(stalls, 0.95)),
      maxMs: round(Math.max(...stalls)),
      acknowledged,
      lost,
    })}\n`,
  );
}

class Writer {
  readonly acknowledged: { readonly name: string; readonly sentAt: number; readonly at: number }[] = [];
  readonly #cluster: LocalCluster;
  readonly #prefix: string;
  #isStopped = false;
  #at = Math.floor(Math.random() * 3);

  constructor(cluster: LocalCluster, prefix: string) {
    this.#cluster = cluster;
    this.#prefix = prefix;
  }

  stop(): void {
    this.#isStopped = true;
  }

  async run(): Promise<void> {
    for (let n = 0; !this.#isStopped; n += 1) {
      const name = `${this.#prefix}-${n}`;
      const requestId = newId(realEnv);
      const sentAt = performance.now();
      for (;;) {
        const manager = this.#cluster.managers[this.#at % 3];
        try {
          if (manager === undefined || manager.child === null) throw new AppError("unavailable", "down");
          const spec = { name, replicated: { replicas: 0 }, task: { container: { image: "app:1" } } };
          await call(
            this.#cluster.channel(manager),
            "Control.CreateService",
            { requestId, spec },
            { deadlineMs: 2000 },
          );
          this.acknowledged.push({ name, sentAt, at: performance.now() });
          break;
        } catch {
          this.#at += 1;
          await sleep(5);
        }
      }
      await sleep(5);
    }
  }
}

function firstAfter(writers: readonly Writer[], at: number): number | undefined {
  const answers = writers.flatMap((writer) =>
    writer.acknowledged.filter((write) => write.at > at && write.sentAt > at - 1).map((write) => write.at),
  );
  return answers.length === 0 ? undefined : Math.min(...answers);
}

function longestGap(writers: readonly Writer[]): number {
  const times = writers.flatMap((writer) => writer.acknowledged.map((write) => write.at)).toSorted((a, b) => a - b);
  return Math.max(0, ...times.slice(1).map((at, index) => at - (times[index] ?? at)));
}

async function rejoined(cluster: LocalCluster, node: LocalNode): Promise<void> {
  await waitFor("the killed manager is back", 30_000, async () => {
    const info = await cluster.call(node, "Control.GetCluster", {}, 2000);
    return info.managersReachable === 3 ? info : undefined;
  });
}

async function allNames(cluster: LocalCluster): Promise<Set<string>> {
  const names = new Set<string>();
  const leader = await cluster.leader();
  let pageToken = "";
  do {
    const page = await cluster.call(leader, "Control.ListServices", { pageSize: 1000, pageToken });
    for (const { service } of page.services) names.add(service?.spec?.name ?? "");
    ({ nextPageToken: pageToken } = page);
  } while (pageToken !== "");
  return names;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
