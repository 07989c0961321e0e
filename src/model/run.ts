/** Rules of a job's runs: how one begins, which are remembered. Pure. */
import { DEFAULT_RUNS_KEPT } from "./defaults.ts";
import { jobOf } from "./service-mode.ts";
import type { Cause, JobPolicy, Run, RunState, Service } from "./index.ts";

/** Runs of one cron service that may be open at once where the overlap is allowed. */
export const RUNS_OPEN_MAX = 20;
/** Skipped and missed times that are remembered; those in a row are one. */
export const RUN_GAPS_KEPT = 10;

export const RUN_STATES = [
  "RUNNING",
  "SUCCEEDED",
  "FAILED",
  "TIMED_OUT",
  "STOPPED",
  "SKIPPED",
  "MISSED",
] as const satisfies readonly RunState[];

/** As people write it: `timed-out`. */
export function runStateText(state: RunState): string {
  return state.toLowerCase().replace("_", "-");
}

export function runId(serviceId: string, number: number): string {
  return `${serviceId}/${number}`;
}

export function isOpen(run: Run): boolean {
  return run.state === "RUNNING";
}

/** Stands for times at which nothing was run. */
export function isGap(run: Run): boolean {
  return run.state === "SKIPPED" || run.state === "MISSED";
}

export function newestRun(runs: readonly Run[]): Run | undefined {
  return runs.reduce<Run | undefined>((newest, run) => (run.number > (newest?.number ?? 0) ? run : newest), undefined);
}

export type NewRun = {
  readonly service: Service;
  /** All that is known of the service. */
  readonly runs: readonly Run[];
  readonly cause: Cause;
  /** 0 for none. */
  readonly scheduledAtMs: number;
  readonly nowMs: number;
};

/** The next run of a service, open and without a task. */
export function newRun({ service, runs, cause, scheduledAtMs, nowMs }: NewRun): Run {
  const before = newestRun(runs);
  const number = (before?.number ?? 0) + 1;
  const template = jobOf(service.spec);
  const deadlineMs = template?.policy.deadlineMs ?? 0;
  return {
    id: runId(service.id, number),
    meta: null,
    serviceId: service.id,
    serviceName: service.spec?.name ?? "",
    number,
    revision: service.revision,
    state: "RUNNING",
    message: "",
    cause,
    scheduledAtMs,
    startedAtMs: nowMs,
    finishedAtMs: 0,
    deadlineAtMs: deadlineMs > 0 ? nowMs + deadlineMs : 0,
    wanted: template?.replicated?.total ?? 0,
    completed: 0,
    failures: 0,
    times: 0,
    skippedTotal: before?.skippedTotal ?? 0,
    missedTotal: before?.missedTotal ?? 0,
  };
}

/**
 * Runs beyond what is to be remembered, the oldest of each kind; never an open one, nor the newest, which counts on, nor
 * the one of the latest scheduled time: it is all that tells that times up to there were dealt with.
 */
export function forgottenRuns(runs: readonly Run[], policy: JobPolicy | null): readonly Run[] {
  const left = {
    succeeded: policy?.runsSucceededKept ?? DEFAULT_RUNS_KEPT,
    failed: policy?.runsFailedKept ?? DEFAULT_RUNS_KEPT,
    gap: RUN_GAPS_KEPT,
  };
  const decidedMs = Math.max(0, ...runs.map(({ scheduledAtMs }) => scheduledAtMs));
  const forgotten: Run[] = [];
  for (const [at, run] of runs.toSorted((a, b) => b.number - a.number).entries()) {
    if (isOpen(run)) continue;
    const kind = isGap(run) ? "gap" : run.state === "SUCCEEDED" ? "succeeded" : "failed";
    left[kind] -= 1;
    const isLatestTime = run.scheduledAtMs > 0 && run.scheduledAtMs === decidedMs;
    if (left[kind] < 0 && at > 0 && !isLatestTime) forgotten.push(run);
  }
  return forgotten;
}
