// A large store: memory of the managers, restart to serving, catch-up of a new member, and what the event loop and
// elections do meanwhile. Services of 100 replicas each on workers that run nothing (fake-nodes.ts). One JSON object a line.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { httpGet, waitFor } from "../lib/run.ts";
import { LocalCluster } from "../lib/local-cluster.ts";
import type { LocalNode } from "../lib/local-cluster.ts";
import { ROOT } from "../lib/shoal.ts";
import { FakeNode } from "./fake-nodes.ts";
import { buildProgram, imageNode } from "./image-node.ts";
import { median, percentile, round } from "./stats.ts";

export const SCALE_PHASES = "memory,follower,leader,snapshot,catch-up,memory";

export type ScaleOptions = {
  readonly phases: readonly string[];
  readonly services: number;
  readonly replicas: number;
  /** 0: no node takes tasks, they stay pending. */
  readonly nodes: number;
  readonly nodeArgs: readonly string[];
  /** Restarts of followers, restarts of the leader, new members: so many of each. */
  readonly runs: number;
};

const LOAD_MS = 900_000;
const CLIENTS = 8;
const SETTLE_MS = 5000;
const READY_MS = 120_000;
/** More than a snapshot's interval. */
const WRITES = 11_000;
const PROBE = join(ROOT, "scripts/bench/loop-probe.mjs");

export async function benchScale(options: ScaleOptions): Promise<void> {
  process.env["SHOAL_NODE"] = await imageNode();
  await buildProgram();
  await using bench = new ScaleBench(options);
  await bench.start();
  await bench.load();
  for (const phase of options.phases) {
    if (phase === "memory") await bench.memory();
    else if (phase === "follower" || phase === "leader") await bench.restart(phase);
    else if (phase === "snapshot") await bench.snapshot();
    else if (phase === "catch-up") await bench.catchUp();
    else throw new Error(`Which phase is ${phase}? ${SCALE_PHASES}`);
  }
}

class ScaleBench implements AsyncDisposable {
  readonly #options: ScaleOptions;
  readonly #cluster: LocalCluster;
  readonly #fakes: FakeNode[] = [];

  constructor(options: ScaleOptions) {
    this.#options = options;
    this.#cluster = new LocalCluster({}, [...options.nodeArgs, "--import", PROBE]);
  }

  async start(): Promise<void> {
    const cluster = this.#cluster;
    for (let at = 0; at < 3; at += 1) await this.#boot(await cluster.add("manager"));
    await cluster.ready();
    const token = readFileSync(join(cluster.root, "tokens", "worker", "token"), "utf8");
    const addresses = cluster.managers.map(({ address }) => address);
    for (let at = 0; at < this.#options.nodes; at += 1) {
      const node = new FakeNode(at, addresses);
      this.#fakes.push(node);
      await node.join(token);
    }
  }

