// Managers (and workers with plain processes) as OS processes on loopback, for benchmarks, integration tests and proofs.
// Everything lives below one temporary folder; stop() leaves nothing. SHOAL_NODE names another Node for the nodes, for
// example the one of the cluster's image.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseContext } from "../../src/cli/context.ts";
import type { Context } from "../../src/cli/context.ts";
import { RotatingCredentials } from "../../src/pki/credentials.ts";
import { call } from "../../src/proto/client.ts";
import { GrpcDialer } from "../../src/proto/grpc-client.ts";
import type { KeysOf, RequestInput, Response } from "../../src/proto/load.ts";
import type { Channel } from "../../src/proto/rpc.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { freePorts } from "./free-ports.ts";
import { cleanupOnce, isTooLate } from "./interruption.ts";
import { nodeSettings } from "./node-settings.ts";
import { runOk, stopChild, waitFor } from "./run.ts";
import { ROOT, SHOAL_BIN } from "./shoal.ts";

export type LocalNode = {
  readonly name: string;
  readonly role: "manager" | "worker";
  readonly dir: string;
  readonly address: string;
  readonly httpAddress: string;
  readonly socket: string;
  child: ChildProcess | null;
};

export type LocalOptions = {
  readonly managers: number;
  readonly workers?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** For node itself: --cpu-prof, ... */
  readonly nodeArgs?: readonly string[];
};

const READY_MS = 30_000;
const STOP_GRACE_MS = 15_000;

