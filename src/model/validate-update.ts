/** What may be asked of rollouts. */
import { checkDuration, checkInteger, checkOneOf } from "./checks.ts";
import { REPLICAS_MAX } from "./validate-mode.ts";
import type { ServiceSpec, UpdateConfig } from "./index.ts";
import { invalid } from "../util/errors.ts";

/** Shorter ones would fail what only takes its time to start. */
export const PROGRESS_DEADLINE_MS_MIN = 1000;

export function validateRollouts({ update, rollback }: ServiceSpec, path: string): void {
  if (update !== null) validateUpdate(update, `${path}.update`);
  if (rollback === null) return;
  const here = `${path}.rollback`;
  validateUpdate(rollback, here);
  if (rollback.failureAction === "ROLLBACK") {
    throw invalid(`${here}.failureAction`, "a rollback is not rolled back", "use PAUSE or CONTINUE");
  }
  if (rollback.canary > 0) throw invalid(`${here}.canary`, "a rollback has no canary", "leave it out");
}

function validateUpdate(config: UpdateConfig, path: string): void {
  checkInteger(config.parallelism ?? 0, `${path}.parallelism`, { min: 0, max: REPLICAS_MAX });
  checkOneOf(config.order, `${path}.order`, ["START_FIRST", "STOP_FIRST"]);
  checkDuration(config.delayMs, `${path}.delayMs`);
  checkDuration(config.monitorMs ?? 0, `${path}.monitorMs`);
  if (!(config.maxFailureRatio >= 0 && config.maxFailureRatio <= 1)) {
    throw invalid(`${path}.maxFailureRatio`, `${config.maxFailureRatio} is out of range`, "use a share from 0 to 1");
  }
  checkOneOf(config.failureAction, `${path}.failureAction`, ["DEFAULT", "ROLLBACK", "PAUSE", "CONTINUE"]);
  checkDuration(config.progressDeadlineMs, `${path}.progressDeadlineMs`);
  if (config.progressDeadlineMs > 0 && config.progressDeadlineMs < PROGRESS_DEADLINE_MS_MIN) {
    throw invalid(
      `${path}.progressDeadlineMs`,
      `${config.progressDeadlineMs} ms is too short`,
      `use at least ${PROGRESS_DEADLINE_MS_MIN} ms, or 0 for the default of 10 minutes`,
    );
  }
  checkInteger(config.canary, `${path}.canary`, { min: 0, max: REPLICAS_MAX });
  checkDuration(config.canaryHealthyMs, `${path}.canaryHealthyMs`);
  if (config.canaryHealthyMs > 0 && config.canary === 0) {
    throw invalid(`${path}.canaryHealthyMs`, "there is no canary", "say how many tasks it has: update.canary");
  }
}
