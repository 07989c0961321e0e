/**
 * The level-triggered loop: any number of triggers while it is busy collapse into one next run.
 * It reacts in the same turn when idle and yields between runs, so it can never starve heartbeats.
 */
import type { Env } from "./env.ts";

export class Loop {
  readonly #env: Env;
  readonly #run: () => void | Promise<void>;
  readonly #onFailure: (error: unknown) => void;
  #scheduled = false;
  #running = false;
  #dirty = false;
  #stopped = false;
  #idleWaiters: (() => void)[] = [];

  constructor(env: Env, run: () => void | Promise<void>, onFailure: (error: unknown) => void) {
    this.#env = env;
    this.#run = run;
    this.#onFailure = onFailure;
  }

  trigger(): void {
    if (this.#stopped) return;
    this.#dirty = true;
    if (this.#scheduled || this.#running) return;
    this.#scheduled = true;
    this.#env.defer(() => void this.#turn());
  }

  /** Resolves when no run is in progress and none will start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (!this.#running) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  async #turn(): Promise<void> {
    this.#scheduled = false;
    if (this.#stopped || this.#running) return;
    this.#running = true;
    this.#dirty = false;
    try {
      await this.#run();
    } catch (error) {
      this.#onFailure(error);
    } finally {
      this.#running = false;
    }
    if (this.#stopped) {
      for (const wake of this.#idleWaiters.splice(0)) wake();
    } else if (this.#dirty) {
      this.trigger();
    }
  }
}
