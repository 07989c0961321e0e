/**
 * Fills in what semantics need to be explicit, so that a stored spec says what happens, and brings
 * maps into one order, so that equal specs have equal bytes. Run after validation.
 */
import type {
  Check,
  Cluster,
  ClusterSpec,
  ContainerSpec,
  Cron,
  Device,
  HealthCheck,
  JobPolicy,
  NodeSpec,
  Placement,
  PlacementPreference,
  ProcessSpec,
  ReplicatedJob,
  RestartPolicy,
  ServiceSpec,
  TaskChecks,
  TaskSpec,
  UpdateConfig,
} from "./index.ts";

import { DEFAULT_EVENTS_KEPT, DEFAULT_EVENTS_KEPT_MS } from "./event-limits.ts";
import { DEFAULT_TIME_ZONE, normalSchedule } from "./cron-schedule.ts";
import { clusterLossTimes } from "./node-loss.ts";
import { jobOf, modeOf } from "./service-mode.ts";

export const DEFAULT_REPLICAS = 1;
export const DEFAULT_STOP_GRACE_MS = 10_000;
export const DEFAULT_RESTART_BACKOFF_MAX_MS = 300_000;
export const DEFAULT_UPDATE_PARALLELISM = 1;
export const DEFAULT_UPDATE_MONITOR_MS = 5_000;
export const DEFAULT_UPDATE_DEADLINE_MS = 600_000;
export const DEFAULT_HEALTH_INTERVAL_MS = 30_000;
export const DEFAULT_HEALTH_TIMEOUT_MS = 30_000;
export const DEFAULT_HEALTH_RETRIES = 3;
export const DEFAULT_CHECK_INTERVAL_MS = 10_000;
export const DEFAULT_CHECK_TIMEOUT_MS = 5_000;
export const DEFAULT_CHECK_FAILURES = 3;
/** A minute to start, and a second from being started to being seen so. */
export const DEFAULT_STARTUP_INTERVAL_MS = 1_000;
export const DEFAULT_STARTUP_FAILURES = 60;
export const DEFAULT_TASK_HISTORY = 5;
/** Of each task of a job. */
export const DEFAULT_JOB_RETRIES = 3;
export const DEFAULT_JOB_RETRY_DELAY_MS = 5_000;
/** Of those that succeeded, and of the others. */
export const DEFAULT_RUNS_KEPT = 5;
export const DEFAULT_STRATEGY = "SPREAD";
export const DEFAULT_AFFINITY_WEIGHT = 50;
export const DEFAULT_STARTING_DEADLINE_MS = 300_000;

export function normaliseServiceSpec(spec: ServiceSpec): ServiceSpec {
  const isJob = jobOf(spec) !== null;
  return {
    ...spec,
    labels: sorted(spec.labels),
    ...normaliseMode(spec),
    task: spec.task === null ? null : normaliseTaskSpec(isJob ? asJobTask(spec.task) : spec.task),
    update: isJob ? null : normaliseUpdate(spec.update, "ROLLBACK"),
    rollback: spec.rollback === null ? null : normaliseUpdate(spec.rollback, "PAUSE"),
  };
}

function normaliseMode(spec: ServiceSpec): Partial<ServiceSpec> {
  switch (modeOf(spec)) {
    case "replicated":
      return { mode: "replicated", replicated: spec.replicated ?? { replicas: DEFAULT_REPLICAS } };
    case "global":
      return {};
    case "replicated-job":
      return { replicatedJob: normaliseReplicatedJob(spec.replicatedJob) };
    case "global-job":
      return { globalJob: { policy: normalisePolicy(spec.globalJob?.policy) } };
    case "cron":
      return spec.cron ? { cron: normaliseCron(spec.cron) } : {};
  }
}

function normaliseReplicatedJob(job: ReplicatedJob | null | undefined): ReplicatedJob {
  return {
    totalCompletions: orDefault(job?.totalCompletions ?? 0, 1),
    maxConcurrent: job?.maxConcurrent ?? 0,
    policy: normalisePolicy(job?.policy),
  };
}

