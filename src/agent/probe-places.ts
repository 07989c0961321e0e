/**
 * Who of a node's services may probe now. Some places are anybody's; beyond them a service may still take a few, so that
 * one whose probes hang and hold them all delays nobody else's. Whoever waits enters before those of services that
 * hold more.
 */
import { cancelled } from "../util/errors.ts";

/** Under way at once, of any services, also of one alone. The time of those that wait counts from when they begin. */
export const PROBES_MAX = 16;
/** So many more, for services that hold fewer than their share. */
export const PROBES_BEYOND = 16;
export const SERVICE_SHARE = 4;

type Waiter = { readonly serviceId: string; readonly enter: () => void };

export class ProbePlaces {
  readonly #waiting = new Set<Waiter>();
  readonly #held = new Map<string, number>();
  #total = 0;

  async run<T>(serviceId: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (signal.aborted) throw cancelled("Waiting for a probe's place");
    if (this.#mayEnter(serviceId)) this.#take(serviceId);
    else await this.#wait(serviceId, signal);
    try {
      return await work();
    } finally {
      this.#release(serviceId);
    }
  }

  #mayEnter(serviceId: string): boolean {
    if (this.#total < PROBES_MAX) return true;
    return this.#total < PROBES_MAX + PROBES_BEYOND && this.#heldBy(serviceId) < SERVICE_SHARE;
  }

  #heldBy(serviceId: string): number {
    return this.#held.get(serviceId) ?? 0;
  }

  #take(serviceId: string): void {
    this.#total += 1;
    this.#held.set(serviceId, this.#heldBy(serviceId) + 1);
  }

  #release(serviceId: string): void {
    this.#total -= 1;
    const held = this.#heldBy(serviceId) - 1;
    if (held === 0) this.#held.delete(serviceId);
    else this.#held.set(serviceId, held);
    for (let next = this.#next(); next !== null; next = this.#next()) {
      this.#waiting.delete(next);
      this.#take(next.serviceId);
      next.enter();
    }
  }

  /** Of those that may enter the first whose service holds least. */
  #next(): Waiter | null {
    let next: Waiter | null = null;
    for (const waiter of this.#waiting) {
      const isBefore = next === null || this.#heldBy(waiter.serviceId) < this.#heldBy(next.serviceId);
      if (isBefore && this.#mayEnter(waiter.serviceId)) next = waiter;
    }
    return next;
  }

  /** Resolves holding a place. */
  #wait(serviceId: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        serviceId,
        enter: () => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        this.#waiting.delete(waiter);
        reject(cancelled("Waiting for a probe's place"));
      };
      this.#waiting.add(waiter);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}
