// A cluster over several hosts (test/support/hosts.ts): every node is the real `shoal daemon` in its host's network,
// workers with an engine of their own. A link can be cut, a host switched off and on again. close() removes everything.
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { ControlClient } from "../../scripts/lib/control-client.ts";
import { Hopeless, runOk, waitFor } from "../../scripts/lib/run.ts";
import { ROOT, SHOAL_BIN } from "../../scripts/lib/shoal.ts";
import { parseContext } from "../../src/cli/context.ts";
import type { Context } from "../../src/cli/context.ts";
import { WORKLOAD_IMAGE } from "./engine.ts";
import { startHosts } from "./hosts.ts";
import type { Host, Hosts } from "./hosts.ts";

const READY_MS = 90_000;
const LEADER_MS = 30_000;

export class HostNode {
  readonly name: string;
  readonly role: "manager" | "worker";
  readonly host: Host;
  readonly #settings: Readonly<Record<string, string>>;
  #daemon: ChildProcess | undefined;

  constructor(options: {
    name: string;
    role: "manager" | "worker";
    host: Host;
    settings: Readonly<Record<string, string>>;
  }) {
    this.name = options.name;
    this.role = options.role;
    this.host = options.host;
    this.#settings = options.settings;
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
    const daemon = [process.execPath, "--enable-source-maps", SHOAL_BIN, "daemon"];
    this.#daemon = this.host.spawn(["unshare", "-m", "bash", "-c", script, "boot", bootId, ...daemon], {
      cwd: ROOT,
      stdio: ["ignore", log, log],
      env: {
        PATH: process.env["PATH"],
        HOME: this.host.folder,
        UV_THREADPOOL_SIZE: "8",
        SHOAL_DATA_DIR: join(this.host.folder, "shoal"),
        SHOAL_SOCKET: this.socket,
        SHOAL_NODE_NAME: this.name,
        ...this.#settings,
      },
    });
    closeSync(log);
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
    if (this.role === "worker") await this.host.startEngine();
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
  #context: Context | null = null;

  constructor(hosts: Hosts, nodes: readonly HostNode[]) {
    this.hosts = hosts;
    this.nodes = nodes;
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
    const hosts = this.managers.map(({ host }) => `${host.address}:7377`).join(",");
    const text = await waitFor("a context of the new cluster", READY_MS, async () => {
      for (const node of this.nodes) node.assertRuns();
      const args = ["context", "export", "--name", "hosts", "--hosts", hosts, "--host", `unix:${first.socket}`];
      return await runOk([process.execPath, SHOAL_BIN, ...args]);
    });
    this.#context = parseContext(text, "context export");
    await this.settled();
  }

  /** Resolves when every node is ready and every manager reachable. */
  async settled(timeoutMs = READY_MS): Promise<void> {
    using client = this.client();
    await waitFor("all nodes ready", timeoutMs, async () => {
      for (const node of this.nodes) node.assertRuns();
      const info = await client.call("Control.GetCluster", {}, { timeoutMs: 2_000 });
      if (info.nodesReady === this.nodes.length && info.managersReachable === this.managers.length) return true;
      throw new Error(`${info.nodesReady} of ${this.nodes.length} ready, ${info.managersReachable} managers reachable`);
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
    await this.hosts.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Managers on hosts without an engine, workers on hosts with one that has the workload image. */
export async function startHostCluster(options: {
  readonly managers: number;
  readonly workers: number;
}): Promise<HostCluster> {
  const hosts = await startHosts(options.managers + options.workers, { engines: false });
  try {
    const address = (host: Host): string => `${host.address}:7377`;
    const managerHosts = hosts.hosts.slice(0, options.managers);
    const tokens = join(hosts.folder, "tokens");
    mkdirSync(tokens);
    const nodes = hosts.hosts.map((host, at) => {
      const isManager = at < options.managers;
      const role = isManager ? "manager" : "worker";
      const others = managerHosts.filter((other) => other !== host).map(address);
      const entry: Record<string, string> =
        at === 0
          ? { SHOAL_INIT: "1", SHOAL_TOKEN_DIR: tokens }
          : { SHOAL_JOIN: others.join(","), SHOAL_TOKEN_FILE: join(tokens, role, "token") };
      const executor: Record<string, string> = isManager
        ? { SHOAL_EXECUTOR: "none" }
        : { SHOAL_EXECUTOR: "docker", SHOAL_DOCKER_HOST: host.dockerHost };
      const settings = {
        SHOAL_LISTEN: "0.0.0.0:7377",
        SHOAL_ADVERTISE: address(host),
        SHOAL_HTTP_LISTEN: "127.0.0.1:7378",
        ...entry,
        ...executor,
      };
      return new HostNode({ name: `${role}${isManager ? at + 1 : at + 1 - options.managers}`, role, host, settings });
    });
    const cluster = new HostCluster(hosts, nodes);
    await Promise.all(cluster.workers.map(async ({ host }) => await host.startEngine()));
    for (const { host } of cluster.workers) await host.loadImage(WORKLOAD_IMAGE);
    await cluster.start().catch((error: unknown) => {
      throw new Error(`The cluster of hosts did not start: ${String(error)}\n${cluster.logs()}`, { cause: error });
    });
    return cluster;
  } catch (error) {
    await hosts.close().catch(() => {});
    throw error;
  }
}