function normaliseCron(cron: Cron): Cron {
  return {
    ...cron,
    schedule: normalSchedule(cron.schedule),
    timeZone: cron.timeZone === "" ? DEFAULT_TIME_ZONE : cron.timeZone,
    startingDeadlineMs: orDefault(cron.startingDeadlineMs, DEFAULT_STARTING_DEADLINE_MS),
    ...(cron.global
      ? { job: "global", global: { policy: normalisePolicy(cron.global.policy) } }
      : { job: "replicated", replicated: normaliseReplicatedJob(cron.replicated) }),
  };
}

function normalisePolicy(policy: JobPolicy | null | undefined): JobPolicy {
  return {
    deadlineMs: policy?.deadlineMs ?? 0,
    taskTimeoutMs: policy?.taskTimeoutMs ?? 0,
    runsSucceededKept: policy?.runsSucceededKept ?? DEFAULT_RUNS_KEPT,
    _runsSucceededKept: "runsSucceededKept",
    runsFailedKept: policy?.runsFailedKept ?? DEFAULT_RUNS_KEPT,
    _runsFailedKept: "runsFailedKept",
  };
}

/** What completed is never run again, and what fails is not tried for ever unless that was asked for. */
function asJobTask(spec: TaskSpec): TaskSpec {
  const { restart } = spec;
  const condition = restart?.condition === "NONE" ? "NONE" : "ON_FAILURE";
  const maxAttempts = restart?.maxAttempts ?? DEFAULT_JOB_RETRIES;
  const delayMs = restart?.delayMs ?? DEFAULT_JOB_RETRY_DELAY_MS;
  return { ...spec, restart: { windowMs: 0, ...restart, condition, maxAttempts, delayMs } };
}

function normaliseUpdate(config: UpdateConfig | null, action: UpdateConfig["failureAction"]): UpdateConfig {
  const failureAction = config?.failureAction ?? "DEFAULT";
  return {
    parallelism: config?.parallelism ?? DEFAULT_UPDATE_PARALLELISM,
    _parallelism: "parallelism",
    order: config?.order ?? "START_FIRST",
    delayMs: config?.delayMs ?? 0,
    monitorMs: config?.monitorMs ?? DEFAULT_UPDATE_MONITOR_MS,
    _monitorMs: "monitorMs",
    maxFailureRatio: config?.maxFailureRatio ?? 0,
    failureAction: failureAction === "DEFAULT" ? action : failureAction,
    progressDeadlineMs: orDefault(config?.progressDeadlineMs ?? 0, DEFAULT_UPDATE_DEADLINE_MS),
    canary: config?.canary ?? 0,
    canaryHealthyMs: config?.canaryHealthyMs ?? 0,
  };
}

export function normaliseTaskSpec(spec: TaskSpec): TaskSpec {
  return {
    ...spec,
    ...(spec.container ? { container: normaliseContainer(spec.container) } : {}),
    ...(spec.process ? { process: normaliseProcess(spec.process) } : {}),
    restart: normaliseRestart(spec.restart),
    placement: normalisePlacement(spec.placement),
    log: spec.log === null ? null : { ...spec.log, options: sorted(spec.log.options) },
    checks: normaliseChecks(spec.checks),
  };
}

export function normaliseNodeSpec(spec: NodeSpec): NodeSpec {
  return { ...spec, labels: sorted(spec.labels) };
}

export function normaliseClusterSpec(spec: ClusterSpec): ClusterSpec {
  const { silentMs, closedMs } = clusterLossTimes(spec);
  return {
    ...spec,
    taskHistoryLimit: spec.taskHistoryLimit ?? DEFAULT_TASK_HISTORY,
    _taskHistoryLimit: "taskHistoryLimit",
    replaceAfterMs: silentMs,
    replaceClosedAfterMs: closedMs,
    strategy: spec.strategy === "DEFAULT" ? DEFAULT_STRATEGY : spec.strategy,
    eventsKeptMs: orDefault(spec.eventsKeptMs, DEFAULT_EVENTS_KEPT_MS),
    eventsKept: orDefault(spec.eventsKept, DEFAULT_EVENTS_KEPT),
  };
}

/** For services that name no strategy. */
export function clusterStrategy(clusters: Iterable<Cluster>): "SPREAD" | "BINPACK" {
  for (const { spec } of clusters) if (spec !== null && spec.strategy !== "DEFAULT") return spec.strategy;
  return DEFAULT_STRATEGY;
}

