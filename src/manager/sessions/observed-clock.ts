/**
 * Time that this process was awake for. A process that stood still (SIGSTOP, a suspended machine, a
 * long stall) finds heartbeats unread in its sockets when it wakes, but its timers run first: by
 * this clock nothing has become silent meanwhile.
 */
import type { Env, Timer } from "../../util/env.ts";

export const OBSERVE_EVERY_MS = 250;
/** What a gap between two looks counts at most. */
export const GAP_MS_MAX = 2 * OBSERVE_EVERY_MS;

export class ObservedClock {
  readonly #env: Env;
  readonly #listeners = new Set<() => void>();
  #observed = 0;
  #lookedAt: number;
  #timer: Timer | null = null;

  constructor(env: Env) {
    this.#env = env;
    this.#lookedAt = env.now();
  }

  start(): void {
    this.#look();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** Milliseconds observed so far; never goes back. */
  now(): number {
    return this.#observed + Math.min(GAP_MS_MAX, Math.max(0, this.#env.now() - this.#lookedAt));
  }

  /** Called at every look: the one timer of all that watches for silence. */
  onLook(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #look(): void {
    this.#observed = this.now();
    this.#lookedAt = this.#env.now();
    this.#timer = this.#env.setTimer(OBSERVE_EVERY_MS, () => this.#look());
    for (const listener of this.#listeners) listener();
  }
}