  async load(): Promise<void> {
    const { services, replicas, nodes } = this.#options;
    const tasks = services * replicas;
    const from = await this.#phase();
    let next = 0;
    const client = async (): Promise<void> => {
      const leader = await this.#cluster.leader();
      for (let at = next++; at < services; at = next++) {
        const spec = { name: `s${at}`, replicated: { replicas }, task: { container: { image: "app:1" } } };
        await this.#cluster.call(leader, "Control.CreateService", { requestId: "", spec }, 60_000);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    await waitFor(
      "all tasks",
      LOAD_MS,
      async () => {
        for (const manager of this.#cluster.managers) if ((await gauge(manager, "shoal_store_tasks")) < tasks) return;
        if (nodes === 0) return true;
        const { tasksRunning } = await this.#cluster.call(await this.#cluster.leader(), "Control.GetCluster", {});
        progress(`${tasksRunning} of ${tasks} run`);
        return tasksRunning >= tasks ? true : undefined;
      },
      1000,
    );
    await this.#report("load", from, { services, tasks, nodes });
  }

  async memory(): Promise<void> {
    await sleep(SETTLE_MS);
    const running = this.#cluster.managers.filter((manager) => manager.child !== null);
    const all = await Promise.all(running.map(async (manager) => await this.#memoryOf(manager)));
    const most = (name: "rssMiB" | "peakMiB"): number => Math.max(...all.map((one) => one[name]));
    print({ phase: "memory", rssMiB: most("rssMiB"), peakMiB: most("peakMiB"), managers: all });
  }

  /** From the start of the process to the first answer that is as fresh as the leader's. */
  async restart(which: "follower" | "leader"): Promise<void> {
    const from = await this.#phase();
    const times: number[] = [];
    for (let run = 0; run < this.#options.runs; run += 1) {
      const leader = await this.#cluster.leader();
      const node = which === "leader" ? leader : this.#follower(leader, run);
      await this.#cluster.kill(node, "SIGKILL");
      await this.#cluster.leader();
      const bootedAt = performance.now();
      await this.#boot(node);
      times.push(await this.#serving(node, bootedAt));
      progress(`${which} served after ${round(times.at(-1) ?? 0)} ms`);
      await sleep(SETTLE_MS);
    }
    await this.#report(`restart-${which}`, from, named("servingMs", spread(times)));
  }

  /** Writes until every manager has taken a snapshot of the whole. */
  async snapshot(): Promise<void> {
    const from = await this.#phase();
    const leader = await this.#cluster.leader();
    let written = 0;
    const client = async (id: number): Promise<void> => {
      while (written < WRITES) {
        written += 1;
        const spec = {
          name: `x${id}`,
          labels: { n: String(written) },
          replicated: { replicas: 0 },
          task: { container: { image: "a:1" } },
        };
        const { service } = await this.#cluster.call(leader, "Control.CreateService", { requestId: "", spec }, 60_000);
        await this.#cluster.call(leader, "Control.RemoveService", { requestId: "", id: service?.id ?? "" }, 60_000);
        written += 1;
      }
    };
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: 2 * CLIENTS }, async (_, id) => await client(id)));
    const perSec = round(written / ((performance.now() - startedAt) / 1000));
    await this.#report("snapshot-under-writes", from, { writes: written, perSec });
  }

  /** A member with an empty disk joins: it is sent a snapshot and the log behind it. */
  async catchUp(): Promise<void> {
    const from = await this.#phase();
    const times: number[] = [];
    for (let run = 0; run < this.#options.runs; run += 1) {
      times.push(await this.#join());
      progress(`caught up after ${round(times.at(-1) ?? 0)} ms`);
      await sleep(SETTLE_MS);
    }
    await this.#report("catch-up", from, named("caughtUpMs", spread(times)));
  }

  /** In the place of a follower, which is removed. @returns ms from its start until it has all the leader has */
  async #join(): Promise<number> {
    const leader = await this.#cluster.leader();
    const lost = this.#follower(leader);
    const { nodes } = await this.#cluster.call(leader, "Control.ListNodes", { filters: [`name=${lost.name}`] });
    await this.#cluster.kill(lost, "SIGKILL");
    rmSync(join(lost.dir, "data"), { recursive: true });
    await this.#cluster.call(leader, "Control.RemoveNode", { id: nodes[0]?.node?.id ?? "", force: true }, READY_MS);
    const newcomer = await this.#cluster.add("manager");
    const commit = await gauge(leader, "shoal_raft_commit_index");
    const tasks = await gauge(leader, "shoal_store_tasks");
    const bootedAt = performance.now();
    await this.#boot(newcomer);
    await waitFor(
      "catch-up",
      READY_MS,
      async () => {
        const applied = await gauge(newcomer, "shoal_raft_applied_index");
        return applied >= commit && (await gauge(newcomer, "shoal_store_tasks")) >= tasks ? true : undefined;
      },
      50,
    );
    return performance.now() - bootedAt;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#fakes) node.stop();
    if (process.env["SHOAL_BENCH_KEEP"] !== undefined) {
      for (const node of this.#cluster.nodes) await this.#cluster.kill(node, "SIGTERM");
      process.stderr.write(`kept ${this.#cluster.root}\n`);
      return;
    }
    await this.#cluster.stop();
  }

  async #boot(node: LocalNode): Promise<void> {
    this.#cluster.boot(node, { SHOAL_LOOP_PROBE: join(node.dir, "loop") });
    await Promise.resolve();
  }

  /** @param at which of them */
  #follower(leader: LocalNode, at = 0): LocalNode {
    const followers = this.#cluster.managers.filter((other) => other !== leader && other.child !== null);
    const node = followers[at % followers.length];
    if (node === undefined) throw new Error("There is no follower");
    return node;
  }

  async #serving(node: LocalNode, since: number): Promise<number> {
    await waitFor(
      "an answer",
      READY_MS,
      async () => {
        const { services } = await this.#cluster.call(node, "Control.GetCluster", {}, 2000);
        return services >= this.#options.services ? true : undefined;
      },
      20,
    );
    return performance.now() - since;
  }

