/** Faults, one after the other and overlapping, from a seed's dice; `heal` ends them all. */
import type { Dice } from "./dice.ts";
import type { World } from "./world.ts";

/** Those still under way; more are not begun. */
const UNDER_WAY_MAX = 6;

export class Injector {
  readonly #world: World;
  readonly #dice: Dice;
  /** What ends each fault that is under way. */
  readonly #undos = new Set<() => void>();
  #isStopped = false;
  injected = 0;

  constructor(world: World) {
    this.#world = world;
    this.#dice = world.dice("faults");
  }

  start(): void {
    const { sim, plan } = this.#world;
    sim.schedule(this.#dice.between(...plan.faultEveryMs), () => {
      if (this.#isStopped) return;
      if (this.#undos.size < UNDER_WAY_MAX) this.#inject();
      this.start();
    });
  }

  #inject(): void {
    const { plan, sim, coverage } = this.#world;
    const fault = this.#dice.weighted(plan.faults);
    if (fault === undefined) return;
    const durationMs = this.#dice.between(...plan.faultLastsMs);
    const injected = fault.inject(this.#world, durationMs);
    if (injected === null) return;
    this.injected += 1;
    coverage.add(`fault ${fault.name}`);
    const { undo, lastsMs = durationMs } = injected;
    this.#world.trace(() => `FAULT ${fault.name} ${injected.on} for ${Math.round(lastsMs)} ms`);
    if (undo === undefined) return;
    const end = (): void => {
      if (!this.#undos.delete(end)) return;
      this.#world.trace(() => `end of ${fault.name} ${injected.on}`);
      undo();
    };
    this.#undos.add(end);
    sim.schedule(lastsMs, end);
  }

  /** No more of them, and nothing of them left: everything up, connected and answering. */
  heal(): void {
    const { cluster, disks, site } = this.#world;
    this.#isStopped = true;
    for (const end of this.#undos) end();
    cluster.network.heal();
    this.#world.disturbedAt = this.#world.sim.now;
    for (const disk of disks.values()) disk.heal();
    for (const machine of cluster.machines) {
      machine.env.resume();
      machine.engine?.setOutage("none");
      site.ensureUp(machine);
    }
  }
}
