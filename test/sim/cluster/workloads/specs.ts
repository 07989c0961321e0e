/** Service specs as people write them, from dice: modest, demanding, impossible and broken ones. */
import type { ServiceSpecInput } from "../../../../src/proto/gen/ServiceSpec.ts";
import type { TaskSpecInput } from "../../../../src/proto/gen/TaskSpec.ts";
import type { Dice } from "../dice.ts";
import { CRASHES, FINISHES, MISSING, SERVES } from "../images.ts";

const GIB = 2 ** 30;
/** The label that says which change made a spec: unique over a run. */
export const VALUE_LABEL = "value";

export function freshSpec(dice: Dice, name: string, value: string): ServiceSpecInput {
  return {
    name,
    labels: { [VALUE_LABEL]: value },
    replicated: { replicas: dice.int(4) },
    update: update(dice),
    task: taskSpec(dice, value),
  };
}

function update(dice: Dice): NonNullable<ServiceSpecInput["update"]> {
  return {
    parallelism: dice.int(3),
    order: dice.one("STOP_FIRST", "START_FIRST"),
    delayMs: dice.one(0, 0, 500),
    monitorMs: dice.one(0, 500, 5_000),
    maxFailureRatio: dice.one(0, 0, 0.5),
    failureAction: dice.one("DEFAULT", "ROLLBACK", "PAUSE", "CONTINUE"),
    progressDeadlineMs: dice.one(0, 0, 5_000),
    ...(dice.chance(0.2) ? { canary: 1 + dice.int(2), canaryHealthyMs: dice.one(0, 2_000) } : {}),
  };
}

function taskSpec(dice: Dice, value: string): TaskSpecInput {
  const image = dice.one(SERVES, SERVES, SERVES, SERVES, SERVES, SERVES, CRASHES, FINISHES, MISSING);
  return {
    container: {
      image: `${image}:1`,
      env: [`VALUE=${value}`],
      stopGraceMs: dice.one(100, 1_000, 5_000),
      ...(dice.chance(0.25) ? { health: { test: ["CMD", "true"], intervalMs: 1_000 } } : {}),
    },
    restart: restart(dice, image),
    ...(dice.chance(0.2)
      ? { resources: { reservations: { memoryBytes: dice.one(1, 3, 5) * GIB, nanoCpus: 1e8 } } }
      : {}),
    ...(dice.chance(0.25) ? { placement: placement(dice) } : {}),
    ...(dice.chance(0.15) ? { ports: [{ target: 80, published: dice.one(0, 8_080), protocol: "TCP" as const }] } : {}),
  };
}

function restart(dice: Dice, image: string): NonNullable<TaskSpecInput["restart"]> {
  return {
    condition: image === FINISHES ? dice.one("ANY", "ON_FAILURE") : dice.one("ANY", "ANY", "ON_FAILURE", "NONE"),
    delayMs: dice.one(0, 100, 1_000),
    maxAttempts: dice.one(0, 0, 0, 1, 3),
    windowMs: 0,
  };
}

function placement(dice: Dice): NonNullable<TaskSpecInput["placement"]> {
  return {
    constraints: dice.chance(0.5)
      ? [dice.one("node.labels.zone == a", "node.role == worker", "node.labels.zone != b")]
      : [],
    maxReplicasPerNode: dice.one(0, 1, 2),
  };
}

/** What people change: mostly the number of replicas or the image, now and then everything. */
export function changedSpec(dice: Dice, before: ServiceSpecInput, value: string): ServiceSpecInput {
  const spec = { ...before, labels: { ...before.labels, [VALUE_LABEL]: value } };
  const task = before.task ?? {};
  switch (dice.int(6)) {
    case 0:
    case 1:
      return { ...spec, replicated: { replicas: dice.int(5) } };
    case 2:
    case 3:
      return { ...spec, task: { ...task, container: { ...task.container, env: [`VALUE=${value}`] } } };
    case 4:
      return { ...spec, task: { ...task, forceUpdate: Number(task.forceUpdate ?? 0) + 1 } };
    default:
      return freshSpec(dice, before.name ?? "", value);
  }
}
