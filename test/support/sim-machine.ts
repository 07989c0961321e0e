/**
 * One machine of a simulated cluster: a disk and an engine that outlive the node's process, and that process, composed
 * as the daemon composes it (roles followed, promises kept), above the five seams.
 */
import { ClusterNode, type NodeStart } from "../../src/daemon/node.ts";
import { RoleFollower } from "../../src/daemon/role-follower.ts";
import { Manager, type ManagerTuning } from "../../src/manager/manager.ts";
import { EVENT_STORE } from "../../src/manager/events/ring.ts";
import { LOG_STORE, SNAPSHOT_STORE } from "../../src/manager/replica/open-state.ts";
import { inAnotherLife, type Retired } from "../../src/manager/replica/retired.ts";
import { takePromises } from "../../src/manager/replica/take-promises.ts";
import type { GenericResource } from "../../src/model/index.ts";
import { isSuperseded } from "../../src/model/incarnation.ts";
import { removedError } from "../../src/model/removed-nodes.ts";
import type { NodeRoleName } from "../../src/pki/types.ts";
import { call } from "../../src/proto/client.ts";
import { Router } from "../../src/proto/router.ts";
import type { Listener } from "../../src/proto/rpc.ts";
import type { DiskProbe } from "../../src/util/disk-space.ts";
import { AppError, isAppError } from "../../src/util/errors.ts";
import type { Logger } from "../../src/util/log.ts";
import { FakeEngine, FakeExecutor } from "./fake-executor.ts";
import { MemoryDisk } from "./memory-kv.ts";
import type { MemoryNetwork, MemoryNode } from "./memory-rpc.ts";
import type { ClockOptions, Sim, SimEnv } from "./sim-env.ts";

/** As the daemon has it: a removed node hears that nothing is its own before its connections go. */
const REMOVED_GRACE_MS = 250;
const RENEW_DEADLINE_MS = 15_000;

/** What a machine needs of its cluster. */
export type MachineWorld = {
  readonly sim: Sim;
  readonly network: MemoryNetwork;
  readonly clusterId: string;
  readonly log: Logger;
  readonly tuning: ManagerTuning;
  /** Addresses to dial until a manager tells who they are. */
  readonly seeds: () => readonly string[];
  /** A node was composed; nothing of it runs yet. */
  readonly onNode: (machine: Machine, node: ClusterNode) => void;
  /** A promotion gave a running node a manager. */
  readonly onManager: (machine: Machine, manager: Manager) => void;
  /** The process cannot go on: it ends right after this. */
  readonly onFatal: (machine: Machine, error: AppError) => void;
  readonly onStartFailed: (machine: Machine, error: AppError) => void;
};

export type MachineOptions = {
  readonly id: string;
  readonly name: string;
  readonly role: NodeRoleName;
  /** Null: it offers no runtime. */
  readonly engine: FakeEngine | null;
  /** What its operator says it has beside CPU and memory. */
  readonly generic?: readonly GenericResource[];
  readonly clock?: Partial<ClockOptions>;
  readonly diskProbe?: DiskProbe;
  /** How full the disks are that its agent looks at. Default: it looks at none. */
  readonly probeOf?: (path: string) => DiskProbe;
};

export class Machine {
  readonly name: string;
  readonly address: string;
  readonly disk = new MemoryDisk();
  readonly engine: FakeEngine | null;
  id: string;
  /** As its certificate says. */
  role: NodeRoleName;
  env: SimEnv;
  network: MemoryNode;
  node: ClusterNode | null = null;
  executor: FakeExecutor | null = null;
  listener: Listener | null = null;
  /** Beside the disk's stores: what it promised as a manager before. */
  retired: Retired | null = null;
  /** The incarnation that its manager is not part of, until its log is set aside; empty: none. */
  superseding = "";
  /** It was removed from the cluster: nothing runs until it joins under a new id. */
  isExpelled = false;
  /** It is being shut down, or leaves: its tasks may be stopped for it. */
  isStopping = false;
  boots = 0;
  /** How often its power was cut: what an agent takes for its machine's boot id. */
  powerCuts = 0;
  /** Added to the wall clock at every boot. */
  #wallSkewMs = 0;
  readonly #world: MachineWorld;
  readonly #clock: Partial<ClockOptions>;
  readonly #diskProbe: DiskProbe | null;
  readonly #probeOf: MachineOptions["probeOf"];
  readonly #generic: readonly GenericResource[];
  #follower: RoleFollower | null = null;
  #isStarted = false;

