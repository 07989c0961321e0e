/**
 * A whole cluster in one process from one seed: the real code above the five seams (Env, Rpc,
 * Storage, Executor, Identity) on a virtual clock. Machines crash, stall and are cut off; managers
 * are compared at every entry they apply.
 */
import { createHash } from "node:crypto";
import type { Cluster, Node } from "../../src/model/index.ts";
import { ClusterNode, type NodeStart } from "../../src/daemon/node.ts";
import { call } from "../../src/proto/client.ts";
import { codec, type KeysOf, type RequestInput, type Response } from "../../src/proto/load.ts";
import { Router } from "../../src/proto/router.ts";
import type { Listener } from "../../src/proto/rpc.ts";
import { Manager } from "../../src/manager/manager.ts";
import { EMPTY_STATUS } from "../../src/manager/sessions/monitor.ts";
import { must } from "../../src/util/assert.ts";
import { AppError } from "../../src/util/errors.ts";
import { newId } from "../../src/util/id.ts";
import { silentLogger, type Logger } from "../../src/util/log.ts";
import type { ChangeSet } from "../../src/store/types.ts";
import { FakeEngine, FakeExecutor } from "./fake-executor.ts";
import { MemoryDisk } from "./memory-kv.ts";
import { MemoryNetwork, type MemoryNode } from "./memory-rpc.ts";
import { Sim, type SimEnv } from "./sim-env.ts";

export type Machine = {
  readonly id: string;
  readonly name: string;
  readonly role: "manager" | "worker";
  readonly address: string;
  readonly disk: MemoryDisk;
  readonly engine: FakeEngine | null;
  env: SimEnv;
  network: MemoryNode;
  node: ClusterNode | null;
  executor: FakeExecutor | null;
  listener: Listener | null;
  boots: number;
  /** How often its power was cut: what an agent takes for its machine's boot id. */
  powerCuts: number;
};

const storeObject = codec("StoreObject");

export class SimCluster {
  readonly sim: Sim;
  readonly network: MemoryNetwork;
  readonly clusterId: string;
  readonly machines: Machine[] = [];
  readonly log: Logger;
  /** Digest of what each applied version changed, the same on every manager. */
  readonly #digests = new Map<number, string>();
  readonly #client: MemoryNode;
  /** Terms with a leader, for the vacuity check. */
  readonly leaderTerms = new Set<number>();
  fatal: AppError[] = [];

