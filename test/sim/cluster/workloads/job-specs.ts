/** Jobs and schedules as people write them, from dice: quick ones, hopeless ones, and such that run out of time. */
import type { CronInput } from "../../../../src/proto/gen/Cron.ts";
import type { ReplicatedJobInput } from "../../../../src/proto/gen/ReplicatedJob.ts";
import type { ServiceSpecInput } from "../../../../src/proto/gen/ServiceSpec.ts";
import type { TaskSpecInput } from "../../../../src/proto/gen/TaskSpec.ts";
import type { Dice } from "../dice.ts";
import { CRASHES, FINISHES, MISSING, SERVES } from "../images.ts";
import { VALUE_LABEL } from "./specs.ts";

const SCHEDULES = ["*/2 * * * * *", "*/5 * * * * *", "*/10 * * * * *"] as const;

/** A name says which mode it has, as that never changes: `job1`, `cron2`. */
export function isJobName(name: string): boolean {
  return name.startsWith("job") || name.startsWith("cron");
}

export function freshJob(dice: Dice, name: string, value: string): ServiceSpecInput {
  const work = replicatedJob(dice);
  return {
    name,
    labels: { [VALUE_LABEL]: value },
    ...(name.startsWith("job") ? { replicatedJob: work } : { cron: cron(dice, work) }),
    task: taskSpec(dice, value),
  };
}

export function changedJob(dice: Dice, before: ServiceSpecInput, value: string): ServiceSpecInput {
  const spec = { ...before, labels: { ...before.labels, [VALUE_LABEL]: value } };
  const { cron: schedule } = before;
  switch (dice.int(4)) {
    case 0:
      return { ...spec, task: { ...before.task, container: { ...before.task?.container, env: [`VALUE=${value}`] } } };
    case 1:
      return schedule
        ? { ...spec, cron: { ...schedule, suspended: !schedule.suspended } }
        : freshJob(dice, before.name ?? "", value);
    case 2:
      return schedule ? { ...spec, cron: { ...schedule, schedule: dice.one(...SCHEDULES) } } : spec;
    default:
      return freshJob(dice, before.name ?? "", value);
  }
}

function replicatedJob(dice: Dice): ReplicatedJobInput {
  return {
    totalCompletions: 1 + dice.int(4),
    maxConcurrent: dice.int(3),
    policy: {
      deadlineMs: dice.one(0, 0, 4_000, 12_000),
      taskTimeoutMs: dice.one(0, 0, 1_500),
      runsSucceededKept: dice.int(3),
      runsFailedKept: dice.int(3),
    },
  };
}

function cron(dice: Dice, replicated: ReplicatedJobInput): CronInput {
  return {
    schedule: dice.one(...SCHEDULES),
    overlap: dice.one("SKIP", "REPLACE", "ALLOW"),
    startingDeadlineMs: dice.one(0, 1_000, 5_000),
    suspended: dice.chance(0.1),
    replicated,
  };
}

function taskSpec(dice: Dice, value: string): TaskSpecInput {
  const image = dice.one(FINISHES, FINISHES, FINISHES, FINISHES, CRASHES, SERVES, MISSING);
  return {
    container: {
      image: `${image}:1`,
      env: [`VALUE=${value}`],
      stopGraceMs: dice.one(100, 1_000),
      ...(dice.chance(0.2) ? { mounts: [{ type: "VOLUME" as const, source: "work", target: "/work" }] } : {}),
    },
    restart: { condition: "ON_FAILURE", delayMs: dice.one(0, 100, 1_000), maxAttempts: dice.one(0, 1, 3) },
    ...(dice.chance(0.2) ? { resources: { reservations: { generic: [{ kind: "licence", count: 1 }] } } } : {}),
  };
}