  constructor(world: MachineWorld, options: MachineOptions) {
    const { id, name, role, engine, generic = [], clock = {}, diskProbe } = options;
    this.#world = world;
    this.id = id;
    this.name = name;
    this.role = role;
    this.engine = engine;
    this.address = `${name}:7377`;
    this.#clock = clock;
    this.#diskProbe = diskProbe ?? null;
    this.#probeOf = options.probeOf;
    this.#generic = generic;
    this.#wallSkewMs = clock.skewMs ?? 0;
    this.env = world.sim.env(name);
    this.network = world.network.node(name, { env: this.env, identity: { kind: "anonymous" } });
  }

  get isUp(): boolean {
    return this.node !== null;
  }

  boot(start: NodeStart = { kind: "restart" }): void {
    const { sim, network, clusterId } = this.#world;
    this.boots += 1;
    this.#isStarted = false;
    this.env = sim.env(`${this.name}/${this.boots}`, { ...this.#clock, skewMs: this.#wallSkewMs });
    const identity = { kind: "node", nodeId: this.id, role: this.role, clusterId } as const;
    this.network = network.node(this.name, { env: this.env, identity });
    const log = this.#world.log.child({ node: this.name });
    const router = new Router(log);
    this.listener = this.network.listen(this.address, router);
    this.executor = this.engine === null ? null : new FakeExecutor(this.env, this.engine);
    const node = this.#compose(router, log);
    this.node = node;
    this.#follower = this.#followRole(node, log);
    this.#watchRemovals(node);
    this.#world.onNode(this, node);
    const { env } = this;
    this.#start(node, start).catch((error: unknown) => {
      if (!env.isKilled && this.node === node) this.#world.onStartFailed(this, AppError.from(error));
    });
  }

