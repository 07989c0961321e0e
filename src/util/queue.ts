/** A bounded queue between a producer that must not wait and one consumer that may. */
import { AppError, cancelled } from "./errors.ts";

export class Queue<T> {
  readonly #items: T[] = [];
  readonly #limit: number;
  readonly #name: string;
  #waiter: { resolve: (item: T | undefined) => void; reject: (error: Error) => void } | undefined;
  #closed = false;

  constructor(name: string, limit: number) {
    this.#name = name;
    this.#limit = limit;
  }

  get size(): number {
    return this.#items.length;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** @throws AppError `exhausted` when the queue is full: overflow is the producer's decision. */
  push(item: T): void {
    if (!this.tryPush(item)) {
      throw new AppError("exhausted", `Queue ${this.#name} is full (${this.#limit})`);
    }
  }

  /** @returns false when full. After close, items are dropped and true is returned. */
  tryPush(item: T): boolean {
    if (this.#closed) return true;
    if (this.#waiter !== undefined) {
      const waiter = this.#waiter;
      this.#waiter = undefined;
      waiter.resolve(item);
      return true;
    }
    if (this.#items.length >= this.#limit) return false;
    this.#items.push(item);
    return true;
  }

  /** No further items; those queued are still delivered. */
  close(): void {
    this.#closed = true;
    this.#waiter?.resolve(undefined);
    this.#waiter = undefined;
  }

  /** Takes everything queued, without waiting. */
  drain(): T[] {
    return this.#items.splice(0);
  }

  /** @returns the next item, or undefined once closed and empty. One reader at a time. */
  async take(signal?: AbortSignal): Promise<T | undefined> {
    const item = this.#items.shift();
    if (item !== undefined) return item;
    if (this.#closed) return undefined;
    if (signal?.aborted === true) throw cancelled(`Reading ${this.#name}`);
    return await new Promise<T | undefined>((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiter = undefined;
        reject(cancelled(`Reading ${this.#name}`));
      };
      this.#waiter = {
        resolve: (next) => {
          signal?.removeEventListener("abort", onAbort);
          resolve(next);
        },
        reject,
      };
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}
