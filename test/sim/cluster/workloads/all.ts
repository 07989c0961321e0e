/** Every workload there is. */
import type { MakeWorkload } from "../workload.ts";
import { makeOperators } from "./operator.ts";
import { makeServiceClients } from "./services.ts";
import { makeSteering } from "./steering.ts";
import { makeWatchers } from "./watcher.ts";

export const WORKLOADS: readonly MakeWorkload[] = [makeServiceClients, makeSteering, makeOperators, makeWatchers];