export class LocalCluster implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), "shoal-local-"));
  readonly nodes: LocalNode[] = [];
  readonly #env: Readonly<Record<string, string>>;
  #context: Context | null = null;
  #dialer: GrpcDialer | null = null;
  readonly #channels = new Map<string, Channel>();

  readonly #nodeArgs: readonly string[];

  constructor(env: Readonly<Record<string, string>>, nodeArgs: readonly string[]) {
    this.#env = env;
    this.#nodeArgs = nodeArgs;
  }

  get managers(): LocalNode[] {
    return this.nodes.filter((node) => node.role === "manager");
  }

  get workers(): LocalNode[] {
    return this.nodes.filter((node) => node.role === "worker");
  }

  get context(): Context {
    if (this.#context === null) throw new Error("The cluster has not started");
    return this.#context;
  }

  get dialer(): GrpcDialer {
    this.#dialer ??= new GrpcDialer({
      env: realEnv,
      log: silentLogger,
      credentials: new RotatingCredentials(this.context),
    });
    return this.#dialer;
  }

  async add(role: "manager" | "worker"): Promise<LocalNode> {
    const name = `${role}${this.nodes.filter((node) => node.role === role).length + 1}`;
    const dir = join(this.root, name);
    mkdirSync(dir, { recursive: true });
    const [grpc, http] = await freePorts(2);
    const node: LocalNode = {
      name,
      role,
      dir,
      address: `127.0.0.1:${grpc ?? 0}`,
      httpAddress: `127.0.0.1:${http ?? 0}`,
      socket: join(dir, "s.sock"),
      child: null,
    };
    this.nodes.push(node);
    return node;
  }

  /**
   * Starts, or starts again, a node's process.
   * @param bin another version's program
   */
  boot(node: LocalNode, env: Readonly<Record<string, string>> = {}, bin = SHOAL_BIN): void {
    if (isTooLate()) throw new Error(`Cannot start ${node.name}: this run was interrupted`);
    const first = this.nodes[0] === node;
    const log = openSync(join(node.dir, "log"), "a");
    node.child = spawn(
      process.env["SHOAL_NODE"] ?? process.execPath,
      [...this.#nodeArgs, "--enable-source-maps", bin, "daemon"],
      {
        cwd: ROOT,
        stdio: ["ignore", log, log],
        env: {
          PATH: process.env["PATH"],
          HOME: this.root,
          ...nodeSettings(node.role),
          SHOAL_DATA_DIR: join(node.dir, "data"),
          SHOAL_LISTEN: node.address,
          SHOAL_ADVERTISE: node.address,
          SHOAL_HTTP_LISTEN: node.httpAddress,
          SHOAL_SOCKET: node.socket,
          SHOAL_NODE_NAME: node.name,
          SHOAL_EXECUTOR: node.role === "manager" ? "none" : "process",
          ...(first
            ? { SHOAL_INIT: "1", SHOAL_TOKEN_DIR: join(this.root, "tokens") }
            : {
                SHOAL_JOIN: this.managers
                  .filter((other) => other !== node)
                  .map((other) => other.address)
                  .join(","),
                SHOAL_TOKEN_FILE: join(this.root, "tokens", node.role, "token"),
              }),
          ...this.#env,
          ...env,
        },
      },
    );
    closeSync(log);
  }

  log(node: LocalNode): string {
    return existsSync(join(node.dir, "log")) ? readFileSync(join(node.dir, "log"), "utf8") : "";
  }

  /** A context by the first manager's own socket, then until every node is ready. */
  async ready(): Promise<void> {
    const [first] = this.nodes;
    if (first === undefined) return;
    const text = await waitFor("a context of the new cluster", READY_MS, async () => {
      return await runOk([
        process.execPath,
        SHOAL_BIN,
        "context",
        "export",
        "--name",
        "local",
        "--host",
        `unix:${first.socket}`,
      ]);
    });
    this.#context = parseContext(text, "context export");
    await waitFor("all nodes ready", READY_MS, async () => {
      const info = await this.call(first, "Control.GetCluster", {});
      return info.nodesReady === this.nodes.length && info.managersReachable === this.managers.length
        ? info
        : undefined;
    });
  }

  channel(node: LocalNode): Channel {
    let channel = this.#channels.get(node.name);
    if (channel === undefined) {
      channel = this.dialer.dial(node.address, { peer: { kind: "manager" }, profile: "control" });
      this.#channels.set(node.name, channel);
    }
    return channel;
  }

  async call<K extends KeysOf<"unary">>(
    node: LocalNode,
    key: K,
    request: RequestInput<K>,
    deadlineMs = 5000,
  ): Promise<Response<K>> {
    return await call(this.channel(node), key, request, { deadlineMs });
  }

  /** The leader as any running manager sees it. */
  async leader(): Promise<LocalNode> {
    return await waitFor(
      "a leader",
      READY_MS,
      async () => {
        for (const manager of this.managers) {
          if (manager.child === null) continue;
          const { leaderAddress } = await this.call(manager, "Control.GetCluster", {}, 1000).catch(() => ({
            leaderAddress: "",
          }));
          const leader = this.managers.find((node) => node.address === leaderAddress && node.child !== null);
          if (leader !== undefined) return leader;
        }
        return undefined;
      },
      20,
    );
  }

  /** Resolves when the process is gone. */
  async kill(node: LocalNode, signal: "SIGKILL" | "SIGTERM" | "SIGHUP"): Promise<void> {
    const { child } = node;
    node.child = null;
    if (child === null) return;
    await stopChild(child, STOP_GRACE_MS, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Resolves when nothing of it is left. */
  readonly stop = cleanupOnce(async () => {
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
    for (const node of this.nodes) node.child?.kill("SIGCONT");
    await Promise.all([...this.workers].map(async (node) => await this.kill(node, "SIGTERM")));
    await Promise.all(this.managers.map(async (node) => await this.kill(node, "SIGKILL")));
    rmSync(this.root, { recursive: true, force: true });
  });
}

export async function startLocalCluster({
  managers,
  workers = 0,
  env = {},
  nodeArgs = [],
}: LocalOptions): Promise<LocalCluster> {
  const cluster = new LocalCluster(env, nodeArgs);
  try {
    for (let at = 0; at < managers; at += 1) await cluster.add("manager");
    for (let at = 0; at < workers; at += 1) await cluster.add("worker");
    for (const node of cluster.nodes) cluster.boot(node);
    await cluster.ready();
    return cluster;
  } catch (error) {
    const logs = cluster.nodes.map((node) => `${node.name}:\n${cluster.log(node).slice(-1500)}`).join("\n");
    await cluster.stop();
    throw new Error(`The local cluster did not start: ${String(error)}\n${logs}`, { cause: error });
  }
}
