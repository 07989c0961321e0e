/**
 * The node's process: opens its doors, makes or joins a cluster when told to, and holds the one
 * ClusterNode that runs. What it may do before it has an identity is only to get one.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { AgentStop } from "../agent/agent.ts";
import { createCluster, joinTokens } from "../pki/create-cluster.ts";
import { RotatingCredentials } from "../pki/credentials.ts";
import { joinCluster } from "../pki/join.ts";
import { Keystore, type StoredIdentity } from "../pki/keystore.ts";
import { CertificateRenewer } from "../pki/renewer.ts";
import { identify } from "../pki/identity.ts";
import { diskProbe, diskProbeWith } from "../disk/disk-space.ts";
import { LevelKvFactory } from "../disk/level-kv.ts";
import { GrpcDialer } from "../proto/grpc-client.ts";
import { serveGrpc } from "../proto/grpc-server.ts";
import type { InitResponse } from "../proto/gen/InitResponse.ts";
import type { JoinResponse } from "../proto/gen/JoinResponse.ts";
import type { Listener } from "../proto/rpc.ts";
import { Router } from "../proto/router.ts";
import { PROTOCOLS } from "../model/protocol.ts";
import { isSuperseded } from "../model/incarnation.ts";
import { AppError } from "../util/errors.ts";
import type { Env } from "../util/env.ts";
import type { Logger } from "../util/log.ts";
import { Metrics } from "../util/metrics.ts";
import type { DaemonConfig } from "./config.ts";
import type { KvFactory } from "../util/kv.ts";
import { chooseExecutor } from "./executors.ts";
import { makeDataDir, removeData } from "./data-dir.ts";
import { healthOf } from "./health.ts";
import { canServeHttp, serveHttp, type HttpListener } from "./http.ts";
import { registerLocalService } from "./local-service.ts";
import { nodeMetrics } from "./node-metrics.ts";
import { leaveManagers } from "./leave.ts";
import { nodeOptions } from "./node-options.ts";
import { ClusterNode, type NodeStart } from "./node.ts";
import { readToken, writeTokens } from "./token-files.ts";
import { RoleFollower } from "./role-follower.ts";
import { StartRecords, type StartRecord } from "./start-record.ts";
import { isMarkedSuperseded, markSuperseded, supersedingIncarnation } from "./superseded-file.ts";
import { giveToAdmins } from "./socket-group.ts";

const JOIN_DEADLINE_MS = 60_000;
/** A removed node's last message (nothing is assigned to it) leaves before its connections go. */
const REMOVED_GRACE_MS = 250;

/** `removed`: the cluster has no such node any more; nothing runs, and it waits for `leave`. */
type State = "starting" | "uninitialized" | "joining" | "ready" | "leaving" | "removed" | "stopped";

export type DaemonDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly version: string;
  /** The daemon cannot go on; the process ends with this. */
  readonly onFatal: (error: AppError) => void;
};

export class Daemon {
  readonly #config: DaemonConfig;
  readonly #deps: DaemonDeps;
  readonly #router: Router;
  readonly #keystore: Keystore;
  readonly #records: StartRecords;
  readonly #metrics = new Metrics();
  readonly #listeners: Listener[] = [];
  /** Aborts starts, joins and leaves that are under way when the process is told to stop. */
  readonly #abort = new AbortController();
  readonly #busy = new Set<Promise<unknown>>();
  #state: State = "starting";
  #http: HttpListener | null = null;
  #node: ClusterNode | null = null;
  #stored: StoredIdentity | null = null;
  #nodeListener: Listener | null = null;
  #renewer: CertificateRenewer | null = null;
  #dialer: GrpcDialer | null = null;
  #role: RoleFollower | null = null;
  #message = "";

  constructor(config: DaemonConfig, deps: DaemonDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#router = new Router(deps.log.child({ part: "rpc" }));
    this.#keystore = new Keystore(config.dataDir);
    this.#records = new StartRecords(config.dataDir);
  }

