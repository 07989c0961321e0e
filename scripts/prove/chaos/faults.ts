// Faults on real managers: processes, packets, disks, clocks. Each begins, lasts, and ends by itself or by `heal`.
import type { HostCluster, HostNode } from "../../../test/support/host-cluster.ts";
import type { PacketRule } from "../../../test/support/packet-filter.ts";
import { ControlClient } from "../../lib/control-client.ts";
import { newId } from "../../../src/util/id.ts";
import { sleep } from "../../../src/util/env.ts";
import { isAppError } from "../../../src/util/errors.ts";
import { realEnv } from "../../../src/util/real-env.ts";
import { DISK_LOW, DISK_STOP } from "../../../src/manager/disk-guard.ts";
import type { Monitor } from "./managers.ts";
import type { FaultKind, PlannedFault } from "./schedule.ts";

/** The daemon's own bound on stopping is 14 s; the rest is for a machine that is busy with more than this. */
const STOP_MS_MAX = 30_000;
/** A full disk is seen by the next write, or by the guard within two seconds, which then stops in order. */
const FULL_MS_MAX = 60_000;
/** A change of role waits for its turn and its commit. */
const ROLE_CALL_MS = 22_000;
/** Other faults may leave no quorum for a while; healing ends them. */
const ROLE_MS_MAX = 90_000;
const DAY_MS = 24 * 3_600_000;
/** A reset needs somebody who sends: a leader's heartbeats do, and the probes of idle streams. */
const RESET_MS = 500;

export type FaultEvent = { readonly atMs: number; readonly what: string; readonly victim: string };

type Strike = { readonly node: HostNode; readonly fault: PlannedFault; readonly hold: () => Promise<void> };

/** What needs a running process, and no other fault that ends or stops it. */
const OF_PROCESS: ReadonlySet<FaultKind> = new Set([
  "kill",
  "stop",
  "blackout",
  "pause",
  "stall",
  "disk-low",
  "disk-full",
  "clock",
  "demote",
]);

export class Faults {
  /** How often each kind really happened. */
  readonly injected = new Map<FaultKind, number>();
  readonly events: FaultEvent[] = [];
  /** Promises the managers broke, such as an end that nobody caused. */
  readonly problems: string[] = [];
  readonly #cluster: HostCluster;
  readonly #monitor: Monitor;
  readonly #startedAt = performance.now();
  readonly #healing = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  /** "kind name" of what is under way, and the name alone of a process that is taken. */
  readonly #taken = new Set<string>();

  constructor(cluster: HostCluster, monitor: Monitor) {
    this.#cluster = cluster;
    this.#monitor = monitor;
  }

  /** Begins it. @returns false where nobody is left whom it could strike */
  inject(fault: PlannedFault): boolean {
    const node = this.#victim(fault);
    if (node === null) return false;
    const { kind } = fault;
    const processes = kind === "blackout" ? this.#cluster.managers : OF_PROCESS.has(kind) ? [node] : [];
    const taken = [`${kind} ${node.name}`, ...processes.map(({ name }) => name)];
    for (const key of taken) this.#taken.add(key);
    this.#note(kind, node);
    const life = this.#strike({ node, fault, hold: async () => await this.#hold(fault) })
      .then((isDone) => {
        if (isDone) this.injected.set(kind, (this.injected.get(kind) ?? 0) + 1);
      })
      .catch((error: unknown) => void this.problems.push(`${kind} of ${node.name}: ${String(error)}`))
      .finally(() => {
        this.#note(`end of ${kind}`, node);
        for (const key of taken) this.#taken.delete(key);
        this.#underWay.delete(life);
      });
    this.#underWay.add(life);
    return true;
  }

