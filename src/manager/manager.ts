/** Composes a manager: replica, store, the services it answers, sessions, and the leader's work. */
import type { Cluster, Node } from "../model/index.ts";
import { CaService } from "../pki/ca-service.ts";
import { joinTokens } from "../pki/create-cluster.ts";
import type { NodeIdentity } from "../pki/types.ts";
import { call } from "../proto/client.ts";
import type { RelayRequest } from "../proto/gen/RelayRequest.ts";
import type { Router } from "../proto/router.ts";
import type { Caller, Dialer } from "../proto/rpc.ts";

import { Store } from "../store/store.ts";
import { AppError } from "../util/errors.ts";
import { sleep, type Env } from "../util/env.ts";
import type { KvFactory } from "../util/kv.ts";
import type { Logger } from "../util/log.ts";
import { ControlService } from "./control/control.ts";
import { LeaderForwarder } from "./control/forward.ts";
import { registerLogs } from "./control/logs.ts";
import { LeaderWork, QUORUM_LOSS_AFTER_MS } from "./leader.ts";
import { Replica } from "./replica/replica.ts";
import type { LeaderInfo } from "./replica/types.ts";
import { explain } from "./scheduler/explain.ts";
import { Relay } from "./sessions/relay.ts";
import { SessionHub } from "./sessions/session-hub.ts";
import { protoStoreCodec } from "./store-codec.ts";

export const RELAY_DEADLINE_MS = 3000;
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
  /** Its disk failed: nothing more is acknowledged, the process must stop. */
  readonly onFatal: (error: AppError) => void;
  /** It is no longer a member of the Raft group. */
  readonly onRemoved: () => void;
};

/** The first start of a cluster's first manager. */
export type ManagerBootstrap = { readonly cluster: Cluster; readonly node: Node };

export class Manager {
  readonly store: Store;
  readonly replica: Replica;
  readonly #deps: ManagerDeps;
  readonly #relay: Relay;
  readonly #sessions: SessionHub;
  readonly #forwarder: LeaderForwarder;
  #work: LeaderWork | null = null;
  #stopping: Promise<void> = Promise.resolve();
  #leaderlessSince: number | null = 0;
  #hadLeader = false;
  #wasLeaderless = true;
  #isStopped = false;

