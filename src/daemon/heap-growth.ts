/**
 * Bounds what garbage adds to a large heap. V8 collects its old generation when that has grown to
 * about twice what lives in it: with 100,000 tasks a leader's 190 MiB take 400. Collecting sooner
 * costs writes time, so it is done only where the state is large.
 */
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import type { Env } from "../util/env.ts";

const MIB = 1024 * 1024;
const LOOK_EVERY_MS = 2_000;
/** Used bytes, garbage included, from which growth is bounded, and below which it is free again. */
export const TIGHT_FROM_BYTES = 160 * MIB;
export const FREE_BELOW_BYTES = 96 * MIB;
/** Of what lives. 0 is V8's own choice. */
const TIGHT_PERCENT = 20;

export function isTight(usedBytes: number, wasTight: boolean): boolean {
  return usedBytes >= (wasTight ? FREE_BELOW_BYTES : TIGHT_FROM_BYTES);
}

/** For the life of the process. */
export function boundHeapGrowth(env: Env): void {
  let wasTight = false;
  const look = (): void => {
    const tight = isTight(getHeapStatistics().used_heap_size, wasTight);
    if (tight !== wasTight) setFlagsFromString(`--heap-growing-percent=${tight ? TIGHT_PERCENT : 0}`);
    wasTight = tight;
    env.setTimer(LOOK_EVERY_MS, look);
  };
  look();
}
