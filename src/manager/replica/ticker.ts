/**
 * The core's clock: one tick every TICK_MS, and one only after a stall however long it was. After a
 * stall the timer fires before the sockets are read, although heartbeats wait there; such a late
 * tick lets two turns of the loop pass first, or every stall would start an election.
 */
import { TICK_MS } from "../../raft/types.ts";
import type { Env, Timer } from "../../util/env.ts";

/** Later than this is a stall. */
const LATE_MS = 2 * TICK_MS;

export class Ticker {
  readonly #env: Env;
  readonly #onTick: () => void;
  #timer: Timer | null = null;
  #isRunning = false;

  constructor(env: Env, onTick: () => void) {
    this.#env = env;
    this.#onTick = onTick;
  }

  start(): void {
    this.#isRunning = true;
    this.#arm();
  }

  stop(): void {
    this.#isRunning = false;
    this.#timer?.cancel();
  }

  #arm(): void {
    const dueAt = this.#env.now() + TICK_MS;
    this.#timer = this.#env.setTimer(TICK_MS, () => {
      if (this.#env.now() - dueAt <= LATE_MS) this.#tick();
      else this.#env.defer(() => this.#env.defer(() => this.#tick()));
    });
  }

  #tick(): void {
    if (!this.#isRunning) return;
    this.#arm();
    this.#onTick();
  }
}
