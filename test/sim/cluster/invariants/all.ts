/** Every invariant there is, besides those that SimCluster (equal entries) and the end of a run (run-seed.ts) look at. */
import type { MakeInvariant } from "../invariant.ts";
import { assignments } from "./assignments.ts";
import { blips } from "./blips.ts";
import { bounds } from "./bounds.ts";
import { drains } from "./drains.ts";
import { boundedHistory } from "./history.ts";
import { jobDeadlines } from "./job-deadlines.ts";
import { jobs } from "./jobs.ts";
import { leaders } from "./leaders.ts";
import { pinned } from "./pinned.ts";
import { placement } from "./placement.ts";
import { requestsOnce } from "./requests.ts";
import { reservations } from "./reservations.ts";
import { restarts } from "./restarts.ts";
import { rolloutPace } from "./rollout-pace.ts";
import { rolloutTurns } from "./rollout-turns.ts";
import { rollouts } from "./rollouts.ts";
import { singles } from "./singles.ts";
import { standIns } from "./stand-ins.ts";
import { statesRise } from "./states.ts";

export const INVARIANTS: readonly MakeInvariant[] = [
  statesRise,
  placement,
  reservations,
  singles,
  pinned,
  rollouts,
  rolloutPace,
  rolloutTurns,
  restarts,
  jobs,
  jobDeadlines,
  assignments,
  blips,
  standIns,
  drains,
  boundedHistory,
  requestsOnce,
  leaders,
  bounds,
];