  /** Resolves when none is under way. */
  async over(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /** Ends everything, for good. Resolves when every manager runs, or was started. */
  async heal(): Promise<void> {
    this.#healing.abort();
    await this.over();
    this.checkAlive();
  }

  /** Who ended without a fault is a broken promise, and started again. */
  checkAlive(): void {
    for (const node of this.#cluster.managers) {
      if (node.isRunning || this.#taken.has(node.name)) continue;
      this.problems.push(`${node.name} ended by itself: ${node.log.slice(-1_500)}`);
      node.start();
    }
  }

  #victim({ kind, victim, dice }: PlannedFault): HostNode | null {
    const leader = this.#monitor.leader;
    const isFree = ({ name, isUp }: HostNode): boolean =>
      !this.#taken.has(`${kind} ${name}`) && (!OF_PROCESS.has(kind) || (isUp && !this.#taken.has(name)));
    const { managers } = this.#cluster;
    if (kind === "blackout") return managers.every(isFree) ? (managers[0] ?? null) : null;
    if (kind === "half-open") return managers.slice(-1).find(isFree) ?? null;
    const wanted = managers.filter((node) => isFree(node) && (node.name === leader) === (victim === "leader"));
    const all = wanted.length > 0 ? wanted : managers.filter(isFree);
    return all[Math.floor(dice * all.length)] ?? null;
  }

  /** As long as planned, or until everything heals. */
  async #hold({ lastsMs }: PlannedFault): Promise<void> {
    await sleep(realEnv, lastsMs, this.#healing.signal).catch(() => undefined);
  }

  /** @returns whether it happened */
  async #strike(strike: Strike): Promise<boolean> {
    const { node, fault, hold } = strike;
    switch (fault.kind) {
      case "kill":
        await node.kill();
        await hold();
        node.start();
        return true;
      case "stop":
        return await this.#stop(strike);
      case "blackout":
        await Promise.all(this.#cluster.managers.map(async (manager) => await manager.kill()));
        await hold();
        for (const manager of this.#cluster.managers) manager.start();
        return true;
      case "pause":
        node.signal("SIGSTOP");
        await hold();
        node.signal("SIGCONT");
        return true;
      case "stall":
        await node.hook({ stallMs: fault.lastsMs });
        await hold();
        return true;
      case "clock":
        await node.hook({ clockShiftMs: fault.dice < 0.5 ? DAY_MS : -DAY_MS });
        await hold();
        await node.hook({ clockShiftMs: 0 });
        return true;
      case "demote":
        return await this.#demote(strike);
      case "disk-low":
      case "disk-full":
        return await this.#fill(strike);
      case "unplug":
        await node.host.linkDown();
        await hold();
        await node.host.linkUp();
        return true;
      case "half-open":
        this.#cluster.proxy?.freeze();
        await hold();
        this.#cluster.proxy?.thaw();
        return this.#cluster.proxy !== null;
      case "split":
      case "deaf":
      case "mute":
      case "cut":
      case "reset":
      case "blackhole":
        return await this.#filter(strike, fault.kind);
    }
  }

  async #stop({ node, hold }: Strike): Promise<boolean> {
    node.signal("SIGTERM");
    const { code, signal } = await node.ended(STOP_MS_MAX);
    // A process so young that it does not listen yet dies of the signal, and has nothing to lose.
    if (code !== 0 && signal !== "SIGTERM")
      this.problems.push(`${node.name} ended with ${code} after SIGTERM: ${node.log.slice(-1_500)}`);
    await hold();
    node.start();
    return true;
  }

  async #demote({ node, hold }: Strike): Promise<boolean> {
    const set = async (role: "WORKER" | "MANAGER", timeoutMs: number): Promise<void> => {
      using client = new ControlClient(this.#cluster.context);
      const request = { requestId: newId(realEnv), id: this.#monitor.idOf(node.name), role };
      const isServed = async (): Promise<boolean> => {
        try {
          await client.call("Control.SetNodeRole", request, { attemptMs: ROLE_CALL_MS, timeoutMs });
          return true;
        } catch (error) {
          if (!isAppError(error, "unsupported")) throw error;
          client.next();
          return false;
        }
      };
      while (!(await isServed())); // Asked was one that is no manager at the moment.
    };
    let isDemoted = true;
    try {
      await set("WORKER", ROLE_CALL_MS);
      await hold();
    } catch (error) {
      // Too few of the others answer: that is refused, or cannot be done in time.
      const isExpected = (["precondition", "unavailable", "unknown-outcome", "deadline"] as const).some((code) =>
        isAppError(error, code),
      );
      if (!isExpected) throw error;
      isDemoted = false;
    }
    await set("MANAGER", ROLE_MS_MAX);
    return isDemoted;
  }

  async #fill({ node, fault, hold }: Strike): Promise<boolean> {
    const { disk } = node;
    if (disk === null) throw new Error("Disks of their own are needed");
    const isFull = fault.kind === "disk-full";
    const betweenMarks = (DISK_LOW.share + DISK_STOP.share) / 2;
    await disk.fill(isFull ? 0 : betweenMarks * (await disk.totalBytes()));
    try {
      if (isFull) await node.ended(FULL_MS_MAX);
      await hold();
    } finally {
      disk.empty();
    }
    // What others led came in meanwhile: a low disk may have become a full one.
    if (node.isRunning) return true;
    const end = node.log.slice(-4_000);
    if (!/almost full|no space left/i.test(end))
      this.problems.push(`${node.name} did not say that its disk is full: ${end}`);
    node.start();
    return true;
  }

  async #filter(
    { node, fault, hold }: Strike,
    kind: "split" | "deaf" | "mute" | "cut" | "reset" | "blackhole",
  ): Promise<boolean> {
    const others = this.#cluster.managers.filter((other) => other !== node);
    const filter = async (direction: PacketRule["direction"], what: PacketRule["what"] = "drop") =>
      await node.filter.add({ direction, what, peers: this.#addressesOf(others, node) });
    if (kind === "cut") {
      const other = others[Math.floor(fault.dice * others.length)] ?? node;
      // Through the proxy all others look alike to the last one: the rule is the other end's.
      const [at, peer] = node === this.#cluster.managers.at(-1) ? [other, node] : [node, other];
      const end = await at.filter.add({ direction: "both", what: "drop", peers: this.#addressesOf([peer], at) });
      await hold();
      await end();
      return true;
    }
    if (kind === "blackhole") {
      const endReset = await filter("both", "reset");
      await sleep(realEnv, RESET_MS);
      const end = await filter("both", "drop-new");
      await endReset();
      await hold();
      await end();
      return true;
    }
    const end = await filter(
      kind === "deaf" ? "in" : kind === "mute" ? "out" : "both",
      kind === "reset" ? "reset" : "drop",
    );
    await hold();
    await end();
    return true;
  }

  /** By which `at` hears of the peers and they of it. */
  #addressesOf(peers: readonly HostNode[], at: HostNode): string[] {
    const { proxy, managers } = this.#cluster;
    const last = managers.at(-1);
    const own = peers.map(({ host }) => host.address);
    const isProxied = last !== undefined && (at === last || peers.includes(last));
    return proxy !== null && isProxied ? [...own, proxy.host] : own;
  }

  #note(what: string, { name }: HostNode): void {
    this.events.push({ atMs: Math.round(performance.now() - this.#startedAt), what, victim: name });
  }
}
