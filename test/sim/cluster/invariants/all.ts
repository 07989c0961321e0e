/** Every invariant there is, besides those that SimCluster (equal entries) and the end of a run (run-seed.ts) look at. */
import type { MakeInvariant } from "../invariant.ts";
import { assignments } from "./assignments.ts";
import { blips } from "./blips.ts";
import { bounds } from "./bounds.ts";
import { boundedHistory } from "./history.ts";
import { leaders } from "./leaders.ts";
import { placement } from "./placement.ts";
import { requestsOnce } from "./requests.ts";
import { rollouts } from "./rollouts.ts";
import { statesRise } from "./states.ts";

export const INVARIANTS: readonly MakeInvariant[] = [
  statesRise,
  placement,
  rollouts,
  assignments,
  blips,
  boundedHistory,
  requestsOnce,
  leaders,
  bounds,
];
