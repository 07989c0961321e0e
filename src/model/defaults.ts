/**
 * Fills in what semantics need to be explicit, so that a stored spec says what happens, and brings
 * maps into one order, so that equal specs have equal bytes. Run after validation.
 */
import type {
  ClusterSpec,
  ContainerSpec,
  HealthCheck,
  NodeSpec,
  ProcessSpec,
  RestartPolicy,
  ServiceSpec,
  TaskSpec,
} from "./index.ts";

import { modeOf } from "./service-mode.ts";

export const DEFAULT_REPLICAS = 1;
export const DEFAULT_STOP_GRACE_MS = 10_000;
export const DEFAULT_RESTART_BACKOFF_MAX_MS = 300_000;
export const DEFAULT_UPDATE_PARALLELISM = 1;
export const DEFAULT_HEALTH_INTERVAL_MS = 30_000;
export const DEFAULT_HEALTH_TIMEOUT_MS = 30_000;
export const DEFAULT_HEALTH_RETRIES = 3;
export const DEFAULT_TASK_HISTORY = 5;

export function normaliseServiceSpec(spec: ServiceSpec): ServiceSpec {
  return {
    ...spec,
    labels: sorted(spec.labels),
    ...normaliseMode(spec),
    task: spec.task === null ? null : normaliseTaskSpec(spec.task),
    update: {
      order: spec.update?.order ?? "STOP_FIRST",
      parallelism: orDefault(spec.update?.parallelism ?? 0, DEFAULT_UPDATE_PARALLELISM),
    },
  };
}

function normaliseMode(spec: ServiceSpec): Partial<ServiceSpec> {
  if (modeOf(spec) !== "replicated") return {};
  return { mode: "replicated", replicated: spec.replicated ?? { replicas: DEFAULT_REPLICAS } };
}

export function normaliseTaskSpec(spec: TaskSpec): TaskSpec {
  return {
    ...spec,
    ...(spec.container ? { container: normaliseContainer(spec.container) } : {}),
    ...(spec.process ? { process: normaliseProcess(spec.process) } : {}),
    restart: normaliseRestart(spec.restart),
    log: spec.log === null ? null : { ...spec.log, options: sorted(spec.log.options) },
  };
}

export function normaliseNodeSpec(spec: NodeSpec): NodeSpec {
  return { ...spec, labels: sorted(spec.labels) };
}

export function normaliseClusterSpec(spec: ClusterSpec): ClusterSpec {
  return { ...spec, taskHistoryLimit: orDefault(spec.taskHistoryLimit, DEFAULT_TASK_HISTORY) };
}

function normaliseContainer(spec: ContainerSpec): ContainerSpec {
  return {
    ...spec,
    labels: sorted(spec.labels),
    sysctls: sorted(spec.sysctls),
    stopGraceMs: spec.stopGraceMs ?? DEFAULT_STOP_GRACE_MS,
    _stopGraceMs: "stopGraceMs",
    health: normaliseHealth(spec.health),
  };
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
  return {
    condition: policy?.condition ?? "ANY",
    delayMs: policy?.delayMs ?? 0,
    _delayMs: "delayMs",
    maxAttempts: policy?.maxAttempts ?? 0,
    windowMs: policy?.windowMs ?? 0,
    backoffMaxMs: policy?.backoffMaxMs ?? DEFAULT_RESTART_BACKOFF_MAX_MS,
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

function orDefault(value: number, fallback: number): number {
  return value === 0 ? fallback : value;
}

function sorted(map: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}
