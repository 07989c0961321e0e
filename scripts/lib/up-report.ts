// The second half of scripts/up, once the nodes' containers or processes run: waits until the cluster is one, makes a
// context for this machine, starts the example web service, and says what there is and what to try next.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { httpGet, run, runOk, waitFor } from "./run.ts";
import { loopbackSocket } from "./loopback-nodes.ts";
import { managerPorts, ROOT, ShoalCli } from "./shoal.ts";
import type { NodeJson, TaskJson } from "./shoal.ts";

const NODES = 5;
const REPLICAS = 3;
const HEALTHY_MS = 90_000;
const READY_MS = 90_000;
const SERVICE_MS = 90_000;
const HTTP_MS = 30_000;
const HTTP_TRY_MS = 3_000;

type Mode = "containers" | "processes";

const project = process.env["SHOAL_PROJECT"] ?? "shoal";
const portBase = Number(process.env["SHOAL_PORT_BASE"] ?? 7377);
const clusterDir = process.env["SHOAL_CLUSTER_DIR"] ?? join(ROOT, ".shoal/clusters", project);
const shoal = new ShoalCli({ context: project });

async function main(mode: Mode): Promise<void> {
  await managersHealthy(mode);
  await ensureContext(mode);
  const nodes = await nodesReady();
  const tasks = await webService(mode);
  const urls = await answering(tasks);

  console.log(`\n${await shoal.text(["node", "ls"])}\n`);
  const leader = nodes.find((node) => node.manager === "LEADER");
  console.log(`Leader: ${nameOf(leader)}`);
  console.log(`Example service "web", ${REPLICAS} replicas:`);
  for (const { url, page } of urls) console.log(`  ${url}   ${page}`);
  const npx = process.env["SHOAL_PROJECT"] === "shoal" ? "npx shoal" : `npx shoal --context ${project}`;
  console.log("\nTry next:");
  console.log(`  ${npx} service scale web=5`);
  console.log(`  ${npx} service ps web`);
  if (mode === "containers") console.log("  scripts/failover              # kill the leader while clients write");
  else console.log(`  ${npx} service logs web`);
}

async function managersHealthy(mode: Mode): Promise<void> {
  for (const { http } of managerPorts(portBase)) {
    await waitFor(`a healthy manager on port ${http}`, HEALTHY_MS, async () => {
      const { status } = await httpGet(`http://127.0.0.1:${http}/healthz`, HTTP_TRY_MS);
      return status === 200 ? true : undefined;
    }).catch(async (error: unknown) => {
      await showLogs(mode);
      throw error;
    });
  }
}

/** A context that still works is kept: each new one is a certificate more that can reach the cluster. */
async function ensureContext(mode: Mode): Promise<void> {
  const known = await shoal.run(["--timeout", "5s", "cluster", "info", "--format", "json"]);
  if (known.code !== 0) {
    const hosts = managerPorts(portBase)
      .map(({ grpc }) => `127.0.0.1:${grpc}`)
      .join(",");
    const args = ["context", "export", "--name", project, "--hosts", hosts, "--format", "json"];
    const context =
      mode === "containers"
        ? await runOk(["docker", "exec", await containerOf("manager1"), "shoal", ...args])
        : await new ShoalCli({ context: project, hosts: `unix:${loopbackSocket(clusterDir, "manager1")}` }).text(args);
    const words = ["context", "import", "-", "--use", "--replace"];
    await runOk([process.execPath, join(ROOT, "bin/shoal.mjs"), ...words], { input: context });
  }
  // For scripts/down: tasks' containers carry this id.
  writeFileSync(join(clusterDir, "cluster-id"), await shoal.clusterId());
}

async function containerOf(service: string): Promise<string> {
  const labels = [`com.docker.compose.project=${project}`, `com.docker.compose.service=${service}`];
  const id = await runOk(["docker", "ps", "-q", ...labels.flatMap((label) => ["--filter", `label=${label}`])]);
  if (id === "") throw new Error(`No container of ${service} runs in the project ${project}`);
  return id.split("\n")[0] ?? id;
}

async function nodesReady(): Promise<NodeJson[]> {
  let last: NodeJson[] = [];
  return await waitFor(`${NODES} nodes and a leader`, READY_MS, async () => {
    last = await shoal.nodes();
    const ready = last.filter((node) => node.status?.state === "READY");
    const isWhole = ready.length >= NODES && last.some((node) => node.manager === "LEADER");
    return isWhole ? last : undefined;
  }).catch((error: unknown) => {
    for (const node of last) console.error(`${nameOf(node)}: ${node.status?.state ?? "UNKNOWN"} ${node.manager}`);
    throw error;
  });
}

function nameOf(node: NodeJson | undefined): string {
  return node?.spec?.name || node?.description?.hostname || node?.id || "none";
}

async function webService(mode: Mode): Promise<TaskJson[]> {
  const exists = (await shoal.services()).some((service) => service.spec?.name === "web");
  if (!exists) await shoal.text(["service", "create", "--detach", "--name", "web", ...webSpec(mode)]);
  const running = async (): Promise<TaskJson[] | undefined> => {
    const tasks = (await shoal.tasks("web")).filter(
      (task) => task.desired === "RUNNING" && task.status?.state === "RUNNING",
    );
    return tasks.length >= REPLICAS ? tasks : undefined;
  };
  return await waitFor(`${REPLICAS} running replicas of web`, SERVICE_MS, running).catch(async (error: unknown) => {
    console.error((await shoal.run(["service", "ps", "web"])).stdout);
    console.error((await shoal.run(["why", "web"])).stdout);
    throw error;
  });
}

function webSpec(mode: Mode): string[] {
  const shared = ["--replicas", String(REPLICAS), "--publish", "0:8080"];
  // Without --init busybox would be process 1, ignore SIGTERM, and take 10 s to stop.
  if (mode === "containers") return [...shared, "--init", "shoal/busybox:local", "serve", "8080"];
  return [...shared, "--runtime", "process", process.execPath, join(ROOT, "scripts/lib/web-example.mjs")];
}

/** Every replica's URL, once it answers. */
async function answering(tasks: readonly TaskJson[]): Promise<{ url: string; page: string }[]> {
  const urls: { url: string; page: string }[] = [];
  for (const task of tasks) {
    const port = task.status?.ports.find(({ target }) => target === 8080)?.published;
    if (port === undefined) throw new Error(`Task ${task.id} of web reports no published port`);
    const url = `http://127.0.0.1:${port}/`;
    const page = await waitFor(`an answer from ${url}`, HTTP_MS, async () => {
      const { status, text } = await httpGet(url, HTTP_TRY_MS);
      return status === 200 ? text.trim() : undefined;
    });
    urls.push({ url, page });
  }
  return urls;
}

async function showLogs(mode: Mode): Promise<void> {
  if (mode === "processes") {
    console.error(`The nodes' logs are in ${clusterDir}`);
    return;
  }
  const list = await run([
    "docker",
    "ps",
    "-a",
    "--filter",
    `label=com.docker.compose.project=${project}`,
    "--format",
    "{{.Names}}\t{{.Status}}",
  ]);
  console.error(list.stdout);
  for (const line of list.stdout.trim().split("\n")) {
    const name = line.split("\t")[0] ?? "";
    const logs = await run(["docker", "logs", "--tail", "15", name]);
    console.error(`--- ${name}\n${logs.stdout}${logs.stderr}`);
  }
}

try {
  await main(process.argv[2] === "processes" ? "processes" : "containers");
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
