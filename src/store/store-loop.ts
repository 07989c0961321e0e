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
import { isTooLarge } from "./too-large.ts";
import type { Change, StoreApi, WriteTx } from "./types.ts";

/** After a refused transaction; leadership is usually gone by then, or a queue is full. */
export const RETRY_MS = 100;
/** Timers of the platform hold 31 bits; a later alarm is set again when this one rings. */
const ALARM_MS_MAX = 3_600_000;
/** A change that is too large halves a loop's bounds, down to this share of them. */
const SHARE_MIN = 1 / 4096;
/** With this share every bound is 1. */
const SHARE_OF_ONE = 1 / 1024;
/** A bound that was halved doubles in so long: slower than a plan that never fits is tried. */
const SHARE_DOUBLES_MS = 1000;
/** A key whose plan alone is too large for one entry is left alone for so long: it would hold up the others. */
export const ASIDE_MS = 30_000;

export type LoopDeps = { readonly store: StoreApi; readonly env: Env; readonly log: Logger };

export abstract class StoreLoop {
  protected readonly deps: LoopDeps;
  /** Keys to plan again. Bounded by what the store holds. */
  protected readonly dirty = new Set<string>();
  readonly #loop: Loop;
  readonly #alarms = new Map<string, { readonly atMs: number; readonly timer: Timer }>();
  /** Keys left alone, with what ends it. */
  readonly #aside = new Map<string, Timer>();
  /** Of every bound of a turn: bounds count objects, an entry's limit is in bytes. */
  #shrunk: { readonly share: number; readonly atMs: number } | null = null;
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
    for (const timer of this.#aside.values()) timer.cancel();
    this.#aside.clear();
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

  /**
   * A plan that fails is a bug of one key: it must not hold up the others, nor leave half of itself behind.
   * @returns false if it failed
   */
  protected guarded(tx: WriteTx, key: string, plan: () => void): boolean {
    try {
      tx.attempt(plan);
      return true;
    } catch (error) {
      if (error instanceof AssertionFailure) throw error;
      this.deps.log.error("planning failed", { key, error });
      return false;
    }
  }

  /** How many of `max` objects one turn may write now. */
  protected bound(max: number): number {
    return Math.max(1, Math.floor(max * this.#share()));
  }

  #share(): number {
    if (this.#shrunk === null) return 1;
    const { share, atMs } = this.#shrunk;
    const grown = share * 2 ** ((this.deps.env.now() - atMs) / SHARE_DOUBLES_MS);
    if (grown >= 1) this.#shrunk = null;
    return Math.min(1, grown);
  }

  #run(): void {
    let taken: readonly string[] = [];
    let hasRun = false;
    const done = this.deps.store.update((tx) => {
      hasRun = true;
      if (!this.#isComplete) this.noteAll(tx);
      this.#isComplete = true;
      for (const key of this.#aside.keys()) this.dirty.delete(key);
      taken = this.turn(tx);
    });
    // The change ran in this turn, whether or not it will be committed. If it was not let run, the
    // failure's timer comes back to it: trying again at once would spin.
    if (hasRun && this.dirty.size > 0) this.#loop.trigger();
    done.catch((error: unknown) => this.#onFailure(taken, error));
  }

  /** The same transaction would be refused again: the next ones hold less. */
  #shrink(keys: readonly string[]): void {
    const share = this.#share();
    this.#shrunk = { share: Math.max(SHARE_MIN, share / 2), atMs: this.deps.env.now() };
    const [key] = keys;
    if (share > SHARE_OF_ONE || keys.length !== 1 || key === undefined || this.#aside.has(key)) return;
    this.deps.log.error("a plan alone is too large for one change", { key, triedAgainInMs: ASIDE_MS });
    const timer = this.deps.env.setTimer(ASIDE_MS, () => {
      this.#aside.delete(key);
      this.dirty.add(key);
      this.#loop.trigger();
    });
    this.#aside.set(key, timer);
  }

  #onFailure(keys: readonly string[], error: unknown): void {
    if (error instanceof AssertionFailure) throw error;
    if (this.#isStopped) return;
    this.deps.log.debug("a plan was not applied", { code: AppError.from(error).code });
    if (isTooLarge(error)) this.#shrink(keys);
    for (const key of keys) this.dirty.add(key);
    // What else the refused transaction held is not known here: the next run looks at everything.
    this.#isComplete = false;
    this.#retry ??= this.deps.env.setTimer(RETRY_MS, () => {
      this.#retry = null;
      this.#loop.trigger();
    });
  }
}
