/** Long work in short slices, so that heartbeats and messages get their turns between them. */
import type { Env } from "../../util/env.ts";

/** Of one turn. A step that takes longer by itself is the one thing that may exceed it. */
export const SLICE_MS_MAX = 5;
/** The bound where the clock stands still; elsewhere the clock comes first. */
const SLICE_STEPS_MAX = 64;

/** Steps until one returns false or the slice is over. @returns whether there is more to do. */
export function slice(env: Env, step: () => boolean): boolean {
  const until = env.now() + SLICE_MS_MAX;
  for (let n = 0; n < SLICE_STEPS_MAX; n++) {
    if (!step()) return false;
    if (env.now() >= until) return true;
  }
  return true;
}

/** Steps until one returns false, yielding between slices; ends early when `signal` is aborted. */
export async function inSlices(env: Env, step: () => boolean, signal?: AbortSignal): Promise<void> {
  while (signal?.aborted !== true && slice(env, step)) await yielded(env);
}

/** Everything else that waits gets a turn. */
export async function yielded(env: Env): Promise<void> {
  await new Promise<void>((resolve) => env.defer(resolve));
}
