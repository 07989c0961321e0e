/**
 * Notices that no manager was in reach for too long. What must never run twice is stopped then, because
 * the managers may start it elsewhere a little later (model/ties.ts has both times). They count from this node's last
 * word that they heard, so that counts here, too: what they say, or said long ago, proves nothing.
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
    this.#expectUntil(this.#env.now() + CUT_OFF_AT_START_MS);
  }

  /** A manager that has a session for this node has heard what it said then. */
  heard(sentAt: number): void {
    this.#expectUntil(sentAt + CUT_OFF_STOP_MS);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #expectUntil(at: number): void {
    this.#dueAt = Math.max(this.#dueAt, at);
    this.#timer ??= this.#arm(Math.max(0, this.#dueAt - this.#env.now()));
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