  async #memoryOf(node: LocalNode): Promise<Memory> {
    const status = readFileSync(`/proc/${node.child?.pid ?? 0}/status`, "utf8");
    const kib = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
    return {
      manager: node.name,
      rssMiB: round(kib("VmRSS") / 1024),
      peakMiB: round(kib("VmHWM") / 1024),
      fileMiB: round(kib("RssFile") / 1024),
      heapMiB: round((await gauge(node, "nodejs_heap_size_used_bytes")) / 2 ** 20),
      heapTotalMiB: round((await gauge(node, "nodejs_heap_size_total_bytes")) / 2 ** 20),
      externalMiB: round((await gauge(node, "nodejs_external_memory_bytes")) / 2 ** 20),
    };
  }

  async #phase(): Promise<{ readonly at: number; readonly wallMs: number; readonly term: number }> {
    const term = await gauge(await this.#cluster.leader(), "shoal_raft_term");
    return { at: performance.now(), wallMs: Date.now(), term };
  }

  async #report(
    phase: string,
    from: { readonly at: number; readonly wallMs: number; readonly term: number },
    figures: Record<string, unknown>,
  ): Promise<void> {
    const seconds = round((performance.now() - from.at) / 1000);
    const elections = (await gauge(await this.#cluster.leader(), "shoal_raft_term")) - from.term;
    // The probe writes once a second.
    await sleep(1100);
    const running = this.#cluster.managers.filter((node) => node.child !== null);
    const loops = running.map((node) => [node.name, loopDelays(node, from.wallMs)] as const);
    print({ phase, seconds, elections, ...figures, loopMs: Object.fromEntries(loops) });
  }
}

type Memory = {
  readonly manager: string;
  readonly rssMiB: number;
  /** The most it ever had. */
  readonly peakMiB: number;
  /** Of it, pages of files, which the kernel takes back when it needs them: the program, LevelDB's tables. */
  readonly fileMiB: number;
  readonly heapMiB: number;
  /** With what garbage left behind. */
  readonly heapTotalMiB: number;
  readonly externalMiB: number;
};

type Spread = { readonly n: number; readonly median: number; readonly p95: number; readonly max: number };

function spread(values: readonly number[]): Spread {
  const [middle, high, max] = [median(values), percentile(values, 0.95), Math.max(...values)].map((value) =>
    round(value),
  );
  return { n: values.length, median: middle ?? 0, p95: high ?? 0, max: max ?? 0 };
}

/** `n`, `servingMs` (the median), `servingMsP95`, `servingMsMax`. */
function named(name: string, { n, median: middle, p95, max }: Spread): Record<string, number> {
  return { n, [name]: middle, [`${name}P95`]: p95, [`${name}Max`]: max };
}

/** Since `wallMs`. What the probe did not keep is shorter than it keeps: reported as 0. */
function loopDelays(node: LocalNode, wallMs: number): { readonly p99: number; readonly max: number } {
  const file = join(node.dir, "loop");
  if (!existsSync(file)) return { p99: 0, max: 0 };
  let samples = 0;
  const delays: number[] = [];
  for (const line of readFileSync(file, "utf8").trim().split("\n")) {
    if (line === "") continue;
    const second = JSON.parse(line) as { atMs: number; samples: number; delays: number[] };
    if (second.atMs < wallMs) continue;
    samples += second.samples;
    delays.push(...second.delays);
  }
  delays.sort((a, b) => b - a);
  return { p99: delays[Math.floor(samples / 100)] ?? 0, max: delays[0] ?? 0 };
}

async function gauge(node: LocalNode, name: string): Promise<number> {
  const { text } = await httpGet(`http://${node.httpAddress}/metrics`, 10_000);
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? 0);
}

function print(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify({ bench: "scale", ...line })}\n`);
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