  constructor(deps: ManagerDeps) {
    this.#deps = deps;
    const { env, log, router, dialer, identity } = deps;
    this.store = new Store({ env, codec: protoStoreCodec });
    this.replica = new Replica(
      { env, log: log.child({ part: "raft" }), dialer, kvFactory: deps.kvFactory },
      {
        clusterId: identity.clusterId,
        nodeId: identity.nodeId,
        dataDir: deps.dataDir,
        onFatal: (error) => deps.onFatal(AppError.from(error)),
        onRemoved: deps.onRemoved,
      },
    );
    this.replica.setStateMachine(this.store);
    this.store.setProposer(this.replica);
    this.#forwarder = new LeaderForwarder({
      env,
      dialer,
      replica: this.replica,
      serveHere: (path, request, context) => router.dispatchUnary(path, request, context),
    });
    this.#relay = new Relay({
      env,
      log: log.child({ part: "relay" }),
      replica: this.replica,
      managerId: identity.nodeId,
      deliver: (leader, request) => this.#deliver(leader, request),
    });
    this.#sessions = new SessionHub({
      env,
      log: log.child({ part: "sessions" }),
      store: this.store,
      replica: this.replica,
      relay: this.#relay,
    });
  }

  /** @param bootstrap only for the first start of a new cluster; a joiner or a restart has none. */
  async start(bootstrap: ManagerBootstrap | null): Promise<void> {
    const { router, identity, address } = this.#deps;
    this.#register(router);
    this.replica.onStatus(() => this.#onStatus());
    await this.replica.start(
      bootstrap === null ? null : { members: [{ id: identity.nodeId, address, role: "voter" }] },
    );
    router.setLeaderRoute(this.#forwarder);
    router.setIdentityCheck((caller) => this.#checkIdentity(caller));
    this.#forwarder.start();
    this.#relay.start();
    this.#sessions.start(router);
    this.#onStatus();
    if (bootstrap !== null) await this.#writeBootstrap(bootstrap);
  }

  /** Leadership goes to another manager first, so that writes hardly pause. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#deps.router.setLeaderRoute(null);
    await this.replica.stop();
    this.#sessions.stop();
    this.#relay.stop();
    await this.#stopWork();
    this.#forwarder.close();
  }

  get leadsWork(): boolean {
    return this.#work !== null;
  }

  #register(router: Router): void {
    const { env, log, dialer } = this.#deps;
    this.replica.registerRpcs(router);
    const { store, replica } = this;
    new ControlService({
      store,
      replica,
      env,
      log: log.child({ part: "control" }),
      explain,
      joinTokens: () => joinTokens(this.#cluster()),
    }).register(router);
    new CaService({ store, env, log: log.child({ part: "ca" }) }).register(router);
    registerLogs(router, { store, dialer, log: log.child({ part: "logs" }) });
    router.unary("Session.Relay", async (request) => {
      if (this.#work === null) throw new AppError("not-leader", "This manager is not the leader");
      await this.#work.monitor.ingest(request);
      return {};
    });
  }

  #cluster(): Cluster {
    for (const cluster of this.store.view().all("cluster")) return cluster;
    throw new AppError("unavailable", "This manager has not caught up with the cluster yet");
  }

  /** A node's membership is its object in the store: without one its certificate opens nothing. */
  #checkIdentity(caller: Caller): AppError | null {
    const { clusterId } = this.#deps.identity;
    if (caller.kind === "anonymous" || caller.kind === "local") return null;
    if (caller.clusterId !== clusterId) return new AppError("denied", "The certificate is of another cluster");
    if (caller.kind === "admin") return null;
    const tx = this.store.view();
    // A joiner's own state is empty until the leader filled it; TLS already proved the certificate.
    if (tx.count("cluster") === 0 || tx.get("node", caller.nodeId) !== undefined) return null;
    return new AppError("denied", `Node ${caller.nodeId} is not a member of this cluster`, {
      next: "join again with a token",
    });
  }

  async #deliver(leader: LeaderInfo, request: RelayRequest): Promise<void> {
    if (leader.id === this.#deps.identity.nodeId) {
      if (this.#work === null) throw new AppError("not-leader", "This manager does not lead yet");
      await this.#work.monitor.ingest(request);
      return;
    }
    await call(this.#forwarder.channel(leader), "Session.Relay", request, { deadlineMs: RELAY_DEADLINE_MS });
  }

  #onStatus(): void {
    this.#noteLeader();
    const leads = this.replica.isReadyLeader() && !this.#isStopped;
    if (leads === (this.#work !== null)) return;
    if (!leads) {
      void this.#stopWork();
      return;
    }
    const { env, log } = this.#deps;
    const afterQuorumLoss = this.#wasLeaderless && this.store.view().count("node") > 0;
    const work = new LeaderWork({ env, log, store: this.store }, { afterQuorumLoss });
    this.#work = work;
    // An earlier leadership's loops have stopped before these act.
    void this.#stopping.then(() => {
      if (this.#work === work) work.start();
    });
  }

  /**
   * A manager that just started, or knew no leader for long before this one, cannot say how long
   * agents had no one to report to.
   */
  #noteLeader(): void {
    const now = this.#deps.env.now();
    if (this.replica.leader() === null) {
      this.#leaderlessSince ??= now;
      return;
    }
    if (this.#leaderlessSince === null) return;
    this.#wasLeaderless = !this.#hadLeader || now - this.#leaderlessSince > QUORUM_LOSS_AFTER_MS;
    this.#hadLeader = true;
    this.#leaderlessSince = null;
  }

  async #stopWork(): Promise<void> {
    const work = this.#work;
    this.#work = null;
    if (work !== null) this.#stopping = this.#stopping.then(() => work.stop());
    await this.#stopping;
  }

  async #writeBootstrap({ cluster, node }: ManagerBootstrap): Promise<void> {
    const { env } = this.#deps;
    const until = env.now() + INIT_DEADLINE_MS;
    while (!this.replica.isReadyLeader()) {
      if (env.now() > until) throw new AppError("deadline", "The new cluster's only manager did not become its leader");
      await sleep(env, READY_POLL_MS);
    }
    await this.store.update((tx) => {
      if (tx.count("cluster") > 0) return;
      tx.put("cluster", cluster);
      tx.put("node", node);
    });
  }
}
