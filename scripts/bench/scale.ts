// A large store: memory of the managers, restart to serving, catch-up of a new member, and what the event loop and
// elections do meanwhile. Services of 100 replicas each on workers that run nothing (fake-nodes.ts). One JSON object a line.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { httpGet, waitFor } from "../lib/run.ts";
import { LocalCluster } from "../lib/local-cluster.ts";
import type { LocalNode } from "../lib/local-cluster.ts";
import { ROOT } from "../lib/shoal.ts";
import { FakeNode } from "./fake-nodes.ts";
import { round } from "./stats.ts";

export const SCALE_PHASES = "memory,follower,leader,snapshot,catch-up,memory";

export type ScaleOptions = {
  readonly phases: readonly string[];
  readonly services: number;
  readonly replicas: number;
  /** 0: no node takes tasks, they stay pending. */
  readonly nodes: number;
  readonly nodeArgs: readonly string[];
};

const LOAD_MS = 900_000;
const CLIENTS = 8;
const SETTLE_MS = 5000;
const READY_MS = 120_000;
/** More than a snapshot's interval. */
const WRITES = 11_000;
const PROBE = join(ROOT, "scripts/bench/loop-probe.mjs");

export async function benchScale(options: ScaleOptions): Promise<void> {
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
    for (const manager of this.#cluster.managers) {
      if (manager.child === null) continue;
      print({ phase: "memory", manager: manager.name, ...(await this.#memoryOf(manager)) });
    }
  }

  /** From the start of the process to the first answer that is as fresh as the leader's. */
  async restart(which: "follower" | "leader"): Promise<void> {
    const from = await this.#phase();
    const leader = await this.#cluster.leader();
    const node = which === "leader" ? leader : this.#follower(leader);
    await this.#cluster.kill(node, "SIGKILL");
    await this.#cluster.leader();
    const bootedAt = performance.now();
    await this.#boot(node);
    const servingMs = await this.#serving(node, bootedAt);
    await this.#report(`restart-${which}`, from, { servingMs: round(servingMs), ...(await this.#memoryOf(node)) });
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
    const leader = await this.#cluster.leader();
    const lost = this.#follower(leader);
    await this.#cluster.kill(lost, "SIGKILL");
    rmSync(join(lost.dir, "data"), { recursive: true });
    const newcomer = await this.#cluster.add("manager");
    const commit = await gauge(leader, "shoal_raft_commit_index");
    const tasks = await gauge(leader, "shoal_store_tasks");
    const bootedAt = performance.now();
    await this.#boot(newcomer);
    await waitFor(
      "catch-up",
      READY_MS,
      async () => {
        const [applied, has] = [
          await gauge(newcomer, "shoal_raft_applied_index"),
          await gauge(newcomer, "shoal_store_tasks"),
        ];
        return applied >= commit && has >= tasks ? true : undefined;
      },
      50,
    );
    const caughtUpMs = round(performance.now() - bootedAt);
    await this.#report("catch-up", from, { caughtUpMs, ...(await this.#memoryOf(newcomer)) });
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

  #follower(leader: LocalNode): LocalNode {
    const node = this.#cluster.managers.find((other) => other !== leader && other.child !== null);
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

  async #memoryOf(node: LocalNode): Promise<Record<string, number>> {
    const status = readFileSync(`/proc/${node.child?.pid ?? 0}/status`, "utf8");
    const kib = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
    return {
      rssMiB: round(kib("VmRSS") / 1024),
      peakMiB: round(kib("VmHWM") / 1024),
      heapMiB: round((await gauge(node, "nodejs_heap_size_used_bytes")) / 2 ** 20),
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
    const loops = this.#cluster.managers.map((node) => loopDelays(node, from.wallMs));
    print({
      phase,
      seconds,
      elections,
      ...figures,
      loopP99Ms: loops.map(({ p99 }) => p99),
      loopMaxMs: loops.map(({ max }) => max),
    });
  }
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
