/** How often each thing happened: what shows that a run, or all runs of CI, were not calm. */
export class Coverage {
  readonly #counts = new Map<string, number>();

  add(name: string, times = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + times);
  }

  /** Counted as 0 until it happens, so that it shows in a table. */
  expect(name: string): void {
    this.add(name, 0);
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** By name. */
  counts(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
