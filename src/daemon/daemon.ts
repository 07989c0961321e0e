/**
 * The node's process: opens its doors, makes or joins a cluster when told to, and holds the one
 * ClusterNode that runs. What it may do before it has an identity is only to get one.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AgentStop } from "../agent/agent.ts";
import { readBootId } from "../agent/boot-id.ts";
import { createCluster, joinTokens } from "../pki/create-cluster.ts";
import { RotatingCredentials } from "../pki/credentials.ts";
import { joinCluster } from "../pki/join.ts";
import { Keystore, type StoredIdentity } from "../pki/keystore.ts";
import { CertificateRenewer } from "../pki/renewer.ts";
import { identify } from "../pki/identity.ts";
import { LevelKvFactory } from "../disk/level-kv.ts";
import { call } from "../proto/client.ts";
import { GrpcDialer } from "../proto/grpc-client.ts";
import { serveGrpc } from "../proto/grpc-server.ts";
import type { InitResponse } from "../proto/gen/InitResponse.ts";
import type { JoinResponse } from "../proto/gen/JoinResponse.ts";
import type { Listener } from "../proto/rpc.ts";
import { Router } from "../proto/router.ts";
import { AppError } from "../util/errors.ts";
import { sleep, type Env } from "../util/env.ts";
import type { Logger } from "../util/log.ts";
import { Metrics } from "../util/metrics.ts";
import type { DaemonConfig } from "./config.ts";
import { chooseExecutor } from "./executors.ts";
import { serveHttp, type Health, type HttpListener } from "./http.ts";
import { nodeMetrics } from "./node-metrics.ts";
import { ClusterNode, type NodeStart } from "./node.ts";

const TOKEN_POLL_MS = 200;
const TOKEN_WAIT_MS = 300_000;
const JOIN_DEADLINE_MS = 60_000;
const LEAVE_DEADLINE_MS = 20_000;

type State = "uninitialized" | "joining" | "ready" | "leaving" | "stopped";

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
  readonly #metrics = new Metrics();
  readonly #listeners: (Listener | HttpListener)[] = [];
  #state: State = "uninitialized";
  #node: ClusterNode | null = null;
  #stored: StoredIdentity | null = null;
  #nodeListeners: Listener[] = [];
  #renewer: CertificateRenewer | null = null;
  #dialer: GrpcDialer | null = null;
  #message = "";

  constructor(config: DaemonConfig, deps: DaemonDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#router = new Router(deps.log.child({ part: "rpc" }));
    this.#keystore = new Keystore(config.dataDir);
  }

  /** Resolves when the doors are open and, if it has or was told to get an identity, its node runs. */
  async start(): Promise<void> {
    const { dataDir, socket } = this.#config;
    const { log } = this.#deps;
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    this.#registerDaemon();
    nodeMetrics(this.#metrics, () => this.#node);
    this.#listeners.push(await serveGrpc(this.#router, { address: `unix:${socket}`, env: this.#deps.env, log }));
    const stored = await this.#keystore.load();
    if (stored !== undefined) await this.#run(stored, { kind: "restart" }, []);
    await this.#serveHttp();
    if (this.#node !== null) return;
    if (this.#config.init) {
      const made = await this.#init(this.#config.clusterName, this.#config.advertise);
      await this.#writeTokens(made);
    } else if (this.#config.join.length > 0) {
      await this.#join({ managers: this.#config.join, token: await this.#token(), advertise: "", name: "" });
    } else log.info("waiting for init or join", { socket });
  }

  /** @param goodbye this node's tasks move at once: the shutdown of a machine, not a crash. */
  async stop({ goodbye }: { readonly goodbye: boolean }): Promise<void> {
    this.#state = "stopped";
    await this.#stopNode({ goodbye });
    for (const listener of this.#listeners.splice(0).reverse()) await listener.close();
  }

  /** The current identity, for tests and the dev command. */
  get identity(): StoredIdentity["identity"] | null {
    return this.#stored?.identity ?? null;
  }

  get node(): ClusterNode | null {
    return this.#node;
  }

  #registerDaemon(): void {
    this.#router.unary("Daemon.Init", async ({ clusterName, advertise }) => {
      return await this.#init(
        clusterName === "" ? "default" : clusterName,
        advertise === "" ? this.#config.advertise : advertise,
      );
    });
    this.#router.unary("Daemon.Join", async (request) => await this.#join(request));
    this.#router.unary("Daemon.Leave", async ({ force }) => {
      await this.#leave(force);
      return {};
    });
    this.#router.unary("Daemon.Status", async () => {
      const identity = this.#stored?.identity;
      return await Promise.resolve({
        state: this.#state,
        clusterId: identity?.clusterId ?? "",
        nodeId: identity?.nodeId ?? "",
        role: identity?.role ?? "",
        message: this.#message,
      });
    });
  }

  async #init(clusterName: string, advertise: string): Promise<InitResponse> {
    this.#begin();
    try {
      const { nodeName, labels } = this.#config;
      const made = await createCluster(this.#deps.env, { clusterName, address: advertise, nodeName, labels });
      const stored = { identity: made.identity, files: made.files };
      await this.#keystore.save(stored);
      await this.#run(stored, { kind: "init", bootstrap: made }, [advertise], advertise);
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
      const address = request.advertise === "" ? this.#config.advertise : request.advertise;
      const joined = await joinCluster(
        { env, log },
        {
          // The same id and key at every attempt: a repeated join is the same node.
          ...(await this.#keystore.draft(env)),
          addresses: request.managers,
          token: request.token,
          address,
          name: request.name === "" ? this.#config.nodeName : request.name,
          labels: this.#config.labels,
          timeoutMs: JOIN_DEADLINE_MS,
        },
      );
      const { identity, files } = joined;
      await this.#keystore.save({ identity, files });
      const start: NodeStart = identity.role === "manager" ? { kind: "join" } : { kind: "restart" };
      await this.#run({ identity, files }, start, joined.managers, address);
      return { clusterId: identity.clusterId, nodeId: identity.nodeId, role: identity.role };
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  #begin(): void {
    if (this.#state !== "uninitialized") {
      throw new AppError(
        "precondition",
        `This node is ${this.#state === "ready" ? "already in a cluster" : this.#state}`,
        {
          next: "shoal leave first, or use another --data-dir",
        },
      );
    }
    this.#state = "joining";
  }

  #failed(error: unknown): void {
    this.#message = AppError.from(error).message;
    if (this.#state === "joining") this.#state = "uninitialized";
  }

  async #run(
    stored: StoredIdentity,
    start: NodeStart,
    managers: readonly string[],
    advertise = this.#config.advertise,
  ): Promise<void> {
    const { env, log, version } = this.#deps;
    const { dataDir, listen, nodeName } = this.#config;
    this.#stored = stored;
    const credentials = new RotatingCredentials(stored.files);
    const dialer = new GrpcDialer({ env, log: log.child({ part: "rpc" }), credentials });
    this.#dialer = dialer;
    const node = new ClusterNode(
      {
        env,
        log,
        router: this.#router,
        dialer,
        kvFactory: new LevelKvFactory(dataDir),
        executor: await chooseExecutor(this.#config, env, log.child({ part: "executor" })),
        identity: stored.identity,
        managerClass: stored.identity.role === "manager" ? (await import("../manager/manager.ts")).Manager : null,
        onFatal: this.#deps.onFatal,
        onRemoved: () =>
          this.#deps.onFatal(
            new AppError("precondition", "This node was removed from its cluster", {
              next: "shoal leave --force, then join again",
            }),
          ),
      },
      { address: advertise, name: nodeName, managers, version, dataDir, bootId: await readBootId() },
    );
    this.#node = node;
    this.#renewer = new CertificateRenewer({
      env,
      log,
      dialer,
      keystore: this.#keystore,
      credentials,
      stored,
      managers: () => node.agent.managers,
    });
    this.#nodeListeners = [
      await serveGrpc(this.#router, { address: listen, security: { credentials, identify }, env, log }),
    ];
    await node.start(start);
    this.#renewer.start();
    this.#state = "ready";
    log.info("node is ready", { ...stored.identity, listen, advertise });
  }

  async #stopNode(how: AgentStop): Promise<void> {
    await this.#renewer?.stop();
    await this.#node?.stop(how);
    for (const listener of this.#nodeListeners.splice(0)) await listener.close();
    this.#node = null;
  }

  async #leave(force: boolean): Promise<void> {
    const stored = this.#stored;
    const node = this.#node;
    if (stored === null || node === null) throw new AppError("precondition", "This node is in no cluster");
    this.#state = "leaving";
    try {
      if (node.manager !== null) await this.#leaveRaft(node, stored.identity.nodeId, force);
    } catch (error) {
      this.#state = "ready";
      throw error;
    }
    await this.#stopNode({ goodbye: true, removeTasks: true });
    await this.#keystore.forget();
    for (const part of ["raft-log", "raft-snapshots", "agent"])
      await rm(join(this.#config.dataDir, part), { recursive: true, force: true });
    this.#stored = null;
    this.#state = "uninitialized";
  }

  async #leaveRaft(node: ClusterNode, nodeId: string, force: boolean): Promise<void> {
    const { manager } = node;
    if (manager === null) return;
    if (manager.replica.members().length <= 1) {
      if (force) return;
      throw new AppError("precondition", "This is the cluster's last manager: leaving ends the cluster", {
        next: "shoal leave --force",
      });
    }
    const leader = manager.replica.leader();
    if (leader === null) {
      if (force) return;
      throw new AppError("unavailable", "No quorum: the other managers cannot agree to let this one go", {
        next: "shoal leave --force",
      });
    }
    if (leader.id === nodeId) await manager.replica.transferLeadership();
    const next = manager.replica.leader() ?? leader;
    const channel = this.#dialer?.dial(next.address, { peer: { kind: "node", nodeId: next.id }, profile: "control" });
    if (channel === undefined) return;
    try {
      await call(channel, "Raft.Leave", { nodeId }, { deadlineMs: LEAVE_DEADLINE_MS });
    } finally {
      channel.close();
    }
  }

  async #serveHttp(): Promise<void> {
    this.#metrics.collectProcess();
    this.#listeners.push(
      await serveHttp(
        {
          health: () => this.#health(),
          metrics: () => this.#metrics.text(),
          credentials: () => this.#stored?.files ?? null,
        },
        { listen: this.#config.httpListen, plain: this.#config.httpPlain },
      ),
    );
  }

  /** Healthy is: in a cluster, and in touch with its leader (a manager) or with a manager (a worker). */
  #health(): Health {
    const node = this.#node;
    const detail = {
      state: this.#state,
      nodeId: this.#stored?.identity.nodeId ?? "",
      role: this.#stored?.identity.role ?? "",
    };
    if (node === null || this.#state !== "ready") return { ok: false, detail };
    if (node.manager !== null) {
      const leader = node.manager.replica.leader();
      return { ok: leader !== null, detail: { ...detail, leader: leader?.id ?? "" } };
    }
    return { ok: node.agent.status().sessionId !== "", detail };
  }

  async #token(): Promise<string> {
    const { token, tokenFile } = this.#config;
    if (tokenFile === "") return token;
    const { env, log } = this.#deps;
    const until = env.now() + TOKEN_WAIT_MS;
    for (let waits = 0; env.now() < until; waits += 1) {
      const text = await readFile(tokenFile, "utf8").catch(() => "");
      if (text.trim() !== "") return text.trim();
      if (waits === 0) log.info("waiting for the join token", { tokenFile });
      await sleep(env, TOKEN_POLL_MS);
    }
    throw new AppError("deadline", `No join token in ${tokenFile}`, {
      path: "token-file",
      next: "write the token there, or use --token",
    });
  }

  async #writeTokens(made: InitResponse): Promise<void> {
    const { tokenDir } = this.#config;
    if (tokenDir === "") return;
    for (const [role, token] of [["manager", made.managerToken] as const, ["worker", made.workerToken] as const]) {
      await mkdir(join(tokenDir, role), { recursive: true });
      await writeFile(join(tokenDir, role, "token"), `${token}\n`, { mode: 0o600 });
    }
  }
}