  constructor(
    seed: number,
    options: { readonly log?: Logger; readonly delayMs?: (from: string, to: string) => number } = {},
  ) {
    this.sim = new Sim(seed);
    this.log = options.log ?? silentLogger;
    const world = this.sim.env("world");
    this.network = new MemoryNetwork(world, options.delayMs === undefined ? {} : { delayMs: options.delayMs });
    this.clusterId = newId(world);
    this.#client = this.network.node("client", {
      env: this.sim.env("client"),
      identity: { kind: "admin", name: "tester", clusterId: this.clusterId },
    });
  }

  /** Boots managers and workers and waits until all nodes are ready. */
  async start({ managers, workers }: { readonly managers: number; readonly workers: number }): Promise<void> {
    for (let at = 1; at <= managers; at += 1) this.#add(`m${at}`, "manager");
    for (let at = 1; at <= workers; at += 1) this.#add(`w${at}`, "worker");
    const [first] = this.machines;
    if (first === undefined) throw new Error("A cluster has at least one manager");
    this.boot(first, { kind: "init", bootstrap: { cluster: this.#clusterObject(), node: this.#nodeObject(first) } });
    await this.sim.runUntil(() => this.leader() !== null && first.node?.manager?.store.view().count("cluster") === 1, {
      timeoutMs: 20_000,
      what: "the first manager leads",
    });
    const others = this.machines.slice(1);
    await this.sim.resolve(
      must(first.node?.manager, "the first machine is a manager").store.update((tx) => {
        for (const machine of others) tx.put("node", this.#nodeObject(machine));
      }),
      { timeoutMs: 10_000, what: "node objects are written" },
    );
    for (const machine of others) this.boot(machine, { kind: machine.role === "manager" ? "join" : "restart" });
    await this.sim.runUntil(() => this.#allReady(), { timeoutMs: 60_000, what: "all nodes are ready" });
  }

  /** A machine more, known to the cluster but not booted. */
  async addMachine(name: string, role: "manager" | "worker"): Promise<Machine> {
    this.#add(name, role);
    const machine = this.machine(name);
    const { store } = must(this.leader()?.node?.manager, "there is a leader");
    await this.sim.resolve(
      store.update((tx) => tx.put("node", this.#nodeObject(machine))),
      { timeoutMs: 10_000, what: "the node object is written" },
    );
    return machine;
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
    const leaders = this.managers.filter(
      (machine) => machine.node?.manager?.replica.isReadyLeader() === true && !machine.env.isPaused,
    );
    const term = (machine: Machine): number => machine.node?.manager?.replica.status().term ?? 0;
    return leaders.toSorted((a, b) => term(b) - term(a))[0] ?? null;
  }

  boot(machine: Machine, start: NodeStart = { kind: "restart" }): void {
    machine.boots += 1;
    machine.env = this.sim.env(`${machine.name}/${machine.boots}`);
    machine.network = this.network.node(machine.name, {
      env: machine.env,
      identity: { kind: "node", nodeId: machine.id, role: machine.role, clusterId: this.clusterId },
    });
    const log = this.log.child({ node: machine.name });
    const router = new Router(log);
    machine.listener = machine.network.listen(machine.address, router);
    machine.executor = machine.engine === null ? null : new FakeExecutor(machine.env, machine.engine);
    const node = new ClusterNode(
      {
        env: machine.env,
        log,
        router,
        dialer: machine.network,
        kvFactory: machine.disk.factory(machine.env),
        executor: machine.executor ?? new FakeExecutor(machine.env, new FakeEngine(machine.env), { runtimes: [] }),
        identity: { clusterId: this.clusterId, nodeId: machine.id, role: machine.role },
        diskProbe: null,
        managerClass: machine.role === "manager" ? Manager : null,
        onFatal: (error) => this.#onFatal(machine, error),
        onRemoved: () => undefined,
      },
      {
        address: machine.address,
        name: machine.name,
        managers: this.managers.map((manager) => manager.address),
        version: "sim",
        dataDir: machine.name,
        bootId: `boot-${machine.powerCuts}`,
      },
    );
    machine.node = node;
    node.manager?.store.onCommit((set) => this.#compare(machine, set));
    node.manager?.replica.onStatus((status) => {
      if (status.role === "leader" && status.ready) this.leaderTerms.add(status.term);
    });
    node.start(start).catch((error: unknown) => {
      if (!machine.env.isKilled) this.fatal.push(AppError.from(error));
    });
  }

  /** `power`: the whole machine, unsynced data lost, containers too. Otherwise SIGKILL of the daemon. */
  crash(machine: Machine, { power }: { readonly power: boolean }): void {
    if (power) machine.powerCuts += 1;
    machine.env.kill();
    machine.network.kill({ silent: power });
    machine.executor?.crash();
    machine.disk.crash(power ? { kind: "power", random: () => this.sim.random() } : { kind: "process" });
    machine.node = null;
    machine.listener = null;
    if (power) for (const container of machine.engine?.running() ?? []) machine.engine?.kill(container.task.id);
  }

  isUp(machine: Machine): boolean {
    return machine.node !== null;
  }

  /** One call to one manager, as a client would make it. */
  async call<K extends KeysOf<"unary">>(
    manager: Machine,
    key: K,
    request: RequestInput<K>,
    deadlineMs = 5000,
  ): Promise<Response<K>> {
    const channel = this.#client.dial(manager.address, { peer: { kind: "manager" } });
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
    for (const table of ["cluster", "node", "service", "revision", "task", "request"] as const) {
      for (const object of tx.all(table))
        objects.push(`${table}/${object.id}/${storeObject.encode({ [table]: object }).toString("base64")}`);
    }
    for (const text of objects.toSorted()) hash.update(text);
    return hash.digest("hex");
  }

  #compare(machine: Machine, set: ChangeSet): void {
    // A snapshot arrives as one difference of its own: it is compared by the state at the end.
    if (set.restored) return;
    const hash = createHash("sha256");
    for (const change of set.changes) {
      hash.update(`${change.table}/${change.id}/`);
      if (change.after !== undefined) hash.update(storeObject.encode({ [change.table]: change.after }));
    }
    const digest = hash.digest("hex");
    const known = this.#digests.get(set.version);
    if (known === undefined) this.#digests.set(set.version, digest);
    else if (known !== digest) {
      throw new Error(`${machine.name} applied another entry at ${set.version} (seed ${this.sim.seed})`);
    }
  }

  #onFatal(machine: Machine, error: AppError): void {
    if (machine.env.isKilled) return;
    this.log.warn("fatal", { node: machine.name, code: error.code, message: error.message });
    this.crash(machine, { power: false });
  }

  #add(name: string, role: "manager" | "worker"): void {
    const env = this.sim.env(name);
    const id = newId(env);
    this.machines.push({
      id,
      name,
      role,
      address: `${name}:7377`,
      disk: new MemoryDisk(),
      engine: role === "worker" ? new FakeEngine(this.sim.env(`${name}/engine`), { engineId: `engine-${name}` }) : null,
      env,
      network: this.network.node(name, { env, identity: { kind: "anonymous" } }),
      node: null,
      executor: null,
      listener: null,
      boots: 0,
      powerCuts: 0,
    });
  }

  #clusterObject(): Cluster {
    return {
      id: this.clusterId,
      meta: null,
      spec: { name: "sim", taskHistoryLimit: 0 },
      incarnation: "1",
      rootCertificatePem: "",
      rootKeyPem: "",
      workerTokenSecret: "",
      managerTokenSecret: "",
      removedNodeIds: [],
      protocol: 0,
    };
  }

  #nodeObject(machine: Machine): Node {
    return {
      id: machine.id,
      meta: null,
      spec: { name: machine.name, labels: {}, availability: "ACTIVE" },
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
