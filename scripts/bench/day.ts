// The ordinary day, on five hosts with an engine each: Shoal, Docker Swarm on the same engines, and where there is such a
// thing the engines alone, in turn. Three hosts are managers of both, and all five run tasks. One line an event; what
// did not come to an end is counted and told on standard error, and the others go on.
import { startHostCluster } from "../../test/support/host-cluster.ts";
import type { HostCluster, HostNode } from "../../test/support/host-cluster.ts";
import { EngineApi } from "../lib/engine-api.ts";
import { waitFor } from "../lib/run.ts";
import { ShoalSide } from "./day/shoal-side.ts";
import { polled, SEEN_MS, WORKLOAD } from "./day/side.ts";
import type { DaySide } from "./day/side.ts";
import { SwarmSide } from "./day/swarm-side.ts";
import { imageNode } from "./image-node.ts";
import { median, percentile, round } from "./stats.ts";

export const DAY_EVENTS = [
  "create-10",
  "create-50",
  "kill-container",
  "rolling-10",
  "node-lost",
  "leader-host-lost",
] as const;
export type DayEvent = (typeof DAY_EVENTS)[number];
export type DayOptions = { readonly events: readonly DayEvent[]; readonly rounds: number };

const MANAGERS = 3;
const WORKERS = 2;
const REPLICAS = 10;
const SERVICE = "day";
/** Between two measurements: what is left to do of one shall not be in the next. */
const REST_MS = 1_000;

type Figures = Record<"shoal" | "swarm" | "engine", number[]>;

/** @returns whether everything came to an end */
export async function benchDay({ events, rounds }: DayOptions): Promise<boolean> {
  // What was made for it is removed at the exit (test/support/hosts.ts).
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  const node = await imageNode();
  await using cluster = await startHostCluster({ managers: MANAGERS, workers: WORKERS, doManagersRun: true, node });
  const hosts = cluster.nodes.map(({ host }) => host);
  using shoal = new ShoalSide(cluster);
  const swarm = new SwarmSide(hosts, MANAGERS);
  await swarm.start();
  await shoal.settled();
  const day = new Day(cluster, [shoal, swarm]);
  // The first of everything takes longer, and would count against who is first.
  for (const side of [shoal, swarm]) await day.measure("create-10", side);
  let failed = 0;
  for (const event of events) {
    const figures: Figures = { shoal: [], swarm: [], engine: [] };
    let failedHere = 0;
    for (let run = 1; run <= rounds; run += 1) {
      process.stderr.write(`${event}: round ${run} of ${rounds}\n`);
      for (const side of run % 2 === 1 ? [shoal, swarm] : [swarm, shoal]) {
        const took = await day.measure(event, side).catch((error: unknown) => {
          failedHere += 1;
          process.stderr.write(`${event} of ${side.name}: ${String(error)}\n`);
        });
        if (took !== undefined) figures[side.name].push(took);
      }
      const alone = await day.enginesAlone(event);
      if (alone !== null) figures.engine.push(alone);
    }
    print(event, { n: rounds, failed: failedHere }, figures);
    failed += failedHere;
  }
  return failed === 0;
}

