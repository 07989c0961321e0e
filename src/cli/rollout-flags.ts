/** `--update-…`, `--rollback-…` and `--canary…`: how changes of a service are rolled out. Names are Docker's. Pure. */
import type { Command } from "commander";
import type { ServiceSpec, UpdateConfig } from "../model/index.ts";
import { parseDurationMs } from "../util/units.ts";
import { usage } from "./exit.ts";
import { choice, count } from "./value-syntax.ts";

export type RolloutFlags = {
  readonly updateParallelism?: string;
  readonly updateDelay?: string;
  readonly updateMonitor?: string;
  readonly updateMaxFailureRatio?: string;
  readonly updateFailureAction?: string;
  readonly updateOrder?: string;
  readonly updateProgressDeadline?: string;
  readonly canary?: string;
  readonly canaryHealthy?: string;
  readonly rollbackParallelism?: string;
  readonly rollbackDelay?: string;
  readonly rollbackMonitor?: string;
  readonly rollbackMaxFailureRatio?: string;
  readonly rollbackFailureAction?: string;
  readonly rollbackOrder?: string;
  readonly rollbackProgressDeadline?: string;
};

export function addRolloutFlags(command: Command): Command {
  return command
    .option("--update-parallelism <n>", "slots replaced at once; 0 is all (1)")
    .option("--update-delay <duration>", "between a slot being ready and the next one (0s)")
    .option("--update-monitor <duration>", "a new task that ends within it has failed (5s)")
    .option("--update-max-failure-ratio <share>", "slots that may fail, 0 to 1 (0)")
    .option("--update-failure-action <action>", "rollback, pause or continue (rollback)")
    .option("--update-order <order>", "start-first, where it is possible, or stop-first (start-first)")
    .option("--update-progress-deadline <duration>", "a new task that gets no further for so long has failed (10m)")
    .option("--canary <n>", "at updates so many slots first, then wait for `service promote`; 0 is none")
    .option("--canary-healthy <duration>", "promote a canary that was ready for so long; 0 is never")
    .option("--rollback-parallelism <n>", "as for updates")
    .option("--rollback-delay <duration>", "as for updates (0s)")
    .option("--rollback-monitor <duration>", "as for updates")
    .option("--rollback-max-failure-ratio <share>", "as for updates")
    .option("--rollback-failure-action <action>", "pause or continue (pause)")
    .option("--rollback-order <order>", "as for updates")
    .option("--rollback-progress-deadline <duration>", "as for updates");
}

type Rollouts = Pick<ServiceSpec, "update" | "rollback">;

export function withRollouts({ update, rollback }: Rollouts, flags: RolloutFlags): Rollouts {
  const updated = withConfig(update, {
    kind: "update",
    base: NEW,
    parallelism: flags.updateParallelism,
    delay: flags.updateDelay,
    monitor: flags.updateMonitor,
    maxFailureRatio: flags.updateMaxFailureRatio,
    failureAction: flags.updateFailureAction,
    order: flags.updateOrder,
    progressDeadline: flags.updateProgressDeadline,
    canary: flags.canary,
    canaryHealthy: flags.canaryHealthy,
  });
  return {
    update: updated,
    rollback: withConfig(rollback, {
      kind: "rollback",
      // What holds while nothing is said of rollbacks: each flag changes its own field of that.
      base: updated === null ? NEW : ownOfRollback(updated),
      parallelism: flags.rollbackParallelism,
      delay: flags.rollbackDelay,
      monitor: flags.rollbackMonitor,
      maxFailureRatio: flags.rollbackMaxFailureRatio,
      failureAction: flags.rollbackFailureAction,
      order: flags.rollbackOrder,
      progressDeadline: flags.rollbackProgressDeadline,
    }),
  };
}

/** As an update is rolled out, but for what a rollback has of its own (ServiceSpec.rollback). */
function ownOfRollback(update: UpdateConfig): UpdateConfig {
  const { delayMs, failureAction, canary, canaryHealthyMs } = NEW;
  return { ...update, delayMs, failureAction, canary, canaryHealthyMs };
}

/** What is not said is the manager's to fill in. */
const NEW: UpdateConfig = {
  order: "START_FIRST",
  delayMs: 0,
  maxFailureRatio: 0,
  failureAction: "DEFAULT",
  progressDeadlineMs: 0,
  canary: 0,
  canaryHealthyMs: 0,
};

type ConfigFlags = {
  readonly kind: "update" | "rollback";
  readonly base: UpdateConfig;
  readonly parallelism: string | undefined;
  readonly delay: string | undefined;
  readonly monitor: string | undefined;
  readonly maxFailureRatio: string | undefined;
  readonly failureAction: string | undefined;
  readonly order: string | undefined;
  readonly progressDeadline?: string | undefined;
  readonly canary?: string | undefined;
  readonly canaryHealthy?: string | undefined;
};

function withConfig(before: UpdateConfig | null, { kind, base, ...flags }: ConfigFlags): UpdateConfig | null {
  const { parallelism, delay, monitor, maxFailureRatio, failureAction, order } = flags;
  const { progressDeadline, canary, canaryHealthy } = flags;
  if (Object.values(flags).every((flag) => flag === undefined)) return before;
  const actions = kind === "update" ? (["ROLLBACK", "PAUSE", "CONTINUE"] as const) : (["PAUSE", "CONTINUE"] as const);
  return {
    ...(before ?? base),
    ...(parallelism === undefined ? {} : { parallelism: count(parallelism, `--${kind}-parallelism`) }),
    ...(delay === undefined ? {} : { delayMs: parseDurationMs(delay, `--${kind}-delay`) }),
    ...(monitor === undefined ? {} : { monitorMs: parseDurationMs(monitor, `--${kind}-monitor`) }),
    ...(maxFailureRatio === undefined
      ? {}
      : { maxFailureRatio: share(maxFailureRatio, `--${kind}-max-failure-ratio`) }),
    ...(failureAction === undefined
      ? {}
      : { failureAction: choice(failureAction, `--${kind}-failure-action`, actions) }),
    ...(order === undefined ? {} : { order: choice(order, `--${kind}-order`, ["START_FIRST", "STOP_FIRST"]) }),
    ...(progressDeadline === undefined
      ? {}
      : { progressDeadlineMs: parseDurationMs(progressDeadline, `--${kind}-progress-deadline`) }),
    // Without a canary it cannot be healthy.
    ...(canary === undefined ? {} : { canary: count(canary, "--canary") }),
    ...(canary === "0" ? { canaryHealthyMs: 0 } : {}),
    ...(canaryHealthy === undefined ? {} : { canaryHealthyMs: parseDurationMs(canaryHealthy, "--canary-healthy") }),
  };
}

function share(text: string, flag: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value > 1) throw usage(`${flag}: "${text}" is not a share from 0 to 1`);
  return value;
}
