/**
 * A whole cluster in one process from one seed: the real code above the five seams (Env, Rpc,
 * Storage, Executor, Identity) on a virtual clock. Machines crash, stall and are cut off; managers
 * are compared at every entry they apply.
 */
import { createHash } from "node:crypto";
import type { Cluster, GenericResource, Node } from "../../src/model/index.ts";
import type { NodeStart } from "../../src/daemon/node.ts";
import type { Manager, ManagerTuning } from "../../src/manager/manager.ts";
import type { NodeRoleName } from "../../src/pki/types.ts";
import { call } from "../../src/proto/client.ts";
import { codec, type KeysOf, type RequestInput, type Response } from "../../src/proto/load.ts";
import { EMPTY_STATUS } from "../../src/manager/sessions/monitor.ts";
import { must } from "../../src/util/assert.ts";
import type { DiskProbe } from "../../src/util/disk-space.ts";
import { AppError } from "../../src/util/errors.ts";
import { newId } from "../../src/util/id.ts";
import { silentLogger, type Logger } from "../../src/util/log.ts";
import type { ChangeSet } from "../../src/store/types.ts";
import { FakeEngine, type FakeBehaviour } from "./fake-engine.ts";
import { MemoryNetwork, type MemoryNode } from "./memory-rpc.ts";
import { Sim, type ClockOptions } from "./sim-env.ts";
import { Machine, type MachineOptions } from "./sim-machine.ts";
import { isSame } from "./same.ts";

export { Machine } from "./sim-machine.ts";

const storeObject = codec("StoreObject");

/** What one machine of a cluster is like; every field has a plain default. */
export type MachineTraits = {
  readonly clock?: Partial<ClockOptions>;
  readonly diskProbe?: DiskProbe;
  /** Of the disks that its agent looks at, by path: its own directory is its name. Default: it looks at none. */
  readonly probeOf?: (path: string) => DiskProbe;
  readonly engine?: Partial<FakeBehaviour>;
  readonly labels?: Readonly<Record<string, string>>;
  /** What its operator says it has beside CPU and memory. */
  readonly generic?: readonly GenericResource[];
  /** Whether it offers a runtime. Default: workers do. */
  readonly runs?: boolean;
};

export type SimClusterOptions = {
  readonly log?: Logger;
  readonly delayMs?: (from: string, to: string) => number;
  /** After so much silence of a link its ends give their connections up. Default: never. */
  readonly keepaliveMs?: number | null;
  /** Limits of managers, for rare paths. */
  readonly tuning?: ManagerTuning;
  readonly traits?: (name: string, role: NodeRoleName) => MachineTraits;
  readonly taskHistoryLimit?: number;
};

export class SimCluster {
  readonly sim: Sim;
  readonly network: MemoryNetwork;
  readonly clusterId: string;
  readonly machines: Machine[] = [];
  readonly log: Logger;
  readonly #options: SimClusterOptions;
  readonly #labels = new Map<string, Readonly<Record<string, string>>>();
  /** What each version changed, as the first manager to apply it had it. */
  readonly #applied = new Map<number, ChangeSet>();
  readonly #client: MemoryNode;
  /** Terms with a leader, for the vacuity check. */
  readonly leaderTerms = new Set<number>();
  fatal: AppError[] = [];
  /** Every entry that a manager applies. `isFirst`: no manager applied it before. */
  onApplied: (machine: Machine, set: ChangeSet, isFirst: boolean) => void = () => undefined;
  /** A node was composed; nothing of it runs yet. */
  onNode: (machine: Machine) => void = () => undefined;
  /** Its process ends for this. */
  onFatal: (machine: Machine, error: AppError) => void = () => undefined;
  onStartFailed: (machine: Machine, error: AppError) => void = (_machine, error) => void this.fatal.push(error);

  constructor(seed: number, options: SimClusterOptions = {}) {
    this.sim = new Sim(seed);
    this.#options = options;
    this.log = options.log ?? silentLogger;
    const world = this.sim.env("world");
    const { delayMs, keepaliveMs = null } = options;
    this.network = new MemoryNetwork(world, { keepaliveMs, ...(delayMs === undefined ? {} : { delayMs }) });
    this.clusterId = newId(world);
    this.#client = this.client("client");
  }

