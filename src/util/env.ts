/**
 * The Env seam: time, timers, randomness and "later in this turn". Everything that waits or rolls
 * dice takes one, so that a whole cluster runs in one test process from one seed.
 */
import { AppError, cancelled } from "./errors.ts";

export interface Timer {
  /** Idempotent; after it the callback does not run. */
  cancel(): void;
}

export interface Env {
  /** Monotonic milliseconds since an arbitrary origin. For durations and deadlines. */
  now(): number;
  /** Unix milliseconds. May jump either way: only for what people or certificates read. */
  wallNow(): number;
  /** Uniform in [0, 1). Not for secrets. */
  random(): number;
  /** Cryptographic bytes (a seeded stream under simulation). */
  randomBytes(length: number): Uint8Array;
  /** Runs `fn` after the current turn's work, before timers that are due later. */
  defer(fn: () => void): void;
  /** Runs `fn` once, `ms` milliseconds from now, unless cancelled. */
  setTimer(ms: number, fn: () => void): Timer;
}

/** Resolves after `ms`; rejects with `cancelled` as soon as the signal aborts. */
export function sleep(env: Env, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(cancelled("Waiting"));
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(cancelled("Waiting"));
    };
    const timer = env.setTimer(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * Runs `work` with a signal that aborts after `ms` or with `parent`, whichever comes first. A
 * deadline rejects with `deadline` at once, even when `work` ignores its signal.
 */
export async function withDeadline<T>(
  env: Env,
  { ms, what, parent }: { ms: number; what: string; parent?: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  return await new Promise<T>((resolve, reject) => {
    const fail = (error: AppError): void => {
      settle();
      controller.abort(error);
      reject(error);
    };
    const onParent = (): void => fail(cancelled(what));
    const timer = env.setTimer(ms, () => fail(new AppError("deadline", `${what} took longer than ${ms} ms`)));
    const settle = (): void => {
      timer.cancel();
      parent?.removeEventListener("abort", onParent);
    };
    if (parent?.aborted === true) {
      fail(cancelled(what));
      return;
    }
    parent?.addEventListener("abort", onParent, { once: true });
    work(controller.signal).then(
      (value) => {
        settle();
        resolve(value);
      },
      (error: unknown) => {
        settle();
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
