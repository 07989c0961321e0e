/** How long events are kept: what goes first of age and number. */
import { checkInteger } from "./checks.ts";
import type { ClusterSpec } from "./index.ts";

const HOUR_MS = 3_600_000;

export const DEFAULT_EVENTS_KEPT_MS = 7 * 24 * HOUR_MS;
export const EVENTS_KEPT_MS_MIN = HOUR_MS;
export const EVENTS_KEPT_MS_MAX = 366 * 24 * HOUR_MS;
/** About 20 MiB on each manager's disk. */
export const DEFAULT_EVENTS_KEPT = 100_000;
export const EVENTS_KEPT_MIN = 1_000;
export const EVENTS_KEPT_MAX = 1_000_000;

type Spec = Pick<ClusterSpec, "eventsKeptMs" | "eventsKept">;

export type EventLimits = { readonly keptMs: number; readonly kept: number };

export function eventLimits(spec: Spec | null | undefined): EventLimits {
  return { keptMs: spec?.eventsKeptMs || DEFAULT_EVENTS_KEPT_MS, kept: spec?.eventsKept || DEFAULT_EVENTS_KEPT };
}

/** 0 is the default. */
export function validateEventLimits({ eventsKeptMs, eventsKept }: Spec, path: string): void {
  if (eventsKeptMs !== 0)
    checkInteger(eventsKeptMs, `${path}.eventsKeptMs`, { min: EVENTS_KEPT_MS_MIN, max: EVENTS_KEPT_MS_MAX });
  if (eventsKept !== 0) checkInteger(eventsKept, `${path}.eventsKept`, { min: EVENTS_KEPT_MIN, max: EVENTS_KEPT_MAX });
}
