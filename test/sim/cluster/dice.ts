/** Choices from a seeded source. */
export class Dice {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Uniform in [0, 1). */
  readonly random = (): number => this.#random();

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  /** Uniform, the end not included. */
  between(from: number, to: number): number {
    return from + this.#random() * (to - from);
  }

  /** 0 to n - 1. */
  int(n: number): number {
    return Math.floor(this.#random() * n);
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[this.int(items.length)];
  }

  one<T>(first: T, ...others: readonly T[]): T {
    return this.pick([first, ...others]) ?? first;
  }

  shuffled<T>(items: readonly T[]): T[] {
    const rest = [...items];
    const result: T[] = [];
    while (rest.length > 0) result.push(...rest.splice(this.int(rest.length), 1));
    return result;
  }

  /** Each with this probability, but at least one. */
  some<T>(items: readonly T[], probability: number): T[] {
    const kept = items.filter(() => this.chance(probability));
    const one = this.pick(items);
    return kept.length > 0 || one === undefined ? kept : [one];
  }

  weighted<T extends { readonly weight: number }>(items: readonly T[]): T | undefined {
    let at = this.#random() * items.reduce((sum, { weight }) => sum + weight, 0);
    for (const item of items) {
      at -= item.weight;
      if (at < 0) return item;
    }
    return items.at(-1);
  }
}
