// A cluster over several hosts (test/support/hosts.ts): every node is the real `shoal daemon` in its host's network,
// workers with an engine of their own. A link can be cut, a host switched off and on again. close() removes everything.
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { ControlClient } from "../../scripts/lib/control-client.ts";
import type { NodeSummary } from "../../scripts/lib/control-client.ts";
import { Hopeless, runOk, waitFor } from "../../scripts/lib/run.ts";
import { ROOT, SHOAL_BIN } from "../../scripts/lib/shoal.ts";
import { parseContext } from "../../src/cli/context.ts";
import type { Context } from "../../src/cli/context.ts";
import { WORKLOAD_IMAGE } from "./engine.ts";
import { startHosts } from "./hosts.ts";
import type { Host, Hosts } from "./hosts.ts";
import { PacketFilter } from "./packet-filter.ts";
import { HOOK_ARGS, isHooked, tellProcess } from "./process-hook.ts";
import type { HookOrder } from "./process-hook.ts";
import { SmallDisk } from "./small-disk.ts";
import { TcpProxy } from "./tcp-proxy.ts";

const READY_MS = 90_000;
const LEADER_MS = 30_000;
const KILLED_MS = 10_000;
const GRPC_PORT = 7377;

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export class HostNode {
  readonly name: string;
  readonly role: "manager" | "worker";
  readonly host: Host;
  /** Its host has an engine, where it runs tasks. */
  readonly hasEngine: boolean;
  readonly filter: PacketFilter;
  /** Null where its state shares the machine's disk. */
  readonly disk: SmallDisk | null;
  /** As `disk`, of what its engine keeps. */
  readonly engineDisk: SmallDisk | null;
  readonly #node: string;
  #settings: Readonly<Record<string, string>>;
  #daemon: ChildProcess | undefined;
  #exit: Promise<Exit> | null = null;

  constructor(options: {
    name: string;
    role: "manager" | "worker";
    host: Host;
    hasEngine: boolean;
    disk: SmallDisk | null;
    engineDisk: SmallDisk | null;
    node: string;
    settings: Readonly<Record<string, string>>;
  }) {
    this.name = options.name;
    this.role = options.role;
    this.host = options.host;
    this.hasEngine = options.hasEngine;
    this.#node = options.node;
    this.disk = options.disk;
    this.engineDisk = options.engineDisk;
    this.#settings = options.settings;
    this.filter = new PacketFilter((command) => this.host.inside(command));
  }

  /** Where it listens. Others may be told another address. */
  get address(): string {
    return `${this.host.address}:${GRPC_PORT}`;
  }

  get dataDir(): string {
    return join(this.host.folder, "shoal");
  }

  get socket(): string {
    return join(this.host.folder, "shoal.sock");
  }

  get log(): string {
    const file = join(this.host.folder, "shoal.log");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  /** Starts the daemon. The host's boot id is a file of its own: all hosts share a kernel that never reboots. */
  start(): void {
    const log = openSync(join(this.host.folder, "shoal.log"), "a");
    const bootId = join(this.host.folder, "boot-id");
    if (!existsSync(bootId)) writeFileSync(bootId, `${randomUUID()}\n`);
    const script = 'mount --bind "$1" /proc/sys/kernel/random/boot_id && shift && exec "$@"';
    const daemon = [this.#node, "--enable-source-maps", ...HOOK_ARGS, SHOAL_BIN, "daemon"];
    const child = this.host.spawn(["unshare", "-m", "bash", "-c", script, "boot", bootId, ...daemon], {
      cwd: ROOT,
      stdio: ["ignore", log, log],
      env: {
        PATH: process.env["PATH"],
        HOME: this.host.folder,
        UV_THREADPOOL_SIZE: "8",
        SHOAL_DATA_DIR: this.dataDir,
        SHOAL_SOCKET: this.socket,
        SHOAL_NODE_NAME: this.name,
        ...this.#settings,
      },
    });
    closeSync(log);
    this.#daemon = child;
    this.#exit = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  }

  /** From the next start on. */
  set(settings: Readonly<Record<string, string>>): void {
    this.#settings = { ...this.#settings, ...settings };
  }

  /** Of the daemon started last; 0 before. */
  get pid(): number {
    return this.#daemon?.pid ?? 0;
  }

  get isRunning(): boolean {
    const daemon = this.#daemon;
    return daemon !== undefined && daemon.exitCode === null && daemon.signalCode === null;
  }

  /** It runs, and has come as far as its own code: before that, signals end it. */
  get isUp(): boolean {
    return this.isRunning && isHooked(this.host.folder, this.#daemon ?? null);
  }

  signal(name: NodeJS.Signals): void {
    this.#daemon?.kill(name);
  }

  /** How the daemon started last ended, once it has. */
  async ended(timeoutMs: number): Promise<Exit> {
    let exit: Exit | undefined;
    void this.#exit?.then((value) => (exit = value));
    return await waitFor(`the end of ${this.name}`, timeoutMs, () => exit, 10);
  }

  /** Resolves when its process is gone. */
  async kill(): Promise<Exit> {
    this.signal("SIGKILL");
    return await this.ended(KILLED_MS);
  }

  async hook(order: HookOrder): Promise<void> {
    await tellProcess(this.host.folder, this.#daemon ?? null, order);
  }

  assertRuns(): void {
    const { exitCode = null, signalCode = null } = this.#daemon ?? {};
    if (exitCode !== null || signalCode !== null) {
      throw new Hopeless(`The daemon of ${this.name} ended (${exitCode ?? signalCode}): ${this.log.slice(-1_500)}`);
    }
  }

  /** As after a power cut: a boot of its own, the link, the engine if it has one, then the daemon. */
  async reboot(): Promise<void> {
    writeFileSync(join(this.host.folder, "boot-id"), `${randomUUID()}\n`);
    await this.host.linkUp();
    if (this.hasEngine) await this.host.startEngine();
    this.start();
  }

  /** "name id start" of every container of a task that runs here, sorted. */
  async containers(): Promise<string[]> {
    const ids = await this.host.docker(["ps", "-q", "--filter", "label=shoal.cluster"]);
    if (ids === "") return [];
    const format = "{{.Name}} {{.Id}} {{.State.StartedAt}}";
    return (await this.host.docker(["inspect", "--format", format, ...ids.split("\n")])).split("\n").toSorted();
  }
}

export class HostCluster implements AsyncDisposable {
  readonly hosts: Hosts;
  readonly nodes: readonly HostNode[];
  /** Where the other managers reach the last one; null: at its own address. */
  readonly proxy: TcpProxy | null;
  #context: Context | null = null;

  constructor(hosts: Hosts, nodes: readonly HostNode[], proxy: TcpProxy | null) {
    this.hosts = hosts;
    this.nodes = nodes;
    this.proxy = proxy;
  }

  get managers(): HostNode[] {
    return this.nodes.filter(({ role }) => role === "manager");
  }

  get workers(): HostNode[] {
    return this.nodes.filter(({ role }) => role === "worker");
  }

  get context(): Context {
    if (this.#context === null) throw new Error("The cluster has not started");
    return this.#context;
  }

  node(name: string): HostNode {
    const found = this.nodes.find((node) => node.name === name);
    if (found === undefined) throw new Error(`No node is called ${name}`);
    return found;
  }

  client(first = 0): ControlClient {
    return new ControlClient(this.context, first);
  }

  /** A context by the first manager's own socket, then until every node is ready. */
  async start(): Promise<void> {
    for (const node of this.nodes) node.start();
    const [first] = this.managers;
    if (first === undefined) throw new Error("A cluster needs a manager");
    const hosts = this.managers.map(({ address }) => address).join(",");
    const text = await waitFor("a context of the new cluster", READY_MS, async () => {
      for (const node of this.nodes) node.assertRuns();
      const args = ["context", "export", "--name", "hosts", "--hosts", hosts, "--host", `unix:${first.socket}`];
      return await runOk([process.execPath, SHOAL_BIN, ...args]);
    });
    this.#context = parseContext(text, "context export");
    await this.settled();
  }

  /** Resolves when every node (but one that is away) is ready and every manager reachable. */
  async settled(options: { readonly away?: HostNode; readonly timeoutMs?: number } = {}): Promise<void> {
    const { away, timeoutMs = READY_MS } = options;
    using client = this.client();
    await waitFor("all nodes ready", timeoutMs, async () => {
      for (const node of this.nodes) node.assertRuns();
      const nodes = await client.call("Control.ListNodes", {}, { timeoutMs: 2_000 });
      const waiting = this.nodes.filter((own) => own !== away && !nodes.nodes.some((seen) => isSettled(own, seen)));
      if (waiting.length === 0) return true;
      throw new Error(`${waiting.map(({ name }) => name).join(", ")}: not ready`);
    });
  }

  /** The manager that leads. */
  async leader(): Promise<HostNode> {
    using client = this.client();
    const name = await waitFor("a leader", LEADER_MS, async () => {
      const leader = (await client.nodes()).find(({ manager }) => manager?.reachability === "LEADER");
      return leader?.node?.spec?.name;
    });
    return this.node(name);
  }

  /** Of every node: the end of its log, for a failed test to show. */
  logs(bytes = 1_500): string {
    return this.nodes.map((node) => `--- ${node.name}\n${node.log.slice(-bytes)}`).join("\n");
  }

  async close(): Promise<void> {
    await this.proxy?.close();
    await this.hosts.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function isSettled({ name, role }: HostNode, { node, manager }: NodeSummary): boolean {
  const isReachable = manager?.reachability === "LEADER" || manager?.reachability === "REACHABLE";
  return node?.spec?.name === name && node.status?.state === "READY" && (role === "worker" || isReachable);
}

export type HostClusterOptions = {
  readonly managers: number;
  readonly workers: number;
  /** Of each node's state, on a file system of its own. */
  readonly diskBytes?: number;
  /** By a node's name: what its engine keeps is on a file system of its own. */
  readonly engineDiskBytes?: Readonly<Record<string, number>>;
  /** The other managers reach the last one through a proxy. */
  readonly isLastProxied?: boolean;
  /** Managers' hosts have engines too, and run tasks. */
  readonly doManagersRun?: boolean;
  /** The program that runs the daemons; this process's own without. */
  readonly node?: string;
  /** Of every daemon, as environment variables. */
  readonly settings?: Readonly<Record<string, string>>;
};

/** Managers on hosts without an engine (unless they run tasks), workers on hosts with one that has the workload image. */
export async function startHostCluster(options: HostClusterOptions): Promise<HostCluster> {
  const hosts = await startHosts(options.managers + options.workers, { engines: false });
  let proxy: TcpProxy | null = null;
  try {
    proxy = await proxyOf(hosts, options);
    const nodes = await makeNodes(hosts, { ...options, proxy });
    const cluster = new HostCluster(hosts, nodes, proxy);
    const engines = nodes.filter(({ hasEngine }) => hasEngine);
    await Promise.all(engines.map(async ({ host }) => await host.startEngine()));
    await Promise.all(engines.map(async ({ host }) => await host.loadImage(WORKLOAD_IMAGE)));
    await cluster.start().catch((error: unknown) => {
      throw new Error(`The cluster of hosts did not start: ${String(error)}\n${cluster.logs()}`, { cause: error });
    });
    return cluster;
  } catch (error) {
    await proxy?.close();
    await hosts.close().catch(() => {});
    throw error;
  }
}

async function proxyOf(
  hosts: Hosts,
  { managers, isLastProxied = false }: HostClusterOptions,
): Promise<TcpProxy | null> {
  const last = hosts.hosts[managers - 1];
  if (!isLastProxied || last === undefined) return null;
  // An address of its own: packets of managers differ from those of clients on this machine.
  const host = hosts.address.replace(/\.\d+$/, ".2");
  await runOk(["ip", "address", "add", `${host}/24`, "dev", hosts.bridge]);
  return await TcpProxy.to(`${last.address}:${GRPC_PORT}`, { host });
}

async function makeNodes(
  hosts: Hosts,
  options: HostClusterOptions & { readonly proxy: TcpProxy | null },
): Promise<HostNode[]> {
  const { managers, diskBytes, proxy, settings: common = {}, node = process.execPath } = options;
  const advertised = (at: number): string => {
    if (proxy !== null && at === managers - 1) return proxy.address;
    return `${hosts.hosts[at]?.address ?? ""}:${GRPC_PORT}`;
  };
  const tokens = join(hosts.folder, "tokens");
  mkdirSync(tokens);
  const nodes: HostNode[] = [];
  for (const [at, host] of hosts.hosts.entries()) {
    const isManager = at < managers;
    const role = isManager ? "manager" : "worker";
    const others = Array.from({ length: managers }, (_, other) => other).filter((other) => other !== at);
    const entry: Record<string, string> =
      at === 0
        ? { SHOAL_INIT: "1", SHOAL_TOKEN_DIR: tokens }
        : { SHOAL_JOIN: others.map(advertised).join(","), SHOAL_TOKEN_FILE: join(tokens, role, "token") };
    const hasEngine = !isManager || options.doManagersRun === true;
    const executor: Record<string, string> = hasEngine
      ? { SHOAL_EXECUTOR: "docker", SHOAL_DOCKER_HOST: host.dockerHost }
      : { SHOAL_EXECUTOR: "none" };
    const settings = {
      SHOAL_LISTEN: `0.0.0.0:${GRPC_PORT}`,
      SHOAL_ADVERTISE: advertised(at),
      SHOAL_HTTP_LISTEN: "127.0.0.1:7378",
      ...entry,
      ...executor,
      ...common,
    };
    const disk = diskBytes === undefined ? null : await SmallDisk.mount(join(host.folder, "shoal"), diskBytes);
    const name = `${role}${isManager ? at + 1 : at + 1 - managers}`;
    const engineBytes = options.engineDiskBytes?.[name];
    const engineDisk = engineBytes === undefined ? null : await SmallDisk.mount(host.dataRoot, engineBytes);
    nodes.push(new HostNode({ name, role, host, hasEngine, disk, engineDisk, node, settings }));
  }
  return nodes;
}
