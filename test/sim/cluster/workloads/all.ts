/** Every workload there is. */
import type { MakeWorkload } from "../workload.ts";
import { makeOperators } from "./operator.ts";
import { makeServiceClients } from "./services.ts";
import { makeWatchers } from "./watcher.ts";

export const WORKLOADS: readonly MakeWorkload[] = [makeServiceClients, makeOperators, makeWatchers];
