/** One seed of the Raft simulator: a storm in which everything may fail, then a calm in which everything must work. */
import { AssertionFailure } from "../../../src/util/assert.ts";
import type { RunSeed, SeedOptions, SeedResult } from "../simulator.ts";
import { Calm } from "./calm.ts";
import { Clients } from "./clients.ts";
import { Cluster } from "./cluster.ts";
import { Violation } from "../../support/raft-oracle/invariants.ts";
import { Storm } from "./storm.ts";

export const runSeed: RunSeed = (seed, options = {}) => {
  const { stackTraceLimit } = Error;
  try {
    // Refusals are ordinary here, and half of what an error costs is its stack.
    Error.stackTraceLimit = 0;
    const result = run(seed, options);
    if (result.verdict === "passed") return result;
    // The same once more, this time to be read.
    Error.stackTraceLimit = stackTraceLimit;
    return run(seed);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
};

function run(seed: number, options: SeedOptions = {}): SeedResult {
  const cluster = new Cluster(seed, options);
  const clients = new Clients(cluster);
  let failure: Failure | null = null;
  try {
    cluster.found();
    clients.start();
    new Storm(cluster).run();
    new Calm(cluster, clients).run();
  } catch (error) {
    failure = failureOf(error);
    failure.why += `\nat ${cluster.world.now.toFixed(2)} ms\n${cluster.describe()}`;
  }
  return {
    seed,
    verdict: failure === null ? "passed" : "failed",
    invariant: failure?.invariant ?? null,
    why: failure?.why ?? null,
    hash: cluster.observer.digest(),
    counts: { events: cluster.world.events, ...cluster.observer.counts },
    history: clients.history,
  };
}

type Failure = { readonly invariant: string; why: string };

/** What production code asserts is as good as an invariant; anything else is a bug, here or there. */
function failureOf(error: unknown): Failure {
  if (error instanceof Violation) return { invariant: error.invariant, why: error.message };
  const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { invariant: error instanceof AssertionFailure ? `assertion: ${error.message}` : "exception", why };
}
