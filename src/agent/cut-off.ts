/**
 * Notices that no manager was in reach for too long. What must never run twice is stopped then, because
 * the managers may start it elsewhere a little later (model/ties.ts has both times).
 */
import { CUT_OFF_STOP_MS } from "../model/ties.ts";
import type { Env, Timer } from "../util/env.ts";

/** After its start an agent does not know when a manager was last in reach: it waits only so long for one. */
export const CUT_OFF_AT_START_MS = 5000;

export class CutOffWatch {
  readonly #env: Env;
  readonly #onCutOff: () => void;
  #timer: Timer | null = null;
  #dueAt = 0;
  #isStopped = false;

  constructor(env: Env, onCutOff: () => void) {
    this.#env = env;
    this.#onCutOff = onCutOff;
  }

  start(): void {
    this.#expectWithin(CUT_OFF_AT_START_MS);
  }

  /** A manager that has a session for this node said something. */
  heard(): void {
    this.#expectWithin(CUT_OFF_STOP_MS);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #expectWithin(ms: number): void {
    this.#dueAt = this.#env.now() + ms;
    this.#timer ??= this.#arm(ms);
  }

  /** One timer for many words: it looks again when it ends. */
  #arm(ms: number): Timer {
    return this.#env.setTimer(ms, () => {
      this.#timer = null;
      if (this.#isStopped) return;
      const leftMs = this.#dueAt - this.#env.now();
      if (leftMs > 0) this.#timer = this.#arm(leftMs);
      else this.#onCutOff();
    });
  }
}
