/** Service specs as people write them, from dice: modest, demanding, impossible and broken ones. */
import type { CheckInput } from "../../../../src/proto/gen/Check.ts";
import type { MountInput } from "../../../../src/proto/gen/Mount.ts";
import type { ServiceSpecInput } from "../../../../src/proto/gen/ServiceSpec.ts";
import type { TaskSpecInput } from "../../../../src/proto/gen/TaskSpec.ts";
import type { Dice } from "../dice.ts";
import { CRASHES, FINISHES, FLAKY, MISSING, SERVES, UNREADY } from "../images.ts";
import type { Plan } from "../plan.ts";

const GIB = 2 ** 30;
/** The label that says which change made a spec: unique over a run. */
export const VALUE_LABEL = "value";

export type SpecDice = { readonly dice: Dice; readonly plan: Plan };

export function freshSpec({ dice, plan }: SpecDice, name: string, value: string): ServiceSpecInput {
  const kind = dice.chance(plan.tiedShare) ? dice.one("single", "single", "shared", "local", "local") : "free";
  const isOnce = kind === "single" || kind === "shared";
  const task = taskSpec({ dice, plan }, value);
  const replicas = isOnce ? replicasOfSingle(dice) : dice.int(4);
  return {
    name,
    labels: { [VALUE_LABEL]: value },
    replicated: { replicas },
    single: kind === "single",
    update: withCanaryOf(replicas, update(dice)),
    task: kind === "free" ? task : tied(dice, task, kind),
    // What is tied is replaced by its own rules.
    ...(dice.chance(0.1) && kind === "free" ? { nodeLoss: LOSS } : {}),
  };
}

const LOSS = { onReturn: "KEEP_REPLACEMENT", replaceAfterMs: 4_000 } as const;

function withCanaryOf(replicas: number, config: ReturnType<typeof update>): ReturnType<typeof update> {
  const canary = Number(config.canary ?? 0);
  return canary > replicas && replicas > 0 ? { ...config, canary: replicas } : config;
}

function replicasOfSingle(dice: Dice): number {
  return dice.chance(0.85) ? 1 : 0;
}

/** What has data: it mostly serves. */
function tied(dice: Dice, task: TaskSpecInput, kind: "single" | "shared" | "local"): TaskSpecInput {
  const image = dice.chance(0.9) ? `${SERVES}:1` : task.container?.image;
  const { ports: _ports, placement: _placement, ...rest } = task;
  const container = { ...task.container, ...(image === undefined ? {} : { image }) };
  if (kind === "single") return { ...rest, container };
  const mount: MountInput = { type: "VOLUME", source: "data", target: "/data", shared: kind === "shared" };
  return { ...rest, container: { ...container, mounts: [mount] } };
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

function taskSpec({ dice, plan }: SpecDice, value: string): TaskSpecInput {
  const good = [SERVES, SERVES, SERVES, SERVES, SERVES, SERVES, SERVES, SERVES];
  const image = dice.one(CRASHES, FINISHES, MISSING, UNREADY, FLAKY, ...good);
  const isChecked = image === UNREADY || image === FLAKY || dice.chance(0.25);
  return {
    container: {
      image: `${image}:1`,
      env: [`VALUE=${value}`],
      stopGraceMs: dice.one(100, 1_000, 5_000),
      ...(dice.chance(0.25) ? { health: { test: ["CMD", "true"], intervalMs: 1_000 } } : {}),
    },
    restart: legal(restart(dice, image)),
    ...(isChecked ? { checks: checks(dice) } : {}),
    ...(dice.chance(0.35) ? { resources: { reservations: reservations(dice) } } : {}),
    ...(dice.chance(0.35) ? { placement: placement(dice, plan) } : {}),
    ...(dice.chance(0.15) ? { ports: [{ target: 80, published: dice.one(0, 8_080), protocol: "TCP" as const }] } : {}),
  };
}

function checks(dice: Dice): NonNullable<TaskSpecInput["checks"]> {
  const check = (): CheckInput => ({
    command: { command: ["ask"] },
    initialDelayMs: dice.one(0, 0, 300),
    intervalMs: dice.one(200, 500, 1_000),
    timeoutMs: 500,
    failures: dice.one(1, 2, 3),
  });
  return {
    readiness: { ...check(), successes: dice.one(1, 1, 2) },
    ...(dice.chance(0.3) ? { startup: { ...check(), failures: 4 } } : {}),
    ...(dice.chance(0.3) ? { liveness: check() } : {}),
  };
}

function reservations(dice: Dice): NonNullable<NonNullable<TaskSpecInput["resources"]>["reservations"]> {
  const kind = dice.one("gpu", "gpu", "licence");
  return {
    ...(dice.chance(0.5) ? { memoryBytes: dice.one(1, 3, 5) * GIB, nanoCpus: dice.one(1e8, 15e8) } : {}),
    ...(dice.chance(0.6) ? { generic: [{ kind, count: dice.one(1, 1, 2) }] } : {}),
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

/** What is never restarted has no number of attempts. */
function legal(policy: ReturnType<typeof restart>): ReturnType<typeof restart> {
  return policy.condition === "NONE" ? { ...policy, maxAttempts: 0 } : policy;
}

function placement(dice: Dice, plan: Plan): NonNullable<TaskSpecInput["placement"]> {
  const other = `s${1 + dice.int(plan.services)}`;
  const spread = { spread: "node.labels.zone" };
  const affinity = { affinity: { constraint: `service == ${other}`, weight: dice.one(-50, 50) } };
  return {
    constraints: dice.chance(0.5)
      ? [
          dice.one(
            "node.labels.zone == a",
            "node.role == worker",
            "node.labels.zone != b",
            "node.labels.zone in (a, b)",
            `service != ${other}`,
            `service == ${other}`,
          ),
        ]
      : [],
    maxReplicasPerNode: dice.one(0, 1, 2),
    preferences: dice.one([], [spread], [affinity], [spread, affinity]),
  };
}

/** What people change: mostly the number of replicas or the image, now and then everything. */
export function changedSpec(source: SpecDice, before: ServiceSpecInput, value: string): ServiceSpecInput {
  const { dice } = source;
  const spec = { ...before, labels: { ...before.labels, [VALUE_LABEL]: value } };
  const task = before.task ?? {};
  const isOne = Number(before.replicated?.replicas ?? 0) <= 1;
  switch (dice.int(7)) {
    case 0:
    case 1:
      return { ...spec, replicated: { replicas: before.single ? replicasOfSingle(dice) : dice.int(5) } };
    case 2:
    case 3:
      return { ...spec, task: { ...task, container: { ...task.container, env: [`VALUE=${value}`] } } };
    case 4:
      return { ...spec, task: { ...task, forceUpdate: Number(task.forceUpdate ?? 0) + 1 } };
    case 5:
      return isOne ? { ...spec, single: !before.single, nodeLoss: null } : { ...spec, update: update(dice) };
    default:
      return freshSpec(source, before.name ?? "", value);
  }
}
