/**
 * Linearizable reads: all that ask in one turn share one ReadIndex question to the core; each is
 * released once this replica has applied the answer. Every wait has a deadline.
 */
import type { ReadResult } from "../../raft/types.ts";
import { AppError, cancelled } from "../../util/errors.ts";
import type { Env, Timer } from "../../util/env.ts";

/** A question that failed (no leader, a change of leader) is asked again after this. */
const RETRY_MS = 50;
export const BARRIERS_MAX = 10_000;

type WaitOptions = { readonly deadlineMs: number; readonly signal?: AbortSignal };

type Settle = { readonly resolve: () => void; readonly reject: (error: AppError) => void };

type Waiter = Settle & { isDone: boolean };

type Group = { readonly index: number; readonly waiters: readonly Waiter[] };

export type BarrierHost = {
  /** Asks the core, soon: `ask` will be called in that turn. */
  schedule(): void;
  /** Why a deadline passed: whether a leader is known. */
  hasLeader(): boolean;
  appliedIndex(): number;
};

export class ReadBarriers {
  readonly #env: Env;
  readonly #host: BarrierHost;
  #unasked: Waiter[] = [];
  readonly #asked = new Map<number, Waiter[]>();
  #waitingForApply: Group[] = [];
  #nextRequestId = 1;
  #retry: Timer | null = null;
  #size = 0;

  constructor(env: Env, host: BarrierHost) {
    this.#env = env;
    this.#host = host;
  }

  wait(options: WaitOptions): Promise<void> {
    return new Promise<void>((resolve, reject) => this.waitThen(options, { resolve, reject }));
  }

  /** `wait` for whoever needs the outcome in the very turn in which it is known. */
  waitThen(options: WaitOptions, settle: Settle): void {
    if (options.signal?.aborted === true) settle.reject(cancelled("Read barrier"));
    else if (this.#size >= BARRIERS_MAX) {
      settle.reject(new AppError("exhausted", `More than ${BARRIERS_MAX} reads wait already`));
    } else this.#add(options, settle);
  }

  #add({ deadlineMs, signal }: WaitOptions, settle: Settle): void {
    const finish = (outcome: () => void): void => {
      if (waiter.isDone) return;
      waiter.isDone = true;
      this.#size -= 1;
      timer.cancel();
      signal?.removeEventListener("abort", onAbort);
      outcome();
    };
    const waiter: Waiter = {
      isDone: false,
      resolve: () => finish(settle.resolve),
      reject: (error) => finish(() => settle.reject(error)),
    };
    const onAbort = (): void => waiter.reject(cancelled("Read barrier"));
    const timer = this.#env.setTimer(deadlineMs, () => waiter.reject(this.#timedOut(deadlineMs)));
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#size += 1;
    this.#unasked.push(waiter);
    this.#host.schedule();
  }

  #timedOut(deadlineMs: number): AppError {
    if (this.#host.hasLeader()) {
      return new AppError("deadline", `The leader did not confirm a read within ${deadlineMs} ms`);
    }
    return new AppError("unavailable", `No quorum: no leader was found within ${deadlineMs} ms`, {
      next: "start more managers, or ask for a stale read",
    });
  }

  /** @returns the id to step the core's `read` with, or null if nobody waits. */
  ask(): number | null {
    if (this.#retry !== null || this.#unasked.length === 0) return null;
    const waiters = this.#unasked.filter((waiter) => !waiter.isDone);
    this.#unasked = [];
    if (waiters.length === 0) return null;
    const requestId = this.#nextRequestId++;
    this.#asked.set(requestId, waiters);
    return requestId;
  }

  answered(result: ReadResult): void {
    const waiters = this.#asked.get(result.requestId) ?? [];
    this.#asked.delete(result.requestId);
    if (result.ok) {
      this.#waitingForApply.push({ index: result.index, waiters });
      return;
    }
    for (const waiter of waiters) if (!waiter.isDone) this.#unasked.push(waiter);
    this.#retry ??= this.#env.setTimer(RETRY_MS, () => {
      this.#retry = null;
      this.#host.schedule();
    });
  }

  /** After applying: releases whoever has waited for no more than this. */
  release(): void {
    if (this.#waitingForApply.length === 0) return;
    const applied = this.#host.appliedIndex();
    const later: Group[] = [];
    for (const group of this.#waitingForApply) {
      if (group.index > applied) later.push(group);
      else for (const waiter of group.waiters) waiter.resolve();
    }
    this.#waitingForApply = later;
  }

  close(): void {
    this.#retry?.cancel();
    const groups = [this.#unasked, ...this.#asked.values(), ...this.#waitingForApply.map(({ waiters }) => waiters)];
    for (const waiter of groups.flat()) waiter.reject(new AppError("unavailable", "This manager stops"));
    this.#unasked = [];
    this.#asked.clear();
    this.#waitingForApply = [];
  }
}
