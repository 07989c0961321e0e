/**
 * Bounds what garbage adds to a heap, in bytes: V8 collects its old generation when that has grown to two to four times
 * what lived in it, and what garbage holds outside the heap (buffers) goes only then. Loading 100,000 tasks it collected
 * at 125 MiB of heap and next at 270. Collecting sooner costs writes time, the more the larger the state is; a small heap
 * is left to V8.
 */
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import type { Env } from "../util/env.ts";

const MIB = 1024 * 1024;
/** A state is loaded at 50 MiB/s: what counts is set before the collection whose successor it decides. */
const LOOK_EVERY_MS = 500;
/** Used bytes, garbage included, from which growth is bounded. */
const BOUNDED_FROM_BYTES = 64 * MIB;
const GARBAGE_BYTES_MAX = 48 * MIB;
/** Below this, a large state would be collected without end. */
const PERCENT_MIN = 20;

/** How much a heap may grow between two collections, of what lives after the first; 0 is V8's own choice. */
export function growthPercent(usedBytes: number): number {
  if (usedBytes < BOUNDED_FROM_BYTES) return 0;
  return Math.max(PERCENT_MIN, Math.round((100 * GARBAGE_BYTES_MAX) / usedBytes));
}

/** For the life of the process. */
export function boundHeapGrowth(env: Env): void {
  let before = 0;
  const look = (): void => {
    const percent = growthPercent(getHeapStatistics().used_heap_size);
    if (percent !== before) setFlagsFromString(`--heap-growing-percent=${percent}`);
    before = percent;
    env.setTimer(LOOK_EVERY_MS, look);
  };
  look();
}
