/** Composes a manager: replica, store, the services it answers, sessions, and the leader's work. */
import type { Cluster, Node } from "../model/index.ts";
import { CaService } from "../pki/ca-service.ts";
import { joinTokens } from "../pki/create-cluster.ts";
import { supersededBy } from "../model/incarnation.ts";
import { clusterProtocol, PROTOCOLS, type Protocols } from "../model/protocol.ts";
import { validateNewNode } from "../model/validate.ts";
import type { NodeIdentity } from "../pki/types.ts";
import { call } from "../proto/client.ts";
import type { RpcKey } from "../proto/load.ts";
import type { RelayRequest } from "../proto/gen/RelayRequest.ts";
import type { Router } from "../proto/router.ts";
import type { Caller, Dialer } from "../proto/rpc.ts";

import { Store, type StoreOptions } from "../store/store.ts";
import { AppError } from "../util/errors.ts";
import type { DiskProbe } from "../util/disk-space.ts";
import { sleep, type Env } from "../util/env.ts";
import type { KvFactory } from "../util/kv.ts";
import type { Logger } from "../util/log.ts";
import { registerBackup } from "./backup-service.ts";
import { ControlService } from "./control/control.ts";
import { LeaderForwarder } from "./control/forward.ts";
import { registerLogs } from "./control/logs.ts";
import { ClusterClock } from "./cluster-clock.ts";
import { DiskGuard, type DiskMarks } from "./disk-guard.ts";
import { EventHistory } from "./events/history.ts";
import type { Peer } from "./events/fill.ts";
import { LeaderWork } from "./leader.ts";
import { Replica } from "./replica/replica.ts";
import type { ReplicaOptions } from "./replica/options.ts";
import type { Retired } from "./replica/retired.ts";
import type { LeaderInfo } from "./replica/types.ts";
import { tasksScaledAway } from "./orchestrator/plan.ts";
import { planResume } from "./orchestrator/resume-plan.ts";
import { refuseNode } from "./refuse-node.ts";
import { explain } from "./scheduler/explain.ts";
import { forecastMoves } from "./scheduler/rebalance-forecast.ts";
import { LeaderHistory } from "./sessions/leader-history.ts";
import { ObservedClock } from "./sessions/observed-clock.ts";
import { Relay } from "./sessions/relay.ts";
import { SessionHub } from "./sessions/session-hub.ts";
import { protoStoreCodec } from "./store-codec.ts";

export const RELAY_DEADLINE_MS = 3000;
/** Logs are read of what is known here when no leader answers in this time. */
const CATCH_UP_MS = 1000;
/** Answers whether another manager has disk space. */
const DISK_ASK_MS = 1000;
const READY_POLL_MS = 20;
const INIT_DEADLINE_MS = 10_000;

export type ManagerDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly router: Router;
  readonly dialer: Dialer;
  readonly kvFactory: KvFactory;
  readonly identity: NodeIdentity;
  /** gRPC host:port by which the other managers reach this one. */
  readonly address: string;
  /** How messages name the data directory. */
  readonly dataDir: string;
  /** Null where no disk is watched. */
  readonly diskProbe: DiskProbe | null;
  readonly diskMarks: DiskMarks;
  /** Its disk failed: nothing more is acknowledged, the process must stop. */
  readonly onFatal: (error: AppError) => void;
  /** It is no longer a member of the Raft group. */
  readonly onRemoved: () => void;
  /** What its program speaks. */
  readonly protocols?: Protocols;
  /** What this node promised as a manager before; null: it never was one. */
  readonly retired?: Retired | null;
  readonly tuning?: ManagerTuning;
};

/** Limits that the simulator makes tiny, so that rare paths are common. */
export type ManagerTuning = Pick<ReplicaOptions, "raft" | "snapshots"> & {
  readonly store?: StoreOptions;
};

/** The first start of a cluster's first manager. */
export type ManagerBootstrap = { readonly cluster: Cluster; readonly node: Node };

