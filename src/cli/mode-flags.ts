/** `--mode` and the flags that belong to some modes only. Pure. */
import { DEFAULT_JOB_RETRIES } from "../model/defaults.ts";
import { jobOf, modeOf, type Moded, type ServiceMode } from "../model/service-mode.ts";
import type { Cron, JobPolicy, ReplicatedJob, RestartPolicy } from "../model/index.ts";
import { parseDurationMs } from "../util/units.ts";
import { usage } from "./exit.ts";
import { choice, count } from "./value-syntax.ts";

export type ModeFlags = {
  readonly mode?: string;
  readonly replicas?: string;
  readonly maxConcurrent?: string;
  readonly jobDeadline?: string;
  readonly jobTimeout?: string;
  readonly retries?: string;
  readonly runsKept?: string;
  readonly failedRunsKept?: string;
  readonly cron?: string;
  readonly tz?: string;
  readonly overlap?: string;
  readonly startingDeadline?: string;
};

const JOBS: readonly ServiceMode[] = ["replicated-job", "global-job", "cron"];
/** Which modes a flag says something about; the others refuse it. */
const MODES_OF: Readonly<Record<Exclude<keyof ModeFlags, "mode">, readonly ServiceMode[]>> = {
  replicas: ["replicated", "replicated-job", "cron"],
  maxConcurrent: ["replicated-job", "cron"],
  jobDeadline: JOBS,
  jobTimeout: JOBS,
  retries: JOBS,
  runsKept: JOBS,
  failedRunsKept: JOBS,
  cron: ["cron"],
  tz: ["cron"],
  overlap: ["cron"],
  startingDeadline: ["cron"],
};
const NO_POLICY: JobPolicy = { deadlineMs: 0, taskTimeoutMs: 0 };
const ONE: ReplicatedJob = { totalCompletions: 1, maxConcurrent: 0, policy: null };

/** For a new service, before its other flags. */
export function newMode({ mode, cron }: ModeFlags): Moded {
  const asked = mode ?? (cron === undefined ? "replicated" : "replicated-job");
  const found = choice(asked, "--mode", ["REPLICATED", "GLOBAL", "REPLICATED_JOB", "GLOBAL_JOB"]);
  if (cron !== undefined) return newCron(found);
  switch (found) {
    case "REPLICATED":
      return { mode: "replicated", replicated: { replicas: 1 } };
    case "GLOBAL":
      return { mode: "global", global: {} };
    case "REPLICATED_JOB":
      return { mode: "replicatedJob", replicatedJob: ONE };
    case "GLOBAL_JOB":
      return { mode: "globalJob", globalJob: { policy: null } };
  }
}

function newCron(template: string): Moded {
  const times = { schedule: "", timeZone: "", overlap: "SKIP", startingDeadlineMs: 0, suspended: false } as const;
  switch (template) {
    case "REPLICATED_JOB":
      return { mode: "cron", cron: { ...times, job: "replicated", replicated: ONE } };
    case "GLOBAL_JOB":
      return { mode: "cron", cron: { ...times, job: "global", global: { policy: null } } };
    default:
      throw usage("--cron runs a job", "use --mode replicated-job or global-job, or none");
  }
}

/** What the flags change of the mode a service has. */
export function changedMode(spec: Moded, flags: ModeFlags): Moded {
  refuseOthers(spec, flags);
  switch (modeOf(spec)) {
    case "replicated":
      return flags.replicas === undefined ? {} : { replicated: { replicas: count(flags.replicas, "--replicas") } };
    case "global":
      return {};
    case "replicated-job":
      return { replicatedJob: changedJob(spec.replicatedJob ?? ONE, flags) };
    case "global-job":
      return { globalJob: { policy: changedPolicy(spec.globalJob?.policy ?? null, flags) } };
    case "cron":
      return spec.cron ? { cron: changedCron(spec.cron, flags) } : {};
  }
}

/** `shoal service scale`. */
export function withReplicas(spec: Moded, replicas: number): Moded {
  return changedMode(spec, { replicas: String(replicas) });
}

