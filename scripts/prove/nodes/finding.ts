// What became of one promise: everything that was measured, and each way in which it was not held.
import { print } from "../report.ts";

export class Finding {
  readonly behaviour: string;
  readonly problems: string[] = [];
  readonly #figures: Record<string, unknown> = {};

  constructor(behaviour: string) {
    this.behaviour = behaviour;
  }

  get held(): boolean {
    return this.problems.length === 0;
  }

  /** A figure that decides nothing. */
  note(figure: string, value: unknown): void {
    this.#figures[figure] = value;
  }

  within(figure: string, ms: number, [min, max]: readonly [number, number]): void {
    this.note(figure, Math.round(ms));
    if (!(ms >= min && ms <= max)) this.problems.push(`${figure} is ${Math.round(ms)}, not ${min} to ${max}`);
  }

  must(what: string, isSo: boolean): void {
    if (!isSo) this.problems.push(`not so: ${what}`);
  }

  /** Both as JSON. */
  same(what: string, is: unknown, was: unknown): void {
    const [text, before] = [JSON.stringify(is), JSON.stringify(was)];
    if (text !== before) this.problems.push(`${what} changed from ${before} to ${text}`);
  }

  report(): void {
    const problems = this.held ? {} : { problems: this.problems };
    print({ proof: "nodes", behaviour: this.behaviour, held: this.held, ...this.#figures, ...problems });
  }
}
