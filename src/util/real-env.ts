/** The only file that may touch the machine's clock, timers and dice. */
import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { Env, Timer } from "./env.ts";

export const realEnv: Env = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  random: () => Math.random(),
  randomBytes: (length) => randomBytes(length),
  defer: (fn) => void setImmediate(fn),
  setTimer(ms: number, fn: () => void): Timer {
    const handle = setTimeout(fn, Math.max(0, ms));
    return { cancel: () => clearTimeout(handle) };
  },
};