function print(event: DayEvent, counts: { n: number; failed: number }, { shoal, swarm, engine }: Figures): void {
  const line = {
    bench: "day",
    event,
    shoalMs: round(median(shoal)),
    swarmMs: round(median(swarm)),
    engineMs: engine.length === 0 ? null : round(median(engine)),
    ...counts,
    shoalP95Ms: round(percentile(shoal, 0.95)),
    swarmP95Ms: round(percentile(swarm, 0.95)),
    swarmToShoal: round(median(swarm) / median(shoal), 2),
    shoalToEngine: engine.length === 0 ? null : round(median(shoal) / median(engine), 2),
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

class Day {
  readonly #cluster: HostCluster;
  readonly #sides: readonly DaySide[];
  readonly #engines: readonly EngineApi[];

  constructor(cluster: HostCluster, sides: readonly DaySide[]) {
    this.#cluster = cluster;
    this.#sides = sides;
    this.#engines = cluster.nodes.map(({ host }) => new EngineApi(host.dockerHost));
  }

  /** @returns ms */
  async measure(event: DayEvent, side: DaySide): Promise<number> {
    const replicas = event === "create-50" ? 50 : REPLICAS;
    try {
      const startedAt = performance.now();
      await side.create(SERVICE, replicas);
      await side.reaches(SERVICE, replicas, () => true);
      if (event === "create-10" || event === "create-50") return performance.now() - startedAt;
      await sleep(REST_MS);
      if (event === "kill-container") return await this.#killContainer(side);
      if (event === "rolling-10") return await this.#rollingUpdate(side);
      return await this.#loseHost(side, await this.#victim(event, side));
    } finally {
      await side.remove(SERVICE);
      await this.#isQuiet();
    }
  }

  /** The same by nobody but the engines, each with its share at once. Null where they alone do nothing. @returns ms */
  async enginesAlone(event: DayEvent): Promise<number | null> {
    const [first] = this.#engines;
    if (event === "kill-container" && first !== undefined) return await first.replaceMs(WORKLOAD.image, WORKLOAD.args);
    if (event !== "create-10" && event !== "create-50") return null;
    const count = event === "create-50" ? 50 : REPLICAS;
    const engines = Array.from(
      { length: count },
      (_, at) => this.#engines[at % this.#engines.length] ?? new EngineApi(),
    );
    const startedAt = performance.now();
    const ids = await Promise.all(engines.map(async (engine) => await engine.start(WORKLOAD.image, WORKLOAD.args)));
    const took = performance.now() - startedAt;
    await Promise.all(engines.map(async (engine, at) => await engine.remove(ids[at] ?? "")));
    await this.#isQuiet();
    return took;
  }

  async #killContainer(side: DaySide): Promise<number> {
    const [victim] = await side.running(SERVICE);
    if (victim === undefined) throw new Error("Nothing runs that could be killed");
    const engine = new EngineApi(this.#node(victim.host).host.dockerHost);
    const killedAt = performance.now();
    await engine.kill(victim.containerId);
    await side.reaches(SERVICE, REPLICAS, (task) => task.id !== victim.id);
    return performance.now() - killedAt;
  }

  async #rollingUpdate(side: DaySide): Promise<number> {
    const startedAt = performance.now();
    await side.update(SERVICE, "2");
    await side.reaches(SERVICE, REPLICAS, ({ version }) => version === "2");
    return performance.now() - startedAt;
  }

  /** The host of a manager that leads, or the worker host with the most tasks. */
  async #victim(event: DayEvent, side: DaySide): Promise<HostNode> {
    if (event === "leader-host-lost") return this.#node(await side.leaderHost());
    const tasks = await side.running(SERVICE);
    const load = ({ host }: HostNode): number => tasks.filter((task) => task.host === host.name).length;
    const [busiest] = this.#cluster.workers.toSorted((a, b) => load(b) - load(a));
    if (busiest === undefined) throw new Error("There are two workers");
    return busiest;
  }

  /** As by a power cut, until its tasks run elsewhere. The host is back afterwards. */
  async #loseHost(side: DaySide, victim: HostNode): Promise<number> {
    const { name } = victim.host;
    const before = await side.running(SERVICE);
    if (!before.some(({ host }) => host === name)) throw new Error(`${side.name} runs nothing on ${name}`);
    const lostAt = performance.now();
    await victim.host.powerOff();
    try {
      await polled(side, SERVICE, REPLICAS, ({ host }) => host !== name);
      return performance.now() - lostAt;
    } finally {
      await victim.reboot();
    }
  }

  /** No container runs, and every node of both is ready again. */
  async #isQuiet(): Promise<void> {
    for (const side of this.#sides) await side.settled();
    await waitFor("engines without containers", SEEN_MS, async () => {
      const lists = await Promise.all(
        this.#engines.map(async (engine) => await engine.json<unknown[]>("GET", "/containers/json")),
      );
      return lists.every(({ length }) => length === 0) ? true : undefined;
    });
    await sleep(REST_MS);
  }

  #node(hostName: string): HostNode {
    const found = this.#cluster.nodes.find(({ host }) => host.name === hostName);
    if (found === undefined) throw new Error(`No host is called ${hostName}`);
    return found;
  }
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
