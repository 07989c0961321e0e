/** At most so many at once; the others wait in order. Who waits for something else meanwhile lets others in. */
import { cancelled } from "../util/errors.ts";
import type { Outside } from "./executor/executor.ts";

export class Limiter {
  readonly #limit: number;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @param work what it waits for `outside` holds no place; it goes on once it has one again */
  async run<T>(signal: AbortSignal, work: (outside: Outside) => Promise<T>): Promise<T> {
    await this.#enter(signal);
    let isInside = true;
    const outside: Outside = async (wait) => {
      isInside = false;
      this.#release();
      const result = await wait();
      await this.#enter(signal);
      isInside = true;
      return result;
    };
    try {
      return await work(outside);
    } finally {
      if (isInside) this.#release();
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw cancelled("Waiting for a free slot");
    if (this.#running < this.#limit) this.#running += 1;
    else await this.#wait(signal);
  }

  /** Resolves holding a place that the one before handed over. */
  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = (): void => {
        this.#waiting.delete(enter);
        reject(cancelled("Waiting for a free slot"));
      };
      this.#waiting.add(enter);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  #release(): void {
    for (const next of this.#waiting) {
      this.#waiting.delete(next);
      next();
      return;
    }
    this.#running -= 1;
  }
}
