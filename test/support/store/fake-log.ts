/** A log of one process: proposals wait until the test commits or loses them. */
import type { Proposer } from "../../../src/store/types.ts";
import type { Env, Timer } from "../../../src/util/env.ts";
import type { AppError } from "../../../src/util/errors.ts";

export type LogEntry = { readonly index: number; readonly term: number; readonly payload: Uint8Array };

export class FakeLog implements Proposer {
  term = 1;
  /** Index of the newest entry. */
  last = 0;
  refusal: AppError | null = null;
  /** Proposed and not yet delivered. */
  readonly inFlight: LogEntry[] = [];

  reserve(_bytes: number): { readonly index: number; readonly term: number } {
    if (this.refusal !== null) throw this.refusal;
    return { index: this.last + 1, term: this.term };
  }

  propose(payload: Uint8Array): { readonly index: number; readonly term: number } {
    if (this.refusal !== null) throw this.refusal;
    this.last += 1;
    this.inFlight.push({ index: this.last, term: this.term, payload });
    return { index: this.last, term: this.term };
  }

  take(): LogEntry {
    const entry = this.inFlight.shift();
    if (entry === undefined) throw new Error("nothing is in flight");
    return entry;
  }
}

/** Time stands still until the test moves it. */
export class ManualEnv implements Env {
  #now = 0;
  #random = 1;
  #timers: { at: number; fn: () => void }[] = [];
  #deferred: (() => void)[] = [];
  wall = 1_700_000_000_000;

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.wall;
  }

  random(): number {
    this.#random = (this.#random * 48_271) % 2_147_483_647;
    return this.#random / 2_147_483_647;
  }

  randomBytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => Math.floor(this.random() * 256));
  }

  defer(fn: () => void): void {
    this.#deferred.push(fn);
  }

  /** Runs what was deferred. */
  turn(): void {
    for (const fn of this.#deferred.splice(0)) fn();
  }

  setTimer(ms: number, fn: () => void): Timer {
    const timer = { at: this.#now + ms, fn };
    this.#timers.push(timer);
    return { cancel: () => void (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  get timers(): number {
    return this.#timers.length;
  }

  advance(ms: number): void {
    this.#now += ms;
    this.wall += ms;
    const due = this.#timers.filter((timer) => timer.at <= this.#now);
    this.#timers = this.#timers.filter((timer) => timer.at > this.#now);
    for (const timer of due) timer.fn();
  }
}