/** @throws AppError usage for what has no schedule */
export function withSuspended(spec: Moded, suspended: boolean): Moded {
  if (!spec.cron) throw usage(`A ${modeOf(spec)} service has no schedule`, "shoal service ls --filter mode=cron");
  return { cron: { ...spec.cron, suspended } };
}

/** `--retries` in the words of a restart policy. */
export function withRetries(before: RestartPolicy | null, spec: Moded, { retries }: ModeFlags): RestartPolicy | null {
  if (retries === undefined) return before;
  const maxAttempts = count(retries, "--retries");
  const base = before ?? baseRestart(spec);
  return maxAttempts === 0
    ? { ...base, condition: "NONE", maxAttempts, windowMs: 0 }
    : { ...base, condition: "ON_FAILURE", maxAttempts };
}

/** What flags of the restart policy change where nothing was said before. */
export function baseRestart(spec: Moded): RestartPolicy {
  return jobOf(spec) === null
    ? { condition: "ANY", maxAttempts: 0, windowMs: 0 }
    : { condition: "ON_FAILURE", maxAttempts: DEFAULT_JOB_RETRIES, windowMs: 0 };
}

function refuseOthers(spec: Moded, flags: ModeFlags): void {
  const mode = modeOf(spec);
  for (const [flag, modes] of Object.entries(MODES_OF)) {
    const isGiven = new Map(Object.entries(flags)).get(flag) !== undefined;
    if (!isGiven) continue;
    const name = `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (!modes.includes(mode)) throw usage(`${name} is for ${modes.join(" and ")} services, and this is ${mode}`);
    if (spec.cron?.global && (flag === "replicas" || flag === "maxConcurrent"))
      throw usage(`${name} is not for jobs that run on every node`, "say where with --constraint");
  }
}

function changedCron(cron: Cron, flags: ModeFlags): Cron {
  const { cron: schedule, tz, overlap, startingDeadline } = flags;
  return {
    ...cron,
    ...(schedule === undefined ? {} : { schedule }),
    ...(tz === undefined ? {} : { timeZone: tz }),
    ...(overlap === undefined ? {} : { overlap: choice(overlap, "--overlap", ["SKIP", "REPLACE", "ALLOW"]) }),
    ...(startingDeadline === undefined
      ? {}
      : { startingDeadlineMs: parseDurationMs(startingDeadline, "--starting-deadline") }),
    ...(cron.global
      ? { global: { policy: changedPolicy(cron.global.policy, flags) } }
      : { replicated: changedJob(cron.replicated ?? ONE, flags) }),
  };
}

function changedJob(job: ReplicatedJob, flags: ModeFlags): ReplicatedJob {
  const { replicas, maxConcurrent } = flags;
  return {
    totalCompletions: replicas === undefined ? job.totalCompletions : positive(replicas, "--replicas"),
    maxConcurrent: maxConcurrent === undefined ? job.maxConcurrent : count(maxConcurrent, "--max-concurrent"),
    policy: changedPolicy(job.policy, flags),
  };
}

function changedPolicy(before: JobPolicy | null, flags: ModeFlags): JobPolicy {
  const policy = before ?? NO_POLICY;
  const { jobDeadline, jobTimeout, runsKept, failedRunsKept } = flags;
  return {
    ...policy,
    deadlineMs: jobDeadline === undefined ? policy.deadlineMs : parseDurationMs(jobDeadline, "--job-deadline"),
    taskTimeoutMs: jobTimeout === undefined ? policy.taskTimeoutMs : parseDurationMs(jobTimeout, "--job-timeout"),
    ...(runsKept === undefined ? {} : { runsSucceededKept: count(runsKept, "--runs-kept") }),
    ...(failedRunsKept === undefined ? {} : { runsFailedKept: count(failedRunsKept, "--failed-runs-kept") }),
  };
}

/** Where 0 would be the default, and so mean something else than it says. */
function positive(text: string, flag: string): number {
  const value = count(text, flag);
  if (value === 0) throw usage(`${flag}: use at least 1`);
  return value;
}
