/**
 * Simulator (b): a whole cluster (managers, agents, clients, engines) through its real code, from one seed. First a
 * safety phase, in which faults, clients and operators do what they like and the invariants hold; then everything is
 * healed, and the cluster must be as it should within CONVERGE_MS.
 */
import { judge } from "../../support/linearizability/judge.ts";
import { SERVICE } from "../../support/linearizability/models.ts";
import { seeded } from "../../support/sim-env.ts";
import { AppError } from "../../../src/util/errors.ts";
import type { RunSeed, SeedResult } from "../simulator.ts";
import { missing } from "./convergence.ts";
import { Dice } from "./dice.ts";
import { FAULTS } from "./faults/all.ts";
import { Injector } from "./injector.ts";
import { Violation } from "./invariant.ts";
import { INVARIANTS } from "./invariants/all.ts";
import { planOf, planText } from "./plan.ts";
import { WORKLOADS } from "./workloads/all.ts";
import type { Workload } from "./workload.ts";
import { World } from "./world.ts";

/** From the end of all faults until everything runs where it should, simulated. */
export const CONVERGE_MS = 150_000;
const LOOK_MS = 100;
/** It must also stay so. */
const QUIET_MS = 3_000;

export const runSeed: RunSeed = async (seed, { trace = null } = {}) => {
  const plan = planOf(new Dice(seeded(seed, "plan")), FAULTS);
  const world = new World({ seed, plan, trace, invariants: INVARIANTS });
  world.trace(() => planText(plan));
  const fail = (error: unknown): void =>
    world.fail("nothing throws", String(error instanceof Error ? error.stack : error));
  process.on("unhandledRejection", fail);
  let violation: Violation | null = null;
  try {
    await run(world);
  } catch (error) {
    violation =
      error instanceof Violation
        ? error
        : new Violation(nameOf(error), String(error instanceof Error ? error.stack : error));
  } finally {
    process.off("unhandledRejection", fail);
  }
  return resultOf(world, violation);
};

async function run(world: World): Promise<void> {
  const { cluster, plan, sim, coverage } = world;
  await cluster.start(plan);
  const workloads = WORKLOADS.flatMap((make) => make(world));
  const injector = new Injector(world);
  for (const workload of workloads) workload.start();
  injector.start();
  await sim.run(plan.faultyMs);
  for (const workload of workloads) workload.stop();
  world.trace(() => "HEAL");
  injector.heal();
  const healedAt = sim.now;
  await converge(world, workloads);
  coverage.add("converged ms", Math.round(sim.now - healedAt));
  await sim.run(QUIET_MS);
  await converge(world, workloads);
  atEnd(world, workloads);
}

async function converge(world: World, workloads: readonly Workload[]): Promise<void> {
  const until = world.sim.now + CONVERGE_MS;
  for (;;) {
    await world.sim.run(LOOK_MS);
    const busy = workloads.filter((workload) => !workload.isIdle).map(({ name }) => `${name} is busy`);
    const problems = [...busy, ...missing(world)];
    if (problems.length === 0) return;
    if (world.sim.now > until) throw new Violation("a healed cluster converges", problems.join("\n"));
  }
}

function atEnd(world: World, workloads: readonly Workload[]): void {
  const { cluster, history } = world;
  world.atEnd();
  for (const workload of workloads) workload.atEnd?.();
  const hashes = new Set(world.managersOf().map(({ machine }) => cluster.stateHash(machine)));
  if (hashes.size !== 1) throw new Violation("managers hold the same", `${hashes.size} states at one version`);
  try {
    judge(SERVICE, history, { objectOf: (op) => op.input.name, isRead: (op) => op.op === "get" });
  } catch (error) {
    throw new Violation("clients see one order", error instanceof Error ? error.message : String(error));
  }
}

function nameOf(error: unknown): string {
  return error instanceof AppError && error.code === "deadline" ? "a healed cluster converges" : "nothing throws";
}

function resultOf(world: World, violation: Violation | null): SeedResult {
  const { seed, sim, cluster, coverage, history, truth } = world;
  for (const { name } of FAULTS) coverage.expect(`fault ${name}`);
  return {
    seed,
    verdict: violation === null ? "passed" : "failed",
    invariant: violation?.invariant ?? null,
    why: violation?.message ?? null,
    hash: world.digest(),
    counts: {
      events: sim.eventsRun,
      messages: cluster.network.delivered,
      entries: truth.version,
      "simulated s": Math.round(sim.now / 1000),
      "packets lost": world.links.lost,
      ...coverage.counts(),
    },
    history,
  };
}