  async #start(node: ClusterNode, start: NodeStart): Promise<void> {
    // Where an earlier demotion was cut short.
    if (this.role === "worker") await this.#retire();
    await node.start(start);
    this.#isStarted = true;
    if (this.superseding !== "") this.#takeNoPart(node);
  }

  #takeNoPart(node: ClusterNode): void {
    node.agent.meet(this.superseding);
    this.#follower?.superseded();
  }

  #compose(router: Router, log: Logger): ClusterNode {
    const { env, network, disk, executor, role } = this;
    const { clusterId, seeds, tuning } = this.#world;
    const none = new FakeExecutor(env, new FakeEngine(env), { runtimes: [] });
    return new ClusterNode(
      {
        env,
        log,
        router,
        dialer: network,
        kvFactory: disk.factory(env),
        executor: executor ?? none,
        identity: { clusterId, nodeId: this.id, role },
        diskProbe: this.#diskProbe,
        probeOf: this.#probeOf,
        managerClass: role === "manager" && this.superseding === "" ? Manager : null,
        retired: role === "manager" ? this.retired : null,
        tuning,
        onFatal: (error) => this.#onFatal(env, error),
        onRemoved: () => this.#follower?.outOfRaft(),
        onRole: (told) => this.#follower?.told(told),
        onExpelled: () => this.#expelled(env),
      },
      {
        address: this.address,
        name: this.name,
        managers: seeds(),
        version: "sim",
        dataDir: this.name,
        bootId: `boot-${this.powerCuts}`,
        generic: this.#generic,
      },
    );
  }

  #onFatal(env: SimEnv, error: AppError): void {
    if (env.isKilled) return;
    if (isSuperseded(error)) {
      this.superseding = error.details["incarnation"] ?? "";
      // A start that is still under way looks for it itself.
      if (this.node !== null && this.#isStarted) this.#takeNoPart(this.node);
      return;
    }
    this.#world.onFatal(this, error);
    this.crash({ power: false });
  }

  #followRole(node: ClusterNode, log: Logger): RoleFollower {
    const { env } = this;
    return new RoleFollower(
      {
        env,
        log,
        hasManager: () => node.manager !== null,
        renew: (signal) => this.#renew(node, signal),
        startManager: async (signal) => {
          const promoted = node.promote(Manager, this.retired, signal);
          if (node.manager !== null) this.#world.onManager(this, node.manager);
          this.#watchRemovals(node);
          await promoted;
        },
        stopManager: () => node.stopManager(),
        retire: () => this.#retire(),
        onExpelled: () => this.#expelled(env),
      },
      this.role,
    );
  }

  /** Instead of a certificate: the role that any manager says this node has. */
  async #renew(node: ClusterNode, signal: AbortSignal): Promise<NodeRoleName> {
    const { clusterId } = this.#world;
    let failure = new AppError("unavailable", "No manager is known");
    const present = node.agent.status().manager;
    for (const address of [...(present === "" ? [] : [present]), ...node.agent.managers]) {
      const channel = this.network.dial(address, { peer: { kind: "manager" } });
      const onBehalfOf = { kind: "admin", name: this.name, clusterId } as const;
      try {
        const options = { deadlineMs: RENEW_DEADLINE_MS, signal, onBehalfOf };
        const { node: object } = await call(channel, "Control.GetNode", { id: this.id }, options);
        this.role = object?.role === "MANAGER" ? "manager" : "worker";
        this.network.identity = { kind: "node", nodeId: this.id, role: this.role, clusterId };
        return this.role;
      } catch (error) {
        failure = isAppError(error, "not-found") ? removedError(this.id) : AppError.from(error);
      } finally {
        channel.close();
      }
    }
    throw failure;
  }

  /** Keeps the promises of a manager that does not run any more, then its log goes. */
  async #retire(): Promise<void> {
    if (!this.disk.has(LOG_STORE)) return;
    const { env } = this;
    const identity = { clusterId: this.#world.clusterId, nodeId: this.id };
    const kvFactory = this.disk.factory(env);
    const kept = await takePromises({ env, kvFactory }, { identity, dataDir: this.name, before: this.retired });
    if (env.isKilled) return;
    this.retired = this.superseding === "" ? kept : inAnotherLife(kept);
    this.superseding = "";
    this.disk.remove(EVENT_STORE);
    this.disk.remove(SNAPSHOT_STORE);
    this.disk.remove(LOG_STORE);
  }

  #watchRemovals(node: ClusterNode): void {
    const { env, listener } = this;
    node.manager?.store.onCommit((set) => {
      for (const change of set.changes) {
        if (change.table !== "node" || change.after !== undefined) continue;
        env.setTimer(REMOVED_GRACE_MS, () => listener?.closeConnectionsOf(change.id));
      }
    });
  }

  /** As the daemon: nothing of it runs any more but the door to leave. */
  #expelled(env: SimEnv): void {
    const { node } = this;
    if (env.isKilled || this.isExpelled || node === null) return;
    this.isExpelled = true;
    void this.#end(node, { goodbye: false, stopTasks: true, removeTasks: true });
  }

  /** SIGTERM. Resolves when the process has ended. */
  async stop({ goodbye }: { readonly goodbye: boolean }): Promise<void> {
    if (this.node !== null) await this.#end(this.node, { goodbye });
  }

  async #end(node: ClusterNode, how: Parameters<ClusterNode["stop"]>[0]): Promise<void> {
    const { env } = this;
    this.isStopping = true;
    await this.#follower?.stop();
    await node.stop(how);
    await this.listener?.close();
    if (env.isKilled || this.node !== node) return;
    this.crash({ power: false });
  }

  /** `power`: the whole machine, unsynced data lost, containers too. Otherwise SIGKILL of the daemon. */
  crash({ power, tear = false }: { readonly power: boolean; readonly tear?: boolean }): void {
    const random = (): number => this.#world.sim.random();
    if (power) this.powerCuts += 1;
    this.env.kill();
    this.network.kill({ silent: power });
    this.executor?.crash();
    this.disk.crash(power ? { kind: "power", random, tear } : { kind: "process" });
    this.node = null;
    this.#follower = null;
    this.listener = null;
    this.isStopping = false;
    if (power) this.engine?.powerCut();
  }

  /** A machine installed anew: nothing is left on it, and it joins under another id. */
  reinstall(id: string, role: NodeRoleName): void {
    if (this.isUp) this.crash({ power: true });
    this.disk.wipe();
    this.engine?.wipe();
    this.retired = null;
    this.superseding = "";
    this.isExpelled = false;
    this.id = id;
    this.role = role;
  }

  /** Its wall clock jumps by so much, until the next boot or for good. */
  jumpClock(ms: number, { isSetAtBoot }: { readonly isSetAtBoot: boolean }): void {
    if (!isSetAtBoot) this.#wallSkewMs += ms;
    this.env.wallSkewMs += ms;
  }
}