  /**
   * Resolves when the doors are open and, if it has or was told to get an identity, its node runs.
   * After a failure nothing is open and nothing runs.
   */
  async start(): Promise<void> {
    try {
      await this.#track(this.#start());
    } catch (error) {
      await this.#close({ goodbye: false });
      throw error;
    }
  }

  /** @param goodbye this node's tasks move at once: the shutdown of a machine, not a crash. */
  async stop({ goodbye }: { readonly goodbye: boolean }): Promise<void> {
    this.#state = "stopped";
    this.#abort.abort();
    await Promise.allSettled(this.#busy);
    await this.#close({ goodbye });
  }

  /** The current identity, for tests and the dev command. */
  get identity(): StoredIdentity["identity"] | null {
    return this.#stored?.identity ?? null;
  }

  get node(): ClusterNode | null {
    return this.#node;
  }

  async #start(): Promise<void> {
    const { dataDir, socket } = this.#config;
    const { log, env } = this.#deps;
    await makeDataDir(dataDir);
    registerLocalService(this.#router, {
      init: ({ clusterName, advertise }) =>
        this.#track(this.#init(clusterName || "default", advertise || this.#config.advertise)),
      join: (request) => this.#track(this.#join(request)),
      leave: (force) => this.#track(this.#leave(force)),
      status: () => ({ state: this.#state, message: this.#message, identity: this.#stored?.identity ?? null }),
    });
    nodeMetrics(this.#metrics, () => this.#node);
    this.#metrics.collectProcess();
    this.#listeners.push(await serveGrpc(this.#router, { address: `unix:${socket}`, env, log }));
    await giveToAdmins(socket);
    await this.#serveHttp();
    const kind = (await this.#records.load())?.kind;
    if (kind === "leaving" || kind === "restoring") await this.#wipe();
    const stored = await this.#keystore.load();
    if (stored !== undefined) {
      await this.#restart(stored);
      return;
    }
    this.#abort.signal.throwIfAborted();
    this.#state = "uninitialized";
    if (this.#config.init) {
      const made = await this.#init(this.#config.clusterName, this.#config.advertise);
      if (this.#config.tokenDir !== "") await writeTokens(this.#config.tokenDir, made);
    } else if (this.#config.join.length > 0) {
      const { token: given, tokenFile } = this.#config;
      const token = tokenFile === "" ? given : await readToken(this.#deps, tokenFile, this.#abort.signal);
      await this.#join({ managers: this.#config.join, token, advertise: "", name: "" });
    } else log.info("waiting for init or join", { socket });
  }

  async #track<T>(work: Promise<T>): Promise<T> {
    this.#busy.add(work);
    try {
      return await work;
    } finally {
      this.#busy.delete(work);
    }
  }

  async #close(how: AgentStop): Promise<void> {
    await this.#stopNode(how);
    await this.#http?.close();
    this.#http = null;
    for (const listener of this.#listeners.splice(0).reverse()) await listener.close();
  }

  /** Goes on with the node that is on disk, wherever its last start got to. */
  async #restart(stored: StoredIdentity): Promise<void> {
    const { advertise, isAdvertiseSet, nodeName, join: managers } = this.#config;
    const known = (await this.#records.load()) ?? { kind: "join", managers: [], advertise, nodeName, bootstrap: null };
    const record: StartRecord = { ...known, managers: [...new Set([...managers, ...known.managers])] };
    const start: NodeStart =
      record.bootstrap === null ? { kind: "restart" } : { kind: "init", bootstrap: record.bootstrap };
    // What the operator says now wins over what was said at init or join.
    const now = isAdvertiseSet ? { ...record, advertise } : record;
    await this.#run(stored, start, now);
    if (record.bootstrap !== null) await this.#records.save({ ...now, bootstrap: null });
  }

  async #init(clusterName: string, advertise: string): Promise<InitResponse> {
    this.#begin();
    try {
      const { nodeName, labels } = this.#config;
      const first = { clusterName, address: advertise, nodeName, labels, protocol: PROTOCOLS.max };
      const made = await createCluster(this.#deps.env, first);
      const stored = { identity: made.identity, files: made.files };
      const bootstrap = { cluster: made.cluster, node: made.node };
      const record: StartRecord = { kind: "init", managers: [advertise], advertise, nodeName, bootstrap };
      await this.#records.save(record);
      await this.#keystore.save(stored);
      await this.#run(stored, { kind: "init", bootstrap }, record);
      await this.#records.save({ ...record, bootstrap: null });
      const tokens = joinTokens(made.cluster);
      return {
        clusterId: made.cluster.id,
        nodeId: made.node.id,
        advertise,
        workerToken: tokens.worker,
        managerToken: tokens.manager,
      };
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  async #join(request: {
    managers: readonly string[];
    token: string;
    advertise: string;
    name: string;
  }): Promise<JoinResponse> {
    this.#begin();
    try {
      const { env, log } = this.#deps;
      const advertise = request.advertise === "" ? this.#config.advertise : request.advertise;
      const nodeName = request.name === "" ? this.#config.nodeName : request.name;
      const { identity, files, managers } = await joinCluster(
        { env, log },
        {
          // The same id and key at every attempt: a repeated join is the same node.
          ...(await this.#keystore.draft(env)),
          addresses: request.managers,
          token: request.token,
          address: advertise,
          name: nodeName,
          labels: this.#config.labels,
          timeoutMs: JOIN_DEADLINE_MS,
          signal: this.#abort.signal,
        },
      );
      const seeds = managers.length > 0 ? managers : request.managers;
      const record: StartRecord = { kind: "join", managers: seeds, advertise, nodeName, bootstrap: null };
      await this.#records.save(record);
      await this.#keystore.save({ identity, files });
      await this.#run({ identity, files }, { kind: identity.role === "manager" ? "join" : "restart" }, record);
      return { clusterId: identity.clusterId, nodeId: identity.nodeId, role: identity.role };
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  #begin(): void {
    if (this.#state !== "uninitialized") {
      const what = this.#state === "ready" ? "already in a cluster" : this.#state;
      throw new AppError("precondition", `This node is ${what}`, {
        next: "shoal leave first, or use another --data-dir",
      });
    }
    if (this.#stored !== null) {
      throw new AppError("precondition", `This node got an identity but did not get going: ${this.#message}`, {
        next: "restart the daemon to go on with it, or shoal leave --force",
      });
    }
    this.#state = "joining";
  }

  #failed(error: unknown): void {
    this.#message = AppError.from(error).message;
    if (this.#state === "joining") this.#state = "uninitialized";
  }

  async #run(stored: StoredIdentity, start: NodeStart, record: StartRecord): Promise<void> {
    const { env, log } = this.#deps;
    const { listen } = this.#config;
    this.#stored = stored;
    try {
      const credentials = new RotatingCredentials(stored.files);
      credentials.onChange(() => {
        if (this.#stored !== null) this.#stored = { ...this.#stored, files: credentials.files };
        this.#http?.refresh();
      });
      await this.#serveHttp();
      const dialer = new GrpcDialer({ env, log: log.child({ part: "rpc" }), credentials });
      this.#dialer = dialer;
      const kvFactory = new LevelKvFactory(this.#config.dataDir);
      // Where an earlier demotion was cut short.
      if (stored.identity.role === "worker") await this.#retire(kvFactory);
      const node = await this.#makeNode(stored, { dialer, kvFactory, record });
      this.#node = node;
      const renewer = new CertificateRenewer({
        env,
        log,
        dialer,
        keystore: this.#keystore,
        credentials,
        stored,
        // First of all the one that the agent listens to: none of an earlier life of the cluster.
        managers: () => [...new Set([node.agent.status().manager, ...node.agent.managers])].filter(Boolean),
      });
      this.#renewer = renewer;
      this.#role = this.#followRole(node, renewer, record);
      this.#nodeListener = await serveGrpc(this.#router, {
        address: listen,
        security: { credentials, identify },
        env,
        log,
      });
      this.#closeConnectionsOfRemoved(node);
      await node.start(start, this.#abort.signal);
      renewer.start();
      if (isMarkedSuperseded(this.#config.dataDir)) await this.#takeNoPart(node);
    } catch (error) {
      await this.#stopNode({ goodbye: false });
      throw error;
    }
    if (this.#state === "removed") return;
    if (this.#state !== "stopped") this.#state = "ready";
    this.#message = "";
    log.info("node is ready", { ...stored.identity, listen, advertise: record.advertise });
  }

  async #makeNode(
    stored: StoredIdentity,
    { dialer, kvFactory, record }: { dialer: GrpcDialer; kvFactory: KvFactory; record: StartRecord },
  ): Promise<ClusterNode> {
    const { env, log } = this.#deps;
    const { dataDir } = this.#config;
    const { identity } = stored;
    const hasManager = identity.role === "manager" && !isMarkedSuperseded(dataDir);
    return new ClusterNode(
      {
        env,
        log,
        router: this.#router,
        dialer,
        kvFactory,
        executor: await chooseExecutor(this.#config, env, log.child({ part: "executor" })),
        identity,
        managerClass: hasManager ? (await import("../manager/manager.ts")).Manager : null,
        diskProbe: diskProbeWith(dataDir, join(dataDir, "raft-log", "LOCK")),
        probeOf: diskProbe,
        retired: hasManager ? await (await import("./retired-file.ts")).readRetired(dataDir) : null,
        onFatal: (error) => (isSuperseded(error) ? this.#onSuperseded(error) : this.#deps.onFatal(error)),
        // By its own wish: the rest of leaving follows.
        onRemoved: () => (this.#state === "leaving" ? undefined : this.#role?.outOfRaft()),
        onRole: (role) => this.#role?.told(role),
        onExpelled: () => this.#onExpelled(),
      },
      await nodeOptions(this.#config, record, this.#deps),
    );
  }

  #followRole(node: ClusterNode, renewer: CertificateRenewer, record: StartRecord): RoleFollower {
    const { env, log } = this.#deps;
    const kvFactory = new LevelKvFactory(this.#config.dataDir);
    return new RoleFollower(
      {
        env,
        log,
        hasManager: () => node.manager !== null,
        renew: async (signal) => {
          // A manager's first start needs somebody to ask before its agent has told it whom.
          await this.#records.save({ ...record, managers: [...node.agent.managers], bootstrap: null });
          const role = await renewer.renew(signal);
          if (this.#stored !== null) this.#stored = { ...this.#stored, identity: { ...this.#stored.identity, role } };
          return role;
        },
        startManager: async (signal) => {
          const { Manager } = await import("../manager/manager.ts");
          const { readRetired } = await import("./retired-file.ts");
          await node.promote(Manager, await readRetired(this.#config.dataDir), signal);
          this.#closeConnectionsOfRemoved(node);
        },
        stopManager: async () => await node.stopManager(),
        retire: async () => await this.#retire(kvFactory),
        onExpelled: () => this.#onExpelled(),
      },
      this.#stored?.identity.role ?? "worker",
    );
  }

  async #retire(kvFactory: KvFactory): Promise<void> {
    const { dataDir } = this.#config;
    if (this.#stored === null) return;
    const disk = { env: this.#deps.env, kvFactory, dataDir };
    if (isMarkedSuperseded(dataDir)) await (await import("./set-aside.ts")).setAside(disk, this.#stored.identity);
    else if (existsSync(join(dataDir, "raft-log")))
      await (await import("./retired-file.ts")).retireManager(disk, this.#stored.identity);
  }

  /** Its manager has halted already. Marked first: it must not act again after a restart either. */
  #onSuperseded(error: AppError): void {
    const { incarnation = "" } = error.details;
    this.#deps.log.error(error.message, { incarnation, next: error.details.next });
    const mark = async (): Promise<void> => {
      await markSuperseded(this.#config.dataDir, incarnation);
      // A start that is still under way looks for the mark itself.
      if (this.#node !== null && this.#state === "ready") await this.#takeNoPart(this.#node);
    };
    void this.#track(mark()).catch((failure: unknown) => this.#deps.onFatal(AppError.from(failure)));
  }

  /** This node becomes what the cluster's present life says it is; its tasks go on meanwhile. */
  async #takeNoPart(node: ClusterNode): Promise<void> {
    const incarnation = await supersedingIncarnation(this.#config.dataDir);
    if (incarnation !== "") node.agent.meet(incarnation);
    this.#role?.superseded();
  }

  /** Its tasks run elsewhere by now: they end here, and with them everything but the door to `leave`. */
  #onExpelled(): void {
    if (this.#state !== "ready" && this.#state !== "starting") return;
    this.#state = "removed";
    this.#message = "this node was removed from its cluster: shoal leave --force, then join again";
    this.#deps.log.error("this node was removed from its cluster", { next: "shoal leave --force, then join again" });
    void this.#track(this.#stopNode({ goodbye: false, stopTasks: true, removeTasks: true })).catch((error: unknown) =>
      this.#deps.onFatal(AppError.from(error)),
    );
  }

  #closeConnectionsOfRemoved(node: ClusterNode): void {
    node.manager?.store.onCommit((set) => {
      for (const change of set.changes)
        if (change.table === "node" && change.after === undefined) {
          this.#deps.env.setTimer(REMOVED_GRACE_MS, () => this.#nodeListener?.closeConnectionsOf(change.id));
        }
    });
  }

  /** The node first: leadership moves and goodbyes are said while its port is still open. */
  async #stopNode(how: AgentStop): Promise<void> {
    await this.#role?.stop();
    this.#role = null;
    await this.#renewer?.stop();
    this.#renewer = null;
    await this.#node?.stop(how);
    this.#node = null;
    await this.#nodeListener?.close();
    this.#nodeListener = null;
  }

  async #leave(force: boolean): Promise<void> {
    const stored = this.#stored;
    if (stored === null) throw new AppError("precondition", "This node is in no cluster");
    const isHalfMade = this.#state === "uninitialized";
    const isOut = this.#state === "removed";
    if (this.#state !== "ready" && !isHalfMade && !isOut)
      throw new AppError("precondition", `This node is ${this.#state}`);
    if (isHalfMade && !force) {
      throw new AppError("precondition", `This node did not get going: ${this.#message}`, {
        next: "restart the daemon, or shoal leave --force",
      });
    }
    this.#state = "leaving";
    try {
      const { nodeId } = stored.identity;
      if (this.#node !== null && this.#dialer !== null) {
        await leaveManagers({ env: this.#deps.env, dialer: this.#dialer, node: this.#node }, { nodeId, force });
      }
    } catch (error) {
      this.#state = "ready";
      throw error;
    }
    await this.#stopNode({ goodbye: true, removeTasks: true });
    await this.#records.save({ kind: "leaving", managers: [], advertise: "", nodeName: "", bootstrap: null });
    await this.#wipe();
    this.#stored = null;
    this.#message = "";
    this.#state = "uninitialized";
  }

  /** In this order: until the identity is gone, a start that finds the record goes on with it. */
  async #wipe(): Promise<void> {
    await removeData(this.#config.dataDir);
    await this.#keystore.forget();
    await this.#records.forget();
  }

  /** From the start where it needs no certificate, else as soon as there is one. */
  async #serveHttp(): Promise<void> {
    const options = { listen: this.#config.httpListen, plain: this.#config.httpPlain };
    const deps = {
      log: this.#deps.log,
      health: () => healthOf(this.#state, this.#stored, this.#node),
      metrics: () => this.#metrics.text(),
      credentials: () => this.#stored?.files ?? null,
    };
    if (this.#http === null && canServeHttp(deps, options)) this.#http = await serveHttp(deps, options);
  }
}