  /** Boots managers and workers and waits until all nodes are ready. */
  async start({ managers, workers }: { readonly managers: number; readonly workers: number }): Promise<void> {
    for (let at = 1; at <= managers; at += 1) this.#add(`m${at}`, "manager");
    for (let at = 1; at <= workers; at += 1) this.#add(`w${at}`, "worker");
    const [first] = this.machines;
    if (first === undefined) throw new Error("A cluster has at least one manager");
    this.boot(first, { kind: "init", bootstrap: { cluster: this.#clusterObject(), node: this.nodeObject(first) } });
    await this.sim.runUntil(() => this.leader() !== null && first.node?.manager?.store.view().count("cluster") === 1, {
      timeoutMs: 20_000,
      what: "the first manager leads",
    });
    const others = this.machines.slice(1);
    await this.sim.resolve(
      must(first.node?.manager, "the first machine is a manager").store.update((tx) => {
        for (const machine of others) tx.put("node", this.nodeObject(machine));
      }),
      { timeoutMs: 10_000, what: "node objects are written" },
    );
    for (const machine of others) this.boot(machine, { kind: machine.role === "manager" ? "join" : "restart" });
    await this.sim.runUntil(() => this.#allReady(), { timeoutMs: 60_000, what: "all nodes are ready" });
  }

  /** A machine more, known to the cluster but not booted. */
  async addMachine(name: string, role: NodeRoleName): Promise<Machine> {
    this.#add(name, role);
    const machine = this.machine(name);
    await this.sim.resolve(this.admit(machine), { timeoutMs: 10_000, what: "the node object is written" });
    return machine;
  }

  /** What a join with a token leaves in the store, written by whoever leads now. */
  async admit(machine: Machine): Promise<void> {
    const manager = this.leader()?.node?.manager;
    if (manager === undefined || manager === null) throw new AppError("unavailable", "Nobody leads");
    await manager.store.update((tx) => {
      if (tx.get("node", machine.id) === undefined) tx.put("node", this.nodeObject(machine));
    });
  }

  /** A client of its own on the network, with an administrator's certificate. */
  client(name: string): MemoryNode {
    const identity = { kind: "admin", name, clusterId: this.clusterId } as const;
    return this.network.node(name, { env: this.sim.env(name), identity });
  }

  machine(name: string): Machine {
    const machine = this.machines.find((candidate) => candidate.name === name);
    if (machine === undefined) throw new Error(`No machine ${name}`);
    return machine;
  }

  get managers(): Machine[] {
    return this.machines.filter((machine) => machine.role === "manager");
  }

  get workers(): Machine[] {
    return this.machines.filter((machine) => machine.role === "worker");
  }

  /** The newest ready leader among running managers. */
  leader(): Machine | null {
    let best: Machine | null = null;
    let bestTerm = 0;
    for (const machine of this.machines) {
      const replica = machine.node?.manager?.replica;
      if (replica?.isReadyLeader() !== true || machine.env.isPaused) continue;
      const { term } = replica.status();
      if (best === null || term > bestTerm) [best, bestTerm] = [machine, term];
    }
    return best;
  }

  boot(machine: Machine, start?: NodeStart): void {
    machine.boot(start);
  }

  crash(machine: Machine, how: { readonly power: boolean; readonly tear?: boolean }): void {
    machine.crash(how);
  }

  isUp(machine: Machine): boolean {
    return machine.isUp;
  }

  /** One call to one manager, as a client would make it. */
  async call<K extends KeysOf<"unary">>(
    manager: Machine,
    key: K,
    request: RequestInput<K>,
    { deadlineMs = 5000, from = this.#client }: { readonly deadlineMs?: number; readonly from?: MemoryNode } = {},
  ): Promise<Response<K>> {
    const channel = from.dial(manager.address, { peer: { kind: "manager" } });
    try {
      return await call(channel, key, request, { deadlineMs });
    } finally {
      channel.close();
    }
  }

  /** Waits, then makes a call that must succeed somewhere. */
  async mustCall<K extends KeysOf<"unary">>(
    key: K,
    request: RequestInput<K>,
    timeoutMs = 20_000,
  ): Promise<Response<K>> {
    const attempt = async (): Promise<Response<K>> => {
      for (let at = 0; ; at += 1) {
        const up = this.managers.filter((machine) => this.isUp(machine));
        const manager = up[at % up.length];
        if (manager === undefined) throw new Error("No manager is up");
        try {
          return await this.call(manager, key, request);
        } catch (error) {
          const { code } = AppError.from(error);
          if (code !== "unavailable" && code !== "deadline" && code !== "not-leader" && code !== "unknown-outcome")
            throw error;
        }
        await new Promise<void>((resolve) => this.sim.schedule(100, resolve));
      }
    };
    return await this.sim.resolve(attempt(), { timeoutMs, what: key });
  }

  /** State of a manager as bytes: the same on every replica at the same version. */
  stateHash(machine: Machine): string {
    const store = machine.node?.manager?.store;
    if (store === undefined) throw new Error(`${machine.name} runs no manager`);
    const hash = createHash("sha256");
    const tx = store.view();
    const objects: string[] = [];
    for (const table of ["cluster", "node", "service", "revision", "task", "request", "run"] as const) {
      for (const object of tx.all(table))
        objects.push(`${table}/${object.id}/${storeObject.encode({ [table]: object }).toString("base64")}`);
    }
    for (const text of objects.toSorted()) hash.update(text);
    return hash.digest("hex");
  }

  #watch(machine: Machine, manager: Manager): void {
    manager.store.onCommit((set) => this.#onApplied(machine, set));
    manager.replica.onStatus((status) => {
      if (status.role === "leader" && status.ready) this.leaderTerms.add(status.term);
    });
  }

  #onApplied(machine: Machine, set: ChangeSet): void {
    // A snapshot arrives as one difference of its own: it is compared by the state at the end.
    const known = set.restored ? undefined : this.#applied.get(set.version);
    const isFirst = !set.restored && known === undefined;
    if (isFirst) {
      this.#applied.set(set.version, set);
      this.#hash(set);
    } else if (known !== undefined && !isSameSet(known, set)) {
      const text = [known, set].map(({ changes }) => JSON.stringify(changes)).join("\n");
      throw new Error(`${machine.name} applied another entry at ${set.version} (seed ${this.sim.seed})\n${text}`);
    }
    this.onApplied(machine, set, isFirst);
  }

  #hash({ version, changes }: ChangeSet): void {
    const { hash } = this.sim;
    if (hash === null) return;
    hash.add(`applied ${version}`);
    for (const { table, id, after } of changes) {
      if (after === undefined) hash.add(`${table} ${id}`);
      else hash.add(`${table} ${id}`, storeObject.encode({ [table]: after }));
    }
  }

  #add(name: string, role: NodeRoleName): void {
    const {
      runs = role === "worker",
      engine,
      clock,
      diskProbe,
      probeOf,
      labels = {},
      generic = [],
    } = this.#options.traits?.(name, role) ?? {};
    const options: MachineOptions = {
      id: newId(this.sim.env(`${name}/id`)),
      name,
      role,
      engine: runs ? new FakeEngine(this.sim.env(`${name}/engine`), { engineId: `engine-${name}`, ...engine }) : null,
      generic,
      ...(clock === undefined ? {} : { clock }),
      ...(diskProbe === undefined ? {} : { diskProbe }),
      ...(probeOf === undefined ? {} : { probeOf }),
    };
    const { sim, network, clusterId, log } = this;
    this.#labels.set(name, labels);
    const machine = new Machine(
      {
        sim,
        network,
        clusterId,
        log,
        tuning: this.#options.tuning ?? {},
        seeds: () => this.managers.map((manager) => manager.address),
        onNode: (self, node) => {
          if (node.manager !== null) this.#watch(self, node.manager);
          this.onNode(self);
        },
        onManager: (self, manager) => this.#watch(self, manager),
        onFatal: (self, error) => {
          this.log.warn("fatal", { node: self.name, code: error.code, message: error.message });
          this.onFatal(self, error);
        },
        onStartFailed: (self, error) => this.onStartFailed(self, error),
      },
      options,
    );
    this.machines.push(machine);
  }

  #clusterObject(): Cluster {
    const { taskHistoryLimit } = this.#options;
    return {
      id: this.clusterId,
      meta: null,
      spec: {
        name: "sim",
        ...(taskHistoryLimit === undefined ? {} : { taskHistoryLimit }),
        replaceAfterMs: 0,
        replaceClosedAfterMs: 0,
        strategy: "DEFAULT",
        eventsKeptMs: 0,
        eventsKept: 0,
      },
      incarnation: "1",
      rootCertificatePem: "",
      rootKeyPem: "",
      workerTokenSecret: "",
      managerTokenSecret: "",
      removedNodeIds: [],
      protocol: 0,
      awaitsResume: null,
      massSilence: null,
      quorumGraceUntilMs: 0,
    };
  }

  /** As a join, or an init, puts it into the store. */
  nodeObject(machine: Machine): Node {
    return {
      id: machine.id,
      meta: null,
      spec: {
        name: machine.name,
        labels: { ...this.#labels.get(machine.name) },
        availability: "ACTIVE",
        drainDeadlineMs: 0,
        drainParallelism: 0,
      },
      role: machine.role === "manager" ? "MANAGER" : "WORKER",
      address: machine.address,
      description: null,
      status: EMPTY_STATUS,
      keyFingerprint: "",
    };
  }

  #allReady(): boolean {
    const leader = this.leader();
    const manager = leader?.node?.manager;
    if (manager === null || manager === undefined) return false;
    const voters = manager.replica.status().config.members.filter((member) => member.role === "voter");
    if (voters.length !== this.managers.length) return false;
    const nodes = [...manager.store.view().all("node")];
    return nodes.length === this.machines.length && nodes.every((node) => node.status?.state === "READY");
  }
}

function isSameSet(a: ChangeSet, b: ChangeSet): boolean {
  return (
    a.changes.length === b.changes.length &&
    a.changes.every((change, at) => {
      const other = b.changes[at];
      return change.table === other?.table && change.id === other.id && isSame(change.after, other.after);
    })
  );
}
