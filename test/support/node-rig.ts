/** A whole cluster with one service, for tests of what happens when nodes, links and managers go and come back. */
import type { NodeLossInput } from "../../src/proto/gen/NodeLoss.ts";
import type { Node, Task } from "../../src/model/index.ts";
import type { ServiceSpecInput } from "../../src/proto/gen/ServiceSpec.ts";
import type { NodeSpecInput } from "../../src/proto/gen/NodeSpec.ts";
import { SimCluster, type Machine, type MachineTraits } from "./sim-cluster.ts";

export const REPLICAS = 4;

/** A task that should run, and where it does. */
export type Placed = { readonly id: string; readonly nodeId: string };

export type StartOptions = {
  readonly workers?: number;
  readonly managers?: number;
  /** Managers have an engine too. */
  readonly managersRun?: boolean;
  readonly nodeLoss?: NodeLossInput | null;
  /** One task that never runs twice. */
  readonly single?: boolean;
  readonly volume?: string;
  readonly rebalance?: boolean;
  /** Of each machine, by name, besides. */
  readonly traits?: (name: string) => MachineTraits;
};

export class Rig {
  readonly cluster: SimCluster;
  /** Every state a node was seen in, in order, as `w1 DOWN`. */
  readonly states: string[] = [];

  constructor(seed: number, { managersRun = false, traits }: Pick<StartOptions, "managersRun" | "traits"> = {}) {
    this.cluster = new SimCluster(seed, {
      traits: (name, role) => ({ runs: managersRun || role === "worker", ...traits?.(name) }),
    });
  }

  static async start(seed: number, options: StartOptions = {}): Promise<Rig> {
    const {
      workers = 3,
      managers = 3,
      managersRun = false,
      nodeLoss = null,
      single = false,
      volume,
      rebalance = false,
    } = options;
    const mounts = volume === undefined ? [] : [{ type: "VOLUME", source: volume, target: "/data" } as const];
    const replicas = single ? 1 : REPLICAS;
    const rig = new Rig(seed, { managersRun, ...(options.traits === undefined ? {} : { traits: options.traits }) });
    await rig.cluster.start({ managers, workers });
    await rig.cluster.mustCall("Control.CreateService", {
      requestId: `rig-${seed}`,
      spec: {
        name: "web",
        replicated: { replicas },
        nodeLoss,
        single,
        rebalance,
        task: { container: { image: "app:1", stopGraceMs: 1000, mounts }, restart: { delayMs: 100 } },
      },
    });
    await rig.until("the service runs", 10_000, () => rig.running().length === replicas);
    await rig.run(1000);
    rig.states.length = 0;
    return rig;
  }

  async create(spec: ServiceSpecInput): Promise<void> {
    await this.cluster.mustCall("Control.CreateService", { requestId: `create-${spec.name}`, spec });
  }

  /** Of the service web. */
  async scale(replicas: number): Promise<void> {
    const { service } = await this.cluster.mustCall("Control.GetService", { id: "web" });
    const spec = { ...service?.spec, replicated: { replicas } };
    const version = service?.specVersion ?? 0;
    const requestId = `scale-${this.cluster.sim.now}`;
    await this.cluster.mustCall("Control.UpdateService", { requestId, id: "web", version, spec });
  }

  async changeNode(machine: Machine, change: NodeSpecInput): Promise<void> {
    const { node } = await this.cluster.mustCall("Control.GetNode", { id: machine.id });
    const version = node?.meta?.version ?? 0;
    const requestId = `node-${this.cluster.sim.now}`;
    const spec = { ...node?.spec, ...change };
    await this.cluster.mustCall("Control.UpdateNode", { requestId, id: machine.id, version, spec });
  }

  /** Kills the leader, and has another one. @returns the one that died */
  async changeLeader(): Promise<Machine> {
    const dead = this.leader();
    this.cluster.crash(dead, { power: true });
    await this.until("another leader", 20_000, () => this.cluster.leader() !== null);
    return dead;
  }