export class Manager {
  readonly store: Store;
  readonly replica: Replica;
  readonly events: EventHistory;
  readonly #deps: ManagerDeps;
  readonly #relay: Relay;
  readonly #sessions: SessionHub;
  readonly #forwarder: LeaderForwarder;
  #work: LeaderWork | null = null;
  #stopping: Promise<void> = Promise.resolve();
  readonly #control: ControlService;
  readonly #clock: ObservedClock;
  readonly #time: ClusterClock;
  readonly #history: LeaderHistory;
  readonly #disk: DiskGuard | null;
  #isNewcomer = false;
  #paths: readonly string[] = [];
  #isStopped = false;
  #stopped: Promise<void> | null = null;

  constructor(deps: ManagerDeps) {
    this.#deps = deps;
    const { env, log, router, dialer, identity, protocols = PROTOCOLS } = deps;
    this.#clock = new ObservedClock(env);
    this.#history = new LeaderHistory(this.#clock);
    const { store: storeOptions = {}, ...replicaOptions } = deps.tuning ?? {};
    this.store = new Store(
      { env, codec: protoStoreCodec },
      { protocolMax: protocols.max, clock: () => this.#time.now(), ...storeOptions },
    );
    this.replica = new Replica(
      { env, log: log.child({ part: "raft" }), dialer, kvFactory: deps.kvFactory },
      {
        clusterId: identity.clusterId,
        nodeId: identity.nodeId,
        address: deps.address,
        dataDir: deps.dataDir,
        onFatal: (error) => deps.onFatal(AppError.from(error)),
        onRemoved: deps.onRemoved,
        ...replicaOptions,
        retired: deps.retired ?? null,
        settle: (index) => this.events.ring.settle(index),
        protocols: { max: protocols.max, cluster: () => clusterProtocol(this.store.view().all("cluster")) },
        incarnation: () => this.incarnation,
        time: { known: () => this.#time.known(), heard: (timeMs) => this.#time.heard(timeMs) },
      },
    );
    this.#time = new ClusterClock({ env, looks: this.#clock, store: this.store, replica: this.replica });
    this.replica.setStateMachine(this.store);
    this.events = this.#eventHistory();
    this.store.setProposer(this.replica);
    this.#control = new ControlService({
      store: this.store,
      replica: this.replica,
      env,
      log: log.child({ part: "control" }),
      explain,
      forecastMoves,
      joinTokens: () => joinTokens(this.#cluster()),
      dialer,
      strangers: () => this.#sessions.strangers.list(),
      planResume,
      scaledAway: tasksScaledAway,
      events: this.events.ring,
    });
    this.#forwarder = new LeaderForwarder({
      env,
      dialer,
      replica: this.replica,
      serveHere: (path, request, context) => router.dispatchUnary(path, request, context),
    });
    this.#relay = new Relay({
      env,
      log: log.child({ part: "relay" }),
      clock: this.#clock,
      replica: this.replica,
      managerId: identity.nodeId,
      deliver: (leader, request, signal) => this.#deliver(leader, request, signal),
    });
    this.#sessions = new SessionHub({
      env,
      log: log.child({ part: "sessions" }),
      clock: this.#clock,
      store: this.store,
      replica: this.replica,
      relay: this.#relay,
    });
    this.#disk = this.#diskGuard();
  }

  #eventHistory(): EventHistory {
    const { env, log, kvFactory, dialer, onFatal } = this.#deps;
    const peers = (): readonly Peer[] => this.#peers();
    return new EventHistory({
      env,
      log: log.child({ part: "events" }),
      store: this.store,
      kvFactory,
      dialer,
      peers,
      onFatal,
    });
  }

  #diskGuard(): DiskGuard | null {
    const { env, log, diskProbe: probe, dataDir, diskMarks, onFatal } = this.#deps;
    if (probe === null) return null;
    return new DiskGuard(
      {
        env,
        log: log.child({ part: "disk" }),
        probe,
        replica: this.replica,
        hasRoom: async ({ id, address }, signal) => {
          const channel = this.#forwarder.channel({ id, address });
          return !(await call(channel, "Raft.Disk", {}, { deadlineMs: DISK_ASK_MS, signal })).isLow;
        },
        onStop: (error) => void this.stop().then(() => onFatal(error), onFatal),
      },
      { path: dataDir, marks: diskMarks },
    );
  }

  /** @param bootstrap only for the first start of a new cluster; a joiner or a restart has none. */
  async start(bootstrap: ManagerBootstrap | null, signal?: AbortSignal): Promise<void> {
    const { router, identity, address } = this.#deps;
    // Before the log is read: callers wait for a leader instead of being refused.
    router.setLeaderRoute(this.#forwarder);
    router.setIdentityCheck((caller, key) => this.#checkIdentity(caller, key));
    this.#register(router);
    await this.#disk?.start();
    this.#clock.start();
    this.#time.start();
    this.replica.onStatus(() => this.#onStatus());
    // Of the leader's own loops, which begin with the monitor: what clients ask for may come before it.
    this.store.onCommit(({ origin }) => {
      if (origin !== null && origin.actor === "") this.#history.told(origin.term);
    });
    await this.events.open();
    await this.replica.start(
      bootstrap === null ? null : { members: [{ id: identity.nodeId, address, role: "voter" }] },
    );
    this.#isNewcomer = bootstrap !== null || this.replica.status().lastIndex === 0;
    this.events.start();
    this.#forwarder.start();
    this.#relay.start();
    this.#sessions.start(router);
    this.#onStatus();
    if (bootstrap !== null) await this.#writeBootstrap(bootstrap, signal);
  }

  /**
   * Leadership goes to another manager first, so that writes hardly pause: until then calls are
   * forwarded there. Idempotent.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#isStopped = true;
    const { router } = this.#deps;
    await this.#disk?.stop();
    await this.#stopWork();
    await this.replica.handOver();
    await this.#forwarder.drain();
    await this.replica.stop();
    await this.events.close();
    this.#forwarder.close();
    this.#sessions.stop();
    this.#relay.stop();
    this.#clock.stop();
    this.#time.stop();
    this.#control.stop();
    this.store.close();
    for (const path of this.#paths) router.unregisterPath(path);
    router.setLeaderRoute(null);
    router.setIdentityCheck(() => null);
  }

  /** The log knows no members: this manager was never taken in, or nobody could tell it yet. */
  get isMemberless(): boolean {
    return this.replica.members().length === 0;
  }

  get diskFreeBytes(): number {
    return this.#disk?.space?.freeBytes ?? 0;
  }

  get isDiskLow(): boolean {
    return this.#disk?.isLow ?? false;
  }

  /** Of its state; empty while it has none. */
  get incarnation(): string {
    for (const { incarnation } of this.store.view().all("cluster")) return incarnation;
    return "";
  }

  /** The cluster goes on in another life without this manager: nothing goes in or out of it any more. */
  supersede(incarnation: string): void {
    this.replica.fatal(supersededBy(incarnation));
  }

  get leadsWork(): boolean {
    return this.#work !== null;
  }

  #register(router: Router): void {
    const before = new Set(router.paths.map(({ path }) => path));
    const { env, log, dialer } = this.#deps;
    const { store, replica } = this;
    replica.registerRpcs(router);
    this.#control.register(router);
    new CaService({ store, env, log: log.child({ part: "ca" }), validateNode: validateNewNode }).register(router);
    registerBackup(router, { env, store, replica, nodeId: this.#deps.identity.nodeId });
    registerLogs(router, {
      store,
      dialer,
      log: log.child({ part: "logs" }),
      catchUp: (signal) => this.#catchUp(signal),
    });
    router.unary("Session.Relay", async (request) => {
      // News for another term's leader was gathered when it was known to be one.
      if (request.term !== replica.status().term) throw notLeader();
      await this.#ingest(request);
      return {};
    });
    router.unary("Raft.Disk", () =>
      Promise.resolve({ isLow: this.#disk?.isLow ?? false, freeBytes: this.#disk?.space?.freeBytes ?? 0 }),
    );
    this.#paths = router.paths.map(({ path }) => path).filter((path) => !before.has(path));
  }

  async #catchUp(signal: AbortSignal): Promise<void> {
    await this.replica.readBarrier({ deadlineMs: CATCH_UP_MS, signal });
  }

  async #ingest(request: RelayRequest): Promise<void> {
    if (this.#work === null) throw notLeader();
    await this.#work.monitor.ingest(request);
  }

  /** The other managers, the leader first: it is the one that surely was there. */
  #peers(): readonly Peer[] {
    const leader = this.replica.leader()?.id;
    const others = this.replica.members().filter(({ id }) => id !== this.#deps.identity.nodeId);
    return others.toSorted((a, b) => Number(b.id === leader) - Number(a.id === leader));
  }

  #cluster(): Cluster {
    for (const cluster of this.store.view().all("cluster")) return cluster;
    throw new AppError("unavailable", "This manager has not caught up with the cluster yet");
  }

  /** A node's membership is its object in the store: without one its certificate opens nothing. */
  #checkIdentity(caller: Caller, key: RpcKey | null): AppError | null {
    const { clusterId } = this.#deps.identity;
    if (caller.kind === "anonymous" || caller.kind === "local") return null;
    if (caller.clusterId !== clusterId) return new AppError("denied", "The certificate is of another cluster");
    if (caller.kind === "admin") return null;
    return refuseNode(this.store.view(), caller, {
      key,
      // Who is behind cannot tell a manager that joined or was promoted meanwhile from one that went,
      // and may hear of either only from it. Raft itself tells a removed one that it is out.
      mayBeBehind: key === "Raft.Stream" && this.replica.leader() === null,
      // Sessions ask the same themselves, and remember who knocked.
      isAskedLater: key === "Session.Session",
    });
  }

  async #deliver(leader: LeaderInfo, request: RelayRequest, signal: AbortSignal): Promise<void> {
    if (leader.id === this.#deps.identity.nodeId) await this.#ingest(request);
    else {
      const options = { deadlineMs: RELAY_DEADLINE_MS, signal };
      await call(this.#forwarder.channel(leader), "Session.Relay", request, options);
    }
  }

  #onStatus(): void {
    this.#history.note(this.replica.leader(), { isNewcomer: this.#isNewcomer });
    const leads = this.replica.isReadyLeader() && !this.#isStopped;
    if (leads === (this.#work !== null)) return;
    if (!leads) {
      void this.#stopWork();
      return;
    }
    const { env, log } = this.#deps;
    const { leaderlessMs, graceUntil } = this.#history;
    const work = new LeaderWork(
      { env, log, store: this.store, clock: this.#clock, nodeId: this.#deps.identity.nodeId },
      { leaderlessMs, graceUntil },
    );
    this.#work = work;
    // An earlier leadership's loops have stopped before these act.
    void this.#stopping.then(() => {
      if (this.#work === work) work.start();
    });
  }

  async #stopWork(): Promise<void> {
    const work = this.#work;
    this.#work = null;
    if (work !== null) this.#stopping = this.#stopping.then(() => work.stop());
    await this.#stopping;
  }

  async #writeBootstrap({ cluster, node }: ManagerBootstrap, signal?: AbortSignal): Promise<void> {
    const { env } = this.#deps;
    const until = env.now() + INIT_DEADLINE_MS;
    while (!this.replica.isReadyLeader()) {
      if (env.now() > until) throw new AppError("deadline", "The new cluster's only manager did not become its leader");
      await sleep(env, READY_POLL_MS, signal);
    }
    await this.store.update((tx) => {
      if (tx.count("cluster") > 0) return;
      tx.put("cluster", cluster);
      tx.put("node", node);
    });
  }
}

function notLeader(): AppError {
  return new AppError("not-leader", "This manager is not the leader");
}
