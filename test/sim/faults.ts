/** Random faults from the world's dice; `heal` ends them all. */
import type { Machine, SimCluster } from "../support/sim-cluster.ts";

export type FaultKind =
  | "crash-manager"
  | "power-manager"
  | "pause-manager"
  | "partition"
  | "one-way"
  | "reset"
  | "crash-agent"
  | "power-worker"
  | "engine"
  | "kill-container";

const KINDS: readonly FaultKind[] = [
  "crash-manager",
  "power-manager",
  "pause-manager",
  "partition",
  "one-way",
  "reset",
  "crash-agent",
  "power-worker",
  "engine",
  "kill-container",
];

export class Faults {
  readonly #cluster: SimCluster;
  readonly injected = new Map<FaultKind, number>();
  #isStopped = false;

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
  }

  get count(): number {
    return [...this.injected.values()].reduce((sum, count) => sum + count, 0);
  }

  /** One fault every 0.5 to 4 s, each ending by itself after 0.1 to 6 s; at most a minority of managers is down at once. */
  start(): void {
    if (this.#isStopped) return;
    const { sim } = this.#cluster;
    sim.schedule(500 + sim.random() * 3500, () => {
      if (this.#isStopped) return;
      this.#inject();
      this.start();
    });
  }

  /** Everything up, connected and answering again. */
  heal(): void {
    this.#isStopped = true;
    this.#cluster.network.heal();
    for (const machine of this.#cluster.machines) {
      machine.env.resume();
      machine.engine?.setOutage("none");
      if (!this.#cluster.isUp(machine)) this.#cluster.boot(machine);
    }
  }

  #inject(): void {
    const { sim } = this.#cluster;
    const kind = KINDS[Math.floor(sim.random() * KINDS.length)];
    if (kind === undefined) return;
    const durationMs = 100 + sim.random() * 6000;
    if (this.#apply(kind, durationMs)) this.injected.set(kind, (this.injected.get(kind) ?? 0) + 1);
  }

  #apply(kind: FaultKind, durationMs: number): boolean {
    const { network, sim } = this.#cluster;
    switch (kind) {
      case "crash-manager":
      case "power-manager":
        return this.#down(this.#victim(this.#cluster.managers, true), durationMs, kind === "power-manager");
      case "crash-agent":
      case "power-worker":
        return this.#down(this.#pick(this.#cluster.workers), durationMs, kind === "power-worker");
      case "pause-manager": {
        const machine = this.#victim(this.#cluster.managers, true);
        if (machine === null || machine.env.isPaused) return false;
        const { env } = machine;
        env.pause();
        sim.schedule(durationMs, () => env.resume());
        return true;
      }
      case "partition":
      case "one-way": {
        const machine = this.#pick(this.#cluster.machines);
        if (machine === null) return false;
        for (const other of this.#cluster.machines) {
          if (other === machine) continue;
          network.cut(machine.name, other.name);
          if (kind === "partition") network.cut(other.name, machine.name);
        }
        sim.schedule(durationMs, () => {
          for (const other of this.#cluster.machines) {
            network.heal(machine.name, other.name);
            network.heal(other.name, machine.name);
          }
        });
        return true;
      }
      case "reset": {
        const [a, b] = [this.#pick(this.#cluster.machines), this.#pick(this.#cluster.machines)];
        if (a === null || b === null || a === b) return false;
        network.reset(a.name, b.name);
        return true;
      }
      case "engine": {
        const engine = this.#pick(this.#cluster.workers)?.engine ?? null;
        engine?.setOutage(sim.random() < 0.5 ? "hung" : "refused");
        sim.schedule(durationMs, () => engine?.setOutage("none"));
        return engine !== null;
      }
      case "kill-container": {
        const running = this.#pick(this.#cluster.workers)?.engine?.running() ?? [];
        const container = running[Math.floor(sim.random() * running.length)];
        if (container !== undefined) this.#pickEngineOf(container.task.id)?.kill(container.task.id);
        return container !== undefined;
      }
    }
  }

  #down(machine: Machine | null, durationMs: number, power: boolean): boolean {
    if (machine === null || !this.#cluster.isUp(machine)) return false;
    this.#cluster.crash(machine, { power });
    this.#cluster.sim.schedule(durationMs, () => {
      if (!this.#cluster.isUp(machine)) this.#cluster.boot(machine);
    });
    return true;
  }

  /** Keeps a majority up most of the time; the leader is the likelier victim. */
  #victim(managers: readonly Machine[], preferLeader: boolean): Machine | null {
    const up = managers.filter((machine) => this.#cluster.isUp(machine) && !machine.env.isPaused);
    const isQuorumSpare = up.length - 1 > managers.length / 2 || this.#cluster.sim.random() < 0.15;
    if (!isQuorumSpare) return null;
    const leader = this.#cluster.leader();
    return preferLeader && leader !== null && this.#cluster.sim.random() < 0.6 ? leader : this.#pick(up);
  }

  #pickEngineOf(taskId: string): Machine["engine"] {
    return this.#cluster.workers.find((machine) => machine.engine?.container(taskId) !== undefined)?.engine ?? null;
  }

  #pick(machines: readonly Machine[]): Machine | null {
    return machines[Math.floor(this.#cluster.sim.random() * machines.length)] ?? null;
  }
}
