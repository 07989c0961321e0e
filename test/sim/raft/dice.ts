/** Seeded dice: all that is random in a simulated run comes from a few of these. */
import { prng } from "../../support/sim-env.ts";

export type Range = readonly [min: number, max: number];

export class Dice {
  /** Uniform in [0, 1). */
  readonly next: () => number;

  constructor(seed: number) {
    this.next = prng(seed);
  }

  /** Dice of their own for a part: what it rolls changes nothing for the others. */
  split(): Dice {
    return new Dice(Math.floor(this.next() * 0x1_0000_0000));
  }

  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability;
  }

  /** A whole number, both ends included. */
  whole([min, max]: Range): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  within([min, max]: Range): number {
    return min + this.next() * (max - min);
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.next() * items.length)];
    if (item === undefined) throw new Error("There is nothing to pick from");
    return item;
  }

  pickOr<T>(items: readonly T[]): T | null {
    return items.length === 0 ? null : this.pick(items);
  }

  /** Some probability up to `most` in a share of all runs, and 0 in the others: each seed has its own weather. */
  sometimes(share: number, most: number): number {
    return this.chance(share) ? this.next() * most : 0;
  }
}
