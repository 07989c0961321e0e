import { CLUSTERS } from "./clusters.ts";
import { ELECTIONS } from "./elections.ts";
import { LOGS } from "./logs.ts";
import { MEMBERS } from "./members.ts";
import type { Mutant } from "./mutant.ts";
import { STATES } from "./states.ts";

export const MUTANTS: readonly Mutant[] = [...ELECTIONS, ...LOGS, ...MEMBERS, ...STATES, ...CLUSTERS];
