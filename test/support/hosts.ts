// Several hosts on one machine: a network namespace each, with its own Docker engine, on one bridge. A link can be
// cut, an engine killed, a whole host switched off as by a power cut. All traffic stays on the machine: the namespaces
// have no default route. Everything made here carries this process's id in its name, is removed by close(), by the
// process's exit, and (after a SIGKILL) by the next startHosts.
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { mkdtempSync, openSync, closeSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { cleanupOnce, isTooLate } from "../../scripts/lib/interruption.ts";
import { Hopeless, run, runOk, stopChild, waitFor } from "../../scripts/lib/run.ts";
import type { RunOptions, RunResult } from "../../scripts/lib/run.ts";
import { unmountBelow } from "./small-disk.ts";

export const HOSTS_MAX = 20;

const ENGINE_READY_MS = 60_000;
const ENGINE_STOP_MS = 15_000;
const IMAGE_LOAD_MS = 120_000;
/** Short: an interface name has at most 15 characters, and a pid up to 7. */
const PREFIX = "shl";

export class Host implements AsyncDisposable {
  readonly name: string;
  /** On the bridge all hosts and the machine itself share. */
  readonly address: string;
  readonly netns: string;
  readonly folder: string;
  readonly #liveRestore: boolean;
  #engine: ChildProcess | undefined;
  #isEngineFrozen = false;
  /** Holds the mount namespace: shims keep their sockets in its /run, where a restarted engine must find them. */
  #mounts: ChildProcess | undefined;
  readonly #children = new Set<ChildProcess>();

  constructor(options: { name: string; address: string; netns: string; folder: string; liveRestore: boolean }) {
    this.name = options.name;
    this.address = options.address;
    this.netns = options.netns;
    this.folder = options.folder;
    this.#liveRestore = options.liveRestore;
  }

  /** For DOCKER_HOST, reachable from every namespace: a unix socket in a shared folder. */
  get dockerHost(): string {
    return `unix://${this.folder}/docker.sock`;
  }

  /** Where the engine keeps everything. */
  get dataRoot(): string {
    return join(this.folder, "data");
  }

  /** The engine's log, for a failed test to show. */
  get engineLog(): string {
    return join(this.folder, "dockerd.log");
  }

  async docker(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return await runOk(["docker", "-H", this.dockerHost, ...args], options);
  }

  /** Runs a program in the host's network to its end. */
  async exec(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return await run(this.inside(command), options);
  }

  /** Starts a program in the host's network; it dies with the host. */
  spawn(command: readonly string[], options: SpawnOptions = {}): ChildProcess {
    if (isTooLate()) throw new Error(`Cannot start ${command[0] ?? ""} on ${this.name}: this run was interrupted`);
    const [file = "", ...args] = this.inside(command);
    const child = spawn(file, args, options);
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }

  // nsenter, not `ip netns exec`: that mounts a fresh /sys without the cgroups, and dockerd refuses to start.
  inside(command: readonly string[]): string[] {
    return ["nsenter", `--net=/run/netns/${this.netns}`, ...command];
  }

  /** Packets to and from this host vanish, as when its cable is pulled. Connections stay open on both sides. */
  async linkDown(): Promise<void> {
    await runOk(["ip", "link", "set", outerLink(this.netns), "down"]);
  }

  async linkUp(): Promise<void> {
    await runOk(["ip", "link", "set", outerLink(this.netns), "up"]);
  }

  async startEngine(): Promise<void> {
    const d = this.folder;
    const mounts = await this.#holdMounts();
    const log = openSync(this.engineLog, "a");
    rmSync(join(d, "pid"), { force: true });
    const places = ["--data-root", this.dataRoot, "--exec-root", `${d}/exec`, "--pidfile", `${d}/pid`];
    const engine = ["dockerd", ...places, "-H", this.dockerHost, "--cgroup-parent", `/${this.netns}`];
    if (this.#liveRestore) engine.push("--live-restore");
    this.#engine = this.spawn(["nsenter", `--mount=/proc/${mounts}/ns/mnt`, ...engine], {
      stdio: ["ignore", log, log],
      detached: true,
    });
    closeSync(log);
    const child = this.#engine;
    await waitFor(`the engine of ${this.name} (log: ${this.engineLog})`, ENGINE_READY_MS, async () => {
      if (child.exitCode !== null) throw new Hopeless(`dockerd of ${this.name} ended: ${this.#logTail()}`);
      return (await run(["docker", "-H", this.dockerHost, "info"], { timeoutMs: 5_000 })).code === 0 ? true : undefined;
    });
  }

  /** The pid of a process with mounts of its own and an empty /run: engines share nothing but the kernel. */
  async #holdMounts(): Promise<number> {
    if (this.#mounts?.pid !== undefined && this.#mounts.exitCode === null && this.#mounts.signalCode === null) {
      return this.#mounts.pid;
    }
    const script = "mount -t tmpfs tmpfs /run && mkdir -p /run/netns && echo ready && exec sleep infinity";
    const child = this.spawn(["unshare", "-m", "bash", "-c", script], { stdio: ["ignore", "pipe", "ignore"] });
    this.#mounts = child;
    await new Promise<void>((resolve, reject) => {
      child.stdout?.once("data", () => resolve());
      child.once("exit", () => reject(new Error(`Cannot make a mount namespace for ${this.name}`)));
    });
    if (child.pid === undefined) throw new Error(`Cannot make a mount namespace for ${this.name}`);
    return child.pid;
  }

  /**
   * SIGKILL to dockerd alone. Containers go on under their shims until startEngine(): it takes them over with
   * liveRestore, and stops them (10 s for each that ignores SIGTERM) without, as Docker does by default.
   */
  async killEngine(): Promise<void> {
    if (this.#engine !== undefined) await kill9(this.#engine);
    this.#engine = undefined;
    // Its containerd dies with it, but may stay a zombie where process 1 is slow to reap: the next dockerd would take
    // the pid in this file for a containerd that runs, and wait for it in vain.
    const file = join(this.folder, "exec/containerd/containerd.pid");
    const pid = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
    await waitFor(`the end of containerd ${pid}`, ENGINE_STOP_MS, () => (isRunning(pid) ? undefined : true), 20);
    rmSync(file, { force: true });
  }

  /** Its engine stands still: it answers nobody, and what runs goes on. */
  freezeEngine(): void {
    this.#isEngineFrozen = this.#engine?.kill("SIGSTOP") ?? false;
  }

  thawEngine(): void {
    this.#engine?.kill("SIGCONT");
    this.#isEngineFrozen = false;
  }

  get isEngineFrozen(): boolean {
    return this.#isEngineFrozen;
  }

  /** Copies an image from the machine's own engine. */
  async loadImage(image: string): Promise<void> {
    const script = 'set -o pipefail; docker save "$1" | docker -H "$2" load';
    await runOk(["bash", "-c", script, "load", image, this.dockerHost], { timeoutMs: IMAGE_LOAD_MS });
  }

  /** A power cut: the link first, so that nobody hears a goodbye, then everything that runs here, at once. */
  async powerOff(): Promise<void> {
    await this.linkDown();
    killAll(pidsOf(this.netns));
    await waitFor(`the end of every process of ${this.name}`, ENGINE_STOP_MS, () => {
      const left = pidsOf(this.netns);
      killAll(left);
      return left.length === 0 ? true : undefined;
    });
    this.#engine = undefined;
    // As /run after a reboot. A pid or socket left there is taken for a containerd that runs, and waited for in vain.
    rmSync(join(this.folder, "exec"), { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) if (child !== this.#engine && child !== this.#mounts) await kill9(child);
    if (this.#engine !== undefined) {
      this.thawEngine();
      await run(["sh", "-c", `docker -H ${this.dockerHost} ps -q | xargs -r docker -H ${this.dockerHost} rm -f`]);
      await stopChild(this.#engine, ENGINE_STOP_MS);
    }
    if (this.#mounts !== undefined) await kill9(this.#mounts);
    if (pidsOf(this.netns).length > 0) await this.powerOff().catch(() => {});
    removeNetns(this.netns);
    removeFolder(this.folder);
  }

  #logTail(): string {
    return readFileSync(this.engineLog, "utf8").slice(-1_000);
  }
}

export class Hosts implements AsyncDisposable {
  readonly hosts: readonly Host[];
  /** The machine's own address on the bridge, where managers may listen. */
  readonly address: string;
  readonly bridge: string;
  readonly folder: string;

  constructor(options: { hosts: readonly Host[]; address: string; bridge: string; folder: string }) {
    this.hosts = options.hosts;
    this.address = options.address;
    this.bridge = options.bridge;
    this.folder = options.folder;
  }

  readonly close = cleanupOnce(async () => {
    const ends = await Promise.allSettled(this.hosts.map(async (host) => await host[Symbol.asyncDispose]()));
    removeBridge(this.bridge);
    removeFolder(this.folder);
    process.off("exit", this.removeNow);
    const failures = ends.flatMap((end) => (end.status === "rejected" ? [String(end.reason)] : []));
    if (failures.length > 0) throw new Error(`Cannot clean up all hosts: ${failures.join("; ")}`);
  });

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The last resort, when the process ends without close(): synchronous, and harsh. */
  readonly removeNow = (): void => {
    for (const host of this.hosts) {
      killAll(pidsOf(host.netns));
      removeNetns(host.netns);
    }
    removeBridge(this.bridge);
    removeFolder(this.folder);
  };
}

/**
 * Starts `count` hosts, each with an engine (unless `engines` is false) that has the images named. Close it, or use
 * `await using`; both remove everything, also after a failure.
 */
export async function startHosts(
  count: number,
  options: { readonly engines?: boolean; readonly images?: readonly string[]; readonly liveRestore?: boolean } = {},
): Promise<Hosts> {
  if (process.getuid?.() !== 0) throw new Error("Cannot start hosts in network namespaces: that needs root");
  if (count < 1 || count > HOSTS_MAX) throw new Error(`Cannot start ${count} hosts: 1 to ${HOSTS_MAX} are possible`);
  sweep();
  const bridge = `${PREFIX}${process.pid}b`;
  const net = await freeNetwork();
  const folder = mkdtempSync(join(tmpdir(), `shoal-hosts-${process.pid}-`));
  const hosts = Array.from({ length: count }, (_, i) => {
    const netns = `${PREFIX}${process.pid}h${i + 1}`;
    const name = `h${i + 1}`;
    const liveRestore = options.liveRestore ?? false;
    return new Host({ name, address: `${net}.${i + 11}`, netns, folder: join(folder, name), liveRestore });
  });
  const all = new Hosts({ hosts, address: `${net}.1`, bridge, folder });
  process.once("exit", all.removeNow);
  try {
    await makeBridge(bridge, all.address);
    for (const host of hosts) await makeNetns(host, bridge);
    if (options.engines ?? true) {
      await Promise.all(hosts.map(async (host) => await host.startEngine()));
      for (const image of options.images ?? []) {
        await Promise.all(hosts.map(async (host) => await host.loadImage(image)));
      }
    }
    return all;
  } catch (error) {
    await all.close().catch(() => {});
    throw error;
  }
}

async function makeBridge(bridge: string, address: string): Promise<void> {
  await runOk(["ip", "link", "add", bridge, "type", "bridge"]);
  await runOk(["ip", "address", "add", `${address}/24`, "dev", bridge]);
  await runOk(["ip", "link", "set", bridge, "up"]);
  // The machine's own engine drops what it does not know in FORWARD, and bridged frames may pass through there.
  await runOk(["iptables", "-w", "-I", "FORWARD", "-i", bridge, "-o", bridge, "-j", "ACCEPT"]);
}

async function makeNetns(host: Host, bridge: string): Promise<void> {
  const outer = outerLink(host.netns);
  await runOk(["mkdir", "-p", host.folder]);
  await runOk(["ip", "netns", "add", host.netns]);
  await runOk(["ip", "link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", host.netns]);
  await runOk(["ip", "link", "set", outer, "master", bridge, "up"]);
  await runOk(["ip", "-n", host.netns, "address", "add", `${host.address}/24`, "dev", "eth0"]);
  await runOk(["ip", "-n", host.netns, "link", "set", "eth0", "up"]);
  await runOk(["ip", "-n", host.netns, "link", "set", "lo", "up"]);
}

/** A /24 no interface of this machine is in, as its first three numbers. */
async function freeNetwork(): Promise<string> {
  const taken = await runOk(["ip", "-o", "-4", "address"]);
  for (let i = 0; i < 200; i += 1) {
    const net = `10.${213 + (i % 30)}.${(process.pid + i) % 256}`;
    if (!taken.includes(` ${net}.`)) return net;
  }
  throw new Error("Cannot start hosts: no free network among 10.213.0.0 to 10.242.0.0");
}

function outerLink(netns: string): string {
  return `v${netns}`;
}

/** Everything that runs on a host: what is in its namespace (engine, shims, agents) and in its engine's cgroups. */
function pidsOf(netns: string): number[] {
  const pids = new Set<number>();
  const listed = spawnSync("ip", ["netns", "pids", netns], { encoding: "utf8" });
  for (const line of listed.stdout.split("\n")) if (/^\d+$/.test(line)) pids.add(Number(line));
  for (const folder of cgroupFolders(netns)) {
    for (const pid of readPids(folder)) pids.add(pid);
  }
  return [...pids];
}

/** The engine's cgroup: below one folder with cgroup v2, below one per controller with v1. */
function cgroupFolders(netns: string): string[] {
  const top = "/sys/fs/cgroup";
  return [`${top}/${netns}`, ...readNames(top).map((controller) => `${top}/${controller}/${netns}`)];
}

function readPids(folder: string): number[] {
  const below = readNames(folder).flatMap((name) => readPids(join(folder, name)));
  try {
    const here = readFileSync(join(folder, "cgroup.procs"), "utf8").split("\n");
    return [...below, ...here.filter((line) => line !== "").map(Number)];
  } catch {
    return below; // Gone meanwhile, or no cgroup at all.
  }
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch {
    return [];
  }
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // Gone already.
    }
  }
}

async function kill9(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}

function removeNetns(netns: string): void {
  spawnSync("ip", ["link", "del", outerLink(netns)]);
  spawnSync("ip", ["netns", "del", netns]);
  for (const folder of cgroupFolders(netns)) removeCgroup(folder);
}

function removeCgroup(folder: string): void {
  for (const name of readNames(folder)) removeCgroup(join(folder, name));
  if (readNames(folder).length === 0) spawnSync("rmdir", [folder], { stdio: "ignore" });
}

/** With what is mounted in it (test/support/small-disk.ts). */
function removeFolder(folder: string): void {
  unmountBelow(folder);
  rmSync(folder, { recursive: true, force: true });
}

function removeBridge(bridge: string): void {
  spawnSync("iptables", ["-w", "-D", "FORWARD", "-i", bridge, "-o", bridge, "-j", "ACCEPT"]);
  spawnSync("ip", ["link", "del", bridge]);
}

/** Removes what processes left behind that ended without a chance to clean up. */
function sweep(): void {
  const listed = spawnSync("ip", ["netns", "list"], { encoding: "utf8" }).stdout;
  for (const match of listed.matchAll(/^(shl(\d+)h\d+)\b/gm)) {
    const [, netns = "", pid = ""] = match;
    if (isAlive(Number(pid))) continue;
    killAll(pidsOf(netns));
    removeNetns(netns);
    removeBridge(`${PREFIX}${pid}b`);
  }
  for (const name of readNames(tmpdir())) {
    const pid = /^shoal-hosts-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) removeFolder(join(tmpdir(), name));
  }
}

/** A zombie does not run. */
function isRunning(pid: number): boolean {
  try {
    return pid > 0 && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