function normalisePlacement(placement: Placement | null): Placement | null {
  if (placement === null || placement.preferences.length === 0) return placement;
  const preferences = placement.preferences.map(({ affinity, ...rest }): PlacementPreference =>
    affinity
      ? {
          preference: "affinity",
          affinity: { ...affinity, weight: orDefault(affinity.weight, DEFAULT_AFFINITY_WEIGHT) },
        }
      : rest,
  );
  return { ...placement, preferences };
}

function normaliseContainer(spec: ContainerSpec): ContainerSpec {
  return {
    ...spec,
    labels: sorted(spec.labels),
    sysctls: sorted(spec.sysctls),
    mounts: spec.mounts.map((mount) => ({ ...mount, driverOptions: sorted(mount.driverOptions) })),
    devices: spec.devices.map(normaliseDevice),
    stopGraceMs: spec.stopGraceMs ?? DEFAULT_STOP_GRACE_MS,
    _stopGraceMs: "stopGraceMs",
    health: normaliseHealth(spec.health),
  };
}

function normaliseDevice({ source, target, permissions }: Device): Device {
  return { source, target: target === "" ? source : target, permissions: permissions === "" ? "rwm" : permissions };
}

function normaliseProcess(spec: ProcessSpec): ProcessSpec {
  return {
    ...spec,
    stopGraceMs: spec.stopGraceMs ?? DEFAULT_STOP_GRACE_MS,
    _stopGraceMs: "stopGraceMs",
    health: normaliseHealth(spec.health),
  };
}

function normaliseRestart(policy: RestartPolicy | null): RestartPolicy {
  const delayMs = policy?.delayMs ?? 0;
  return {
    condition: policy?.condition ?? "ANY",
    delayMs,
    _delayMs: "delayMs",
    maxAttempts: policy?.maxAttempts ?? 0,
    windowMs: policy?.windowMs ?? 0,
    backoffMaxMs: policy?.backoffMaxMs ?? Math.max(delayMs, DEFAULT_RESTART_BACKOFF_MAX_MS),
    _backoffMaxMs: "backoffMaxMs",
  };
}

/** Without a test of its own, zeros mean the image's values; ["NONE"] needs none. */
function normaliseHealth(health: HealthCheck | null): HealthCheck | null {
  if (health === null || health.test.length === 0 || health.test[0] === "NONE") return health;
  return {
    ...health,
    intervalMs: orDefault(health.intervalMs, DEFAULT_HEALTH_INTERVAL_MS),
    timeoutMs: orDefault(health.timeoutMs, DEFAULT_HEALTH_TIMEOUT_MS),
    retries: orDefault(health.retries, DEFAULT_HEALTH_RETRIES),
  };
}

/** Without any of them it is as if nothing had been said. */
function normaliseChecks(checks: TaskChecks | null): TaskChecks | null {
  if (checks === null) return null;
  const { startup, readiness, liveness } = checks;
  if (startup === null && readiness === null && liveness === null) return null;
  const often = { intervalMs: DEFAULT_STARTUP_INTERVAL_MS, failures: DEFAULT_STARTUP_FAILURES };
  const seldom = { intervalMs: DEFAULT_CHECK_INTERVAL_MS, failures: DEFAULT_CHECK_FAILURES };
  return {
    startup: startup && normaliseCheck(startup, often),
    readiness: readiness && normaliseCheck(readiness, seldom),
    liveness: liveness && normaliseCheck(liveness, seldom),
  };
}

function normaliseCheck(check: Check, defaults: { intervalMs: number; failures: number }): Check {
  const { http } = check;
  return {
    ...check,
    ...(http ? { http: { ...http, path: http.path === "" ? "/" : http.path, headers: sorted(http.headers) } } : {}),
    intervalMs: orDefault(check.intervalMs, defaults.intervalMs),
    timeoutMs: orDefault(check.timeoutMs, DEFAULT_CHECK_TIMEOUT_MS),
    failures: orDefault(check.failures, defaults.failures),
    successes: orDefault(check.successes, 1),
  };
}

function orDefault(value: number, fallback: number): number {
  return value === 0 ? fallback : value;
}

function sorted(map: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}
