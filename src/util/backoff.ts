/** Jittered exponential waits. */
import type { Env } from "./env.ts";

export type BackoffOptions = { readonly firstMs: number; readonly maxMs: number; readonly factor?: number };

export class Backoff {
  readonly #env: Env;
  readonly #options: BackoffOptions;
  #attempt = 0;

  constructor(env: Env, options: BackoffOptions) {
    this.#env = env;
    this.#options = options;
  }

  /** Milliseconds to wait before the next try: uniform in the upper half of the current step. */
  next(): number {
    const { firstMs, maxMs, factor = 2 } = this.#options;
    const step = Math.min(maxMs, firstMs * factor ** Math.min(this.#attempt, 32));
    this.#attempt += 1;
    return step / 2 + (this.#env.random() * step) / 2;
  }

  reset(): void {
    this.#attempt = 0;
  }
}
