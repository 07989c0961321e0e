/** Places in the order of events, and what is missing between them. Pure. */
import type { EventGap, EventPosition } from "../../model/index.ts";

/** After every event of a version. */
export const LAST_N = 0xff_ff_ff_ff;
/** Gaps that are kept apart; more are joined, the oldest first. */
export const GAPS_MAX = 16;

export const START: EventPosition = { version: 0, n: 0 };

export function isAfter(a: EventPosition, b: EventPosition): boolean {
  return a.version > b.version || (a.version === b.version && a.n > b.n);
}

/** With one more, in order; those that overlap are one. */
export function withGap(gaps: readonly EventGap[], gap: EventGap): readonly EventGap[] {
  const all: EventGap[] = [];
  for (const next of [...gaps, gap].toSorted((a, b) => a.afterVersion - b.afterVersion)) {
    const last = all.at(-1);
    if (last !== undefined && next.afterVersion < last.upToVersion) all[all.length - 1] = joined(last, next);
    else if (next.upToVersion > next.afterVersion) all.push(next);
  }
  while (all.length > GAPS_MAX) {
    const [first, second, ...rest] = all;
    if (first === undefined || second === undefined) break;
    all.splice(0, all.length, joined(first, second), ...rest);
  }
  return all;
}

function joined(a: EventGap, b: EventGap): EventGap {
  const last = a.upToVersion >= b.upToVersion ? a : b;
  return { ...last, afterVersion: Math.min(a.afterVersion, b.afterVersion) };
}
