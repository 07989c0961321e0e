/**
 * What the leader's loops share: keys that events mark dirty, a loop that takes them at once when
 * idle, alarms, and the answer to a refused transaction. Nothing waits for a commit: a key planned in
 * this turn is clean, and becomes dirty again if its transaction is refused.
 */
import { AssertionFailure } from "../util/assert.ts";
import type { Env, Timer } from "../util/env.ts";
import { AppError } from "../util/errors.ts";
import type { Logger } from "../util/log.ts";
import { Loop } from "../util/loop.ts";
import type { Change, StoreApi, WriteTx } from "./types.ts";

/** After a refused transaction; leadership is usually gone by then, or a queue is full. */
export const RETRY_MS = 100;
/** Timers of the platform hold 31 bits; a later alarm is set again when this one rings. */
const ALARM_MS_MAX = 3_600_000;

export type LoopDeps = { readonly store: StoreApi; readonly env: Env; readonly log: Logger };

export abstract class StoreLoop {
  protected readonly deps: LoopDeps;
  /** Keys to plan again. Bounded by what the store holds. */
  protected readonly dirty = new Set<string>();
  readonly #loop: Loop;
  readonly #alarms = new Map<string, { readonly atMs: number; readonly timer: Timer }>();
  #retry: Timer | null = null;
  #unsubscribe: () => void = () => undefined;
  #isComplete = false;
  #isStopped = false;

  constructor(deps: LoopDeps) {
    this.deps = deps;
    this.#loop = new Loop(
      deps.env,
      () => this.#run(),
      (error) => this.#onFailure([...this.dirty], error),
    );
  }

  /** Marks what a change may have made untrue. @returns whether anything is to be planned now */
  protected abstract note(change: Change): boolean;
  /** Marks everything that is in the store; the first thing a leader does. */
  protected abstract noteAll(tx: WriteTx): void;
  /**
   * Plans and applies some dirty keys, taking them out of `dirty`. What is left is planned in the
   * next turn.
   */
  protected abstract turn(tx: WriteTx): readonly string[];

  start(): void {
    this.#unsubscribe = this.deps.store.onSpeculative((changes) => {
      let isDue = false;
      for (const change of changes) isDue = this.note(change) || isDue;
      if (isDue) this.#loop.trigger();
    });
    this.#loop.trigger();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#unsubscribe();
    this.#retry?.cancel();
    for (const { timer } of this.#alarms.values()) timer.cancel();
    this.#alarms.clear();
    await this.#loop.stop();
  }

  protected trigger(): void {
    this.#loop.trigger();
  }

  /** Marks `key` dirty at cluster time `atMs`; null forgets its alarm. */
  protected alarm(key: string, atMs: number | null, nowMs: number): void {
    const known = this.#alarms.get(key);
    if (known !== undefined && known.atMs === atMs) return;
    known?.timer.cancel();
    this.#alarms.delete(key);
    if (atMs === null || this.#isStopped) return;
    const timer = this.deps.env.setTimer(Math.min(Math.max(atMs - nowMs, 1), ALARM_MS_MAX), () => {
      this.#alarms.delete(key);
      this.dirty.add(key);
      this.#loop.trigger();
    });
    this.#alarms.set(key, { atMs, timer });
  }

  /** A plan that fails is a bug of one key: it must not hold up the others. */
  protected guarded(key: string, plan: () => void): void {
    try {
      plan();
    } catch (error) {
      if (error instanceof AssertionFailure) throw error;
      this.deps.log.error("planning failed", { key, error });
    }
  }

  #run(): void {
    let taken: readonly string[] = [];
    let hasRun = false;
    const done = this.deps.store.update((tx) => {
      hasRun = true;
      if (!this.#isComplete) this.noteAll(tx);
      this.#isComplete = true;
      taken = this.turn(tx);
    });
    // The change ran in this turn, whether or not it will be committed. If it was not let run, the
    // failure's timer comes back to it: trying again at once would spin.
    if (hasRun && this.dirty.size > 0) this.#loop.trigger();
    done.catch((error: unknown) => this.#onFailure(taken, error));
  }

  #onFailure(keys: readonly string[], error: unknown): void {
    if (error instanceof AssertionFailure) throw error;
    if (this.#isStopped) return;
    this.deps.log.debug("a plan was not applied", { code: AppError.from(error).code });
    for (const key of keys) this.dirty.add(key);
    // What else the refused transaction held is not known here: the next run looks at everything.
    this.#isComplete = false;
    this.#retry ??= this.deps.env.setTimer(RETRY_MS, () => {
      this.#retry = null;
      this.#loop.trigger();
    });
  }
}