  /** Looks at all node states every 20 ms meanwhile. */
  async run(ms: number): Promise<void> {
    const until = this.cluster.sim.now + ms;
    while (this.cluster.sim.now < until) {
      await this.cluster.sim.run(Math.min(20, until - this.cluster.sim.now));
      this.#look();
    }
  }

  /** @returns how long it took. */
  async until(what: string, timeoutMs: number, isDone: () => boolean): Promise<number> {
    const from = this.cluster.sim.now;
    while (!isDone()) {
      if (this.cluster.sim.now - from > timeoutMs) throw new Error(`${what}: not within ${timeoutMs} ms`);
      await this.run(20);
    }
    return this.cluster.sim.now - from;
  }

  /** Committed state as the leader, or else any manager that is up, knows it. */
  nodes(): readonly Node[] {
    return [...(this.#store()?.all("node") ?? [])];
  }

  node(machine: Machine): Node {
    const node = this.nodes().find(({ id }) => id === machine.id);
    if (node === undefined) throw new Error(`no node ${machine.name}`);
    return node;
  }

  tasks(): readonly Task[] {
    return [...(this.#store()?.all("task") ?? [])];
  }

  /** What is wanted and runs, in order. */
  running(): readonly Placed[] {
    return this.tasks()
      .filter((task) => task.desired === "RUNNING" && task.status?.state === "RUNNING")
      .map(({ id, nodeId }) => ({ id, nodeId }))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Task ids with how often each one's container was started, over all engines. */
  starts(): readonly string[] {
    return this.cluster.workers
      .flatMap((machine) => machine.engine?.containers() ?? [])
      .map((container) => `${container.task.id} ${container.state.state} ${container.starts}`)
      .toSorted();
  }

  /** Names of nodes that were seen DOWN or LEFT since the start. */
  givenUp(): readonly string[] {
    return this.states.filter((text) => text.endsWith(" DOWN") || text.endsWith(" LEFT"));
  }

  /** A worker with tasks on it whose session is at `manager`, or at any. */
  busyWorker(manager?: Machine): Machine {
    const found = this.cluster.workers.find(
      (worker) =>
        this.running().some(({ nodeId }) => nodeId === worker.id) &&
        (manager === undefined || this.node(worker).status?.sessionManagerId === manager.id),
    );
    if (found === undefined) throw new Error("no such worker");
    return found;
  }

  tasksOn(machine: Machine): readonly Placed[] {
    return this.running().filter(({ nodeId }) => nodeId === machine.id);
  }

  cutOff(machine: Machine, from: readonly Machine[] = this.cluster.machines): () => void {
    const others = from.filter((other) => other !== machine).map(({ name }) => name);
    this.cluster.network.partition([machine.name], others);
    return () => {
      this.cluster.network.heal(
        others.flatMap((other): [string, string][] => [
          [machine.name, other],
          [other, machine.name],
        ]),
      );
    };
  }

  leader(): Machine {
    const leader = this.cluster.leader();
    if (leader === null) throw new Error("no leader");
    return leader;
  }

  follower(): Machine {
    const leader = this.leader();
    const found = this.cluster.managers.find((machine) => machine !== leader);
    if (found === undefined) throw new Error("no follower");
    return found;
  }

  #store(): ReturnType<NonNullable<NonNullable<Machine["node"]>["manager"]>["store"]["view"]> | undefined {
    const machine = this.cluster.leader() ?? this.cluster.managers.find((manager) => manager.node !== null);
    return machine?.node?.manager?.store.view();
  }

  #look(): void {
    for (const { spec, status } of this.nodes()) {
      const name = spec?.name ?? "";
      const before = this.states.findLast((text) => text.startsWith(`${name} `));
      const now = `${name} ${status?.state ?? "UNKNOWN"}`;
      if (before !== now) this.states.push(now);
    }
  }
}
