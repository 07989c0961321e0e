/** The only file that may touch the machine's clock, timers and dice. */
import { randomFillSync } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { Env, Timer } from "./env.ts";

/** Asking the kernel costs microseconds however few bytes: ids are cut from a page of them. */
const POOL_BYTES = 4096;
const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
let poolAt = POOL_BYTES;

/** A copy, and never the same bytes twice. */
function pooledRandomBytes(length: number): Uint8Array {
  if (length > POOL_BYTES / 8) return randomFillSync(new Uint8Array(length));
  if (poolAt + length > POOL_BYTES) {
    randomFillSync(pool);
    poolAt = 0;
  }
  const bytes = Uint8Array.prototype.slice.call(pool, poolAt, poolAt + length);
  pool.fill(0, poolAt, poolAt + length);
  poolAt += length;
  return bytes;
}

export const realEnv: Env = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  random: () => Math.random(),
  randomBytes: pooledRandomBytes,
  defer: (fn) => void setImmediate(fn),
  setTimer(ms: number, fn: () => void): Timer {
    const handle = setTimeout(fn, Math.max(0, ms));
    return { cancel: () => clearTimeout(handle) };
  },
};
