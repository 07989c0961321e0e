// `loopback.ts up|down`: starts and stops the five nodes of loopback-nodes.ts. Idempotent: `up` starts only what does
// not run, `down` leaves no process and no file. What runs is remembered by pid and start time: pids are used again.
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { loopbackNodes } from "./loopback-nodes.ts";
import type { LoopbackNode } from "./loopback-nodes.ts";
import { nodeSettings } from "./node-settings.ts";
import { waitFor } from "./run.ts";
import { ROOT, SHOAL_BIN } from "./shoal.ts";

const STOP_MS = 15_000;

type Running = { readonly pid: number; readonly startTime: string };

const project = process.env["SHOAL_PROJECT"] ?? "shoal";
const portBase = Number(process.env["SHOAL_PORT_BASE"] ?? 7377);
const clusterDir = process.env["SHOAL_CLUSTER_DIR"] ?? join(ROOT, ".shoal/clusters", project);
const stateFile = join(clusterDir, "loopback.json");

function up(): void {
  const state = readState();
  for (const node of loopbackNodes(clusterDir, portBase)) {
    const known = state[node.name];
    if (known !== undefined && startTimeOf(known.pid) === known.startTime) continue;
    state[node.name] = start(node);
    writeFileSync(stateFile, JSON.stringify(state, null, 2));
  }
}

function start(node: LoopbackNode): Running {
  mkdirSync(node.folder, { recursive: true, mode: 0o700 });
  const log = openSync(node.log, "a");
  const child = spawn(process.execPath, ["--enable-source-maps", SHOAL_BIN, "daemon"], {
    cwd: node.folder,
    env: { ...process.env, ...node.env, ...nodeSettings(node.name.startsWith("manager") ? "manager" : "worker") },
    stdio: ["ignore", log, log],
    detached: true,
  });
  closeSync(log);
  child.unref();
  if (child.pid === undefined) throw new Error(`Cannot start ${node.name}`);
  return { pid: child.pid, startTime: startTimeOf(child.pid) ?? "" };
}

/** Agents first, then the tasks they left running (processes outlive their agent by design), then the managers. */
async function down(): Promise<void> {
  const state = readState();
  const nodes = loopbackNodes(clusterDir, portBase);
  const workers = nodes.filter((node) => node.env["SHOAL_EXECUTOR"] === "process");
  await stopAll(workers.flatMap((node) => state[node.name] ?? []));
  killLeftovers();
  await stopAll(nodes.flatMap((node) => state[node.name] ?? []));
  killLeftovers();
  rmSync(clusterDir, { recursive: true, force: true });
}

async function stopAll(list: readonly Running[]): Promise<void> {
  const alive = (): Running[] => list.filter(({ pid, startTime }) => startTimeOf(pid) === startTime);
  for (const { pid } of alive()) kill(pid, "SIGTERM");
  const gone = async (): Promise<true> =>
    await waitFor("the nodes' end", STOP_MS, () => (alive().length === 0 ? true : undefined));
  await gone().catch(async () => {
    for (const { pid } of alive()) kill(pid, "SIGKILL");
    await gone();
  });
}

/**
 * Every process of a task: its shim's command line names the worker's folder, and the task and all it started carry the
 * task's id, which is the name of a folder there, in their environment.
 */
function killLeftovers(): void {
  const ids = new Set(["worker1", "worker2"].flatMap((name) => readNames(join(clusterDir, name, "data/process"))));
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid || pid === process.ppid) continue;
    const isShim = readProc(pid, "cmdline")
      .split("\0")
      .some((arg) => arg.startsWith(`${clusterDir}/worker`));
    const environment = readProc(pid, "environ").split("\0");
    const taskId = environment.find((line) => line.startsWith("SHOAL_TASK_ID="))?.slice("SHOAL_TASK_ID=".length);
    if (isShim || (taskId !== undefined && ids.has(taskId))) kill(pid, "SIGKILL");
  }
}

function readNames(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return ""; // Gone meanwhile.
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone meanwhile.
  }
}

/** Field 22 of /proc/PID/stat, after the name in brackets: ticks since boot at which the process began. */
function startTimeOf(pid: number): string | undefined {
  const stat = readProc(pid, "stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return stat === "" || fields[0] === "Z" ? undefined : fields[19];
}

function readState(): Record<string, Running> {
  return existsSync(stateFile) ? (JSON.parse(readFileSync(stateFile, "utf8")) as Record<string, Running>) : {};
}

if (process.argv[2] === "up") up();
else if (process.argv[2] === "down") await down();
else {
  console.error("usage: loopback.ts up|down");
  process.exitCode = 64;
}
