// The compose cluster as end-to-end tests use it: a project and ports of its own beside a user's cluster, its own
// command line context, and ways to hurt one node. close() runs scripts/down.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { cleanupOnce } from "../../scripts/lib/interruption.ts";
import { run, runOk, waitFor } from "../../scripts/lib/run.ts";
import { managerPorts, ShoalCli } from "../../scripts/lib/shoal.ts";
import { parseContext } from "../../src/cli/context.ts";
import type { Context } from "../../src/cli/context.ts";
import { ROOT } from "./engine.ts";

/** The first run builds the image; the others take about 15 s. */
const UP_MS = 240_000;
const DOWN_MS = 60_000;
const SETTLE_MS = 60_000;

/** Below the ephemeral ports, away from the default 7377. */
const PORT_BASE = 17_377;

export class Cluster implements AsyncDisposable {
  readonly project: string;
  readonly portBase: number;
  readonly shoal: ShoalCli;
  readonly #config: string;
  /** For programs that shall see this cluster instead of the user's own. */
  readonly env: NodeJS.ProcessEnv;

  constructor(project: string, portBase: number, config: string) {
    this.project = project;
    this.portBase = portBase;
    this.#config = config;
    this.env = {
      ...process.env,
      SHOAL_PROJECT: project,
      SHOAL_PORT_BASE: String(portBase),
      SHOAL_CONFIG: config,
      SHOAL_MODE: "containers",
      SHOAL_KEEP_ENGINE: "1",
    };
    this.shoal = new ShoalCli({ context: project, env: this.env });
  }

  async up(): Promise<string> {
    return await runOk([join(ROOT, "scripts/up")], { env: this.env, cwd: ROOT, timeoutMs: UP_MS });
  }

  /** Address of a manager's gRPC or HTTP port on this machine. */
  address(manager: string, port: "grpc" | "http"): string {
    const at = Number(manager.slice(-1)) - 1;
    const ports = managerPorts(this.portBase)[at];
    return `127.0.0.1:${ports?.[port] ?? 0}`;
  }

  /** Certificate, key and addresses, as scripts/up left them. */
  context(): Context {
    const file = join(this.#config, "contexts", `${this.project}.json`);
    return parseContext(readFileSync(file, "utf8"), file);
  }

  /** The container of a node, by its compose service: manager1..3, worker1..2. */
  async containerOf(node: string): Promise<string> {
    const labels = [`com.docker.compose.project=${this.project}`, `com.docker.compose.service=${node}`];
    const id = await runOk([
      "docker",
      "ps",
      "-aq",
      "--no-trunc",
      ...labels.flatMap((label) => ["--filter", `label=${label}`]),
    ]);
    if (id === "") throw new Error(`No container of ${node} in ${this.project}`);
    return id;
  }

  /** Name of the manager that leads. */
  async leader(): Promise<string> {
    return await waitFor("a leader", SETTLE_MS, async () => {
      const leader = (await this.shoal.nodes()).find((node) => node.manager === "LEADER");
      return leader?.spec?.name;
    });
  }

  /** SIGKILL; docker does not restart what was killed by hand, start() does. */
  async kill(node: string): Promise<void> {
    await runOk(["docker", "kill", await this.containerOf(node)]);
  }

  async start(node: string): Promise<void> {
    await runOk(["docker", "start", await this.containerOf(node)]);
  }

  /** SIGTERM, and up to 15 s to go in order. */
  async stop(node: string): Promise<void> {
    await runOk(["docker", "stop", "--time", "15", await this.containerOf(node)]);
  }

  /** As an upgrade does: ends it without a goodbye, and starts another image on the same data. */
  async replace(node: string, image: string): Promise<void> {
    const container = await this.containerOf(node);
    await runOk(["docker", "kill", "--signal", "HUP", container]);
    await runOk(["docker", "wait", container]);
    // Removed by hand: docker-compose 1.29 cannot recreate a container of an engine newer than itself.
    await runOk(["docker", "rm", container]);
    const command = [...(await composeCommand()), "-p", this.project, "-f", join(ROOT, "docker-compose.cluster.yml")];
    const env = { ...this.env, ...composePorts(this.portBase), SHOAL_IMAGE: image };
    await runOk([...command, "up", "-d", "--no-deps", node], { env, cwd: ROOT, timeoutMs: DOWN_MS });
  }

  async pause(node: string): Promise<void> {
    await runOk(["docker", "pause", await this.containerOf(node)]);
  }

  async unpause(node: string): Promise<void> {
    await runOk(["docker", "unpause", await this.containerOf(node)]);
  }

  /** Id and start time of every container that runs tasks of this cluster, sorted. */
  async taskContainers(): Promise<string[]> {
    const { clusterId } = this.context();
    const ids = await runOk(["docker", "ps", "-q", "--filter", `label=shoal.cluster=${clusterId}`]);
    if (ids === "") return [];
    const lines = await runOk(["docker", "inspect", "--format", "{{.Id}} {{.State.StartedAt}}", ...ids.split("\n")]);
    return lines.split("\n").toSorted();
  }

  /** Resolves when `count` nodes are ready and one leads. */
  async settled(count = 5): Promise<void> {
    await waitFor(`${count} ready nodes`, SETTLE_MS, async () => {
      const nodes = await this.shoal.nodes();
      const ready = nodes.filter((node) => node.status?.state === "READY").length;
      return ready >= count && nodes.some((node) => node.manager === "LEADER") ? true : undefined;
    });
  }

  readonly close = cleanupOnce(async () => {
    const down = await run([join(ROOT, "scripts/down")], { env: this.env, cwd: ROOT, timeoutMs: DOWN_MS });
    rmSync(this.#config, { recursive: true, force: true });
    if (down.code !== 0) throw new Error(`scripts/down ended with ${down.code}: ${down.stderr}`);
  });

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Brings a cluster up as scripts/up does, the example service `web` included. */
export async function startCluster(
  options: { readonly name?: string; readonly portBase?: number } = {},
): Promise<Cluster> {
  const project = options.name ?? `shoaltest${process.pid}`;
  const config = mkdtempSync(join(tmpdir(), "shoal-config-"));
  const cluster = new Cluster(project, options.portBase ?? PORT_BASE, config);
  try {
    await cluster.up();
    return cluster;
  } catch (error) {
    await cluster.close().catch(() => {});
    throw error;
  }
}

/** The plugin or the older program, as scripts/lib/engine.sh chooses. */
async function composeCommand(): Promise<string[]> {
  const { code } = await run(["docker", "compose", "version"]);
  return code === 0 ? ["docker", "compose"] : ["docker-compose"];
}

/** What scripts/lib/cluster.sh exports for docker-compose.cluster.yml. */
function composePorts(base: number): NodeJS.ProcessEnv {
  const ports = managerPorts(base).map(({ grpc, http }, at) => [
    [`SHOAL_GRPC_PORT_${at + 1}`, String(grpc)],
    [`SHOAL_HTTP_PORT_${at + 1}`, String(http)],
  ]);
  return Object.fromEntries(ports.flat()) as NodeJS.ProcessEnv;
}
