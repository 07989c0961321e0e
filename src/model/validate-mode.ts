/** What a service's mode allows and asks for. */
import { checkDuration, checkInteger, checkOneOf } from "./checks.ts";
import { parseSchedule } from "./cron-schedule.ts";
import { jobOf, modeOf } from "./service-mode.ts";
import type { Cron, JobPolicy, ReplicatedJob, ServiceSpec } from "./index.ts";
import { invalid } from "../util/errors.ts";

export const REPLICAS_MAX = 10_000;
export const RUNS_KEPT_MAX = 100;
/** A time is found a moment after it came, longer while another manager is elected. */
export const STARTING_DEADLINE_MS_MIN = 1_000;

export function validateMode(spec: ServiceSpec, path: string): void {
  if (jobOf(spec) !== null) refuseRollout(spec, path);
  switch (modeOf(spec)) {
    case "replicated":
      if (spec.replicated)
        checkInteger(spec.replicated.replicas, `${path}.replicated.replicas`, { min: 0, max: REPLICAS_MAX });
      return;
    case "global":
      return;
    case "replicated-job":
      validateReplicatedJob(spec.replicatedJob, `${path}.replicatedJob`);
      return;
    case "global-job":
      validatePolicy(spec.globalJob?.policy, `${path}.globalJob.policy`);
      return;
    case "cron":
      if (spec.cron) validateCron(spec.cron, `${path}.cron`);
  }
}

function validateReplicatedJob(job: ReplicatedJob | null | undefined, path: string): void {
  if (!job) return;
  checkInteger(job.totalCompletions, `${path}.totalCompletions`, { min: 0, max: REPLICAS_MAX });
  checkInteger(job.maxConcurrent, `${path}.maxConcurrent`, { min: 0, max: REPLICAS_MAX });
  validatePolicy(job.policy, `${path}.policy`);
}

function validatePolicy(policy: JobPolicy | null | undefined, path: string): void {
  if (!policy) return;
  checkDuration(policy.deadlineMs, `${path}.deadlineMs`);
  checkDuration(policy.taskTimeoutMs, `${path}.taskTimeoutMs`);
  if (policy.deadlineMs > 0 && policy.taskTimeoutMs >= policy.deadlineMs) {
    const why = `${policy.taskTimeoutMs} ms is not less than the deadline of the whole run, ${policy.deadlineMs} ms`;
    throw invalid(`${path}.taskTimeoutMs`, why, "shorten it, leave it out, or raise deadlineMs");
  }
  for (const field of ["runsSucceededKept", "runsFailedKept"] as const) {
    const kept = policy[field];
    if (kept !== undefined) checkInteger(kept, `${path}.${field}`, { min: 0, max: RUNS_KEPT_MAX });
  }
}

function validateCron(cron: Cron, path: string): void {
  parseSchedule(cron, path);
  checkOneOf(cron.overlap, `${path}.overlap`, ["SKIP", "REPLACE", "ALLOW"]);
  checkDuration(cron.startingDeadlineMs, `${path}.startingDeadlineMs`);
  if (cron.startingDeadlineMs > 0 && cron.startingDeadlineMs < STARTING_DEADLINE_MS_MIN) {
    const next = `use at least ${STARTING_DEADLINE_MS_MIN} ms, or 0 for the default`;
    throw invalid(`${path}.startingDeadlineMs`, `${cron.startingDeadlineMs} ms is too short`, next);
  }
  validateReplicatedJob(cron.replicated, `${path}.replicated`);
  validatePolicy(cron.global?.policy, `${path}.global.policy`);
}

function refuseRollout(spec: ServiceSpec, path: string): void {
  for (const field of ["update", "rollback"] as const) {
    if (spec[field] === null) continue;
    throw invalid(`${path}.${field}`, "a job is not updated task by task: a changed one starts over", "leave it out");
  }
}
