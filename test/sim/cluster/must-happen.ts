import { FAULTS } from "./faults/all.ts";

/** What must happen over many seeds: without it they would prove nothing. */
export const MUST_HAPPEN: readonly string[] = [
  ...FAULTS.map(({ name }) => `fault ${name}`),
  "writes answered",
  "reads",
  "unknown outcomes",
  "leader changes",
  "node given up",
  "machine replaced",
  "damage recognised",
  "promoted",
  "demoted",
  "node drain",
  "rollout completed",
  "rollout canary",
  "rollout paused",
  "rollout rolled back",
  "rollout rollback paused",
  "steered rollback",
  "watch resumed",
  "watch compacted",
  "packets lost",
];
