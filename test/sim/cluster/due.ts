/**
 * What must have happened by a certain cluster time. The state's own clock stands still while nothing changes, so what is
 * noted is when that time has come for certain in the run's.
 */
import type { World } from "./world.ts";

/** From the end of managers' troubles until what came due meanwhile is done, and how late it may be otherwise. */
const CALM_MS = 3_000;
const LATE_MS = 2_000;

export class DueTimes {
  readonly #world: World;
  readonly #dueAt = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  /** @param atMs cluster time; instead of what was noted of the key before */
  note(key: string, atMs: number): void {
    const { sim, truth, plan } = this.#world;
    this.#dueAt.set(key, sim.now + Math.max(0, atMs - truth.timeMs) * (1 + 2 * plan.drift));
  }

  forget(key: string): void {
    this.#dueAt.delete(key);
  }

  /** Keys whose time came so long ago that a leader must have seen to them. */
  overdue(): string[] {
    const { sim, calmMs } = this.#world;
    if (calmMs < CALM_MS) return [];
    return [...this.#dueAt].filter(([, at]) => sim.now - at > LATE_MS).map(([key]) => key);
  }
}
