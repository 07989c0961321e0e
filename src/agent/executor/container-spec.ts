/**
 * From a task to what the engine is told to create. Pure. The option names are the engine API's; everything a spec
 * leaves out is left out here, so that the image's own settings hold.
 */
import type { ContainerSpec, Device, GpuRequest, HealthCheck, LogConfig, Mount, PortSpec } from "../../model/index.ts";
import { slotName, taskName } from "../../model/naming.ts";
import { invalid } from "../../util/errors.ts";
import type { ExecutorOwner, ExecutorTask } from "./executor.ts";
import { identityEnv } from "./task-identity.ts";

/** What marks a container as ours. Nothing without the first two is ever listed, stopped or removed. */
export const LABELS = {
  cluster: "shoal.cluster",
  node: "shoal.node",
  service: "shoal.service",
  serviceName: "shoal.service-name",
  slot: "shoal.slot",
  task: "shoal.task",
  taskName: "shoal.task-name",
  nodeName: "shoal.node-name",
  run: "shoal.run",
} as const;

/** From the stop signal to SIGKILL where the spec says nothing. */
export const STOP_GRACE_MS = 10_000;
export const LOG_DRIVER = "json-file";
/** At most 30 MB of logs a container, unless the spec says otherwise. */
export const LOG_ROTATION = { "max-size": "10m", "max-file": "3" } as const;

const NANOS_PER_MS = 1_000_000;

export type ContainerOptions = {
  Image: string;
  Labels: Record<string, string>;
  Env: string[];
  Entrypoint?: string[];
  Cmd?: string[];
  WorkingDir?: string;
  User?: string;
  Hostname?: string;
  Tty: boolean;
  StopSignal?: string;
  /** Whole seconds: what `docker stop` by hand waits. Our own stop counts in milliseconds. */
  StopTimeout: number;
  Healthcheck?: HealthOptions;
  ExposedPorts?: Record<string, Record<string, never>>;
  HostConfig: HostOptions;
};

export type HealthOptions = {
  Test?: string[];
  Interval?: number;
  Timeout?: number;
  Retries?: number;
  StartPeriod?: number;
  StartInterval?: number;
};

export type HostOptions = {
  RestartPolicy: { Name: "no" };
  LogConfig: { Type: string; Config: Record<string, string> };
  NanoCpus?: number;
  Memory?: number;
  PidsLimit?: number;
  Mounts?: MountOptions[];
  PortBindings?: Record<string, { HostIp: string; HostPort: string }[]>;
  ReadonlyRootfs: boolean;
  Init?: boolean;
  CapAdd?: string[];
  CapDrop?: string[];
  Sysctls?: Record<string, string>;
  ExtraHosts?: string[];
  Devices?: { PathOnHost: string; PathInContainer: string; CgroupPermissions: string }[];
  DeviceCgroupRules?: string[];
  DeviceRequests?: DeviceRequest[];
};

export type DeviceRequest = {
  Driver: string;
  Count: number;
  DeviceIDs: string[];
  /** Sets, of which one must be met whole. */
  Capabilities: string[][];
  Options: Record<string, string>;
};

export type MountOptions = {
  Type: "bind" | "volume" | "tmpfs";
  Source: string;
  Target: string;
  ReadOnly: boolean;
  TmpfsOptions?: { SizeBytes: number };
  VolumeOptions?: { DriverConfig: { Name: string; Options: Record<string, string> } };
};

export function ownerLabels({ clusterId, nodeId }: ExecutorOwner): Record<string, string> {
  return { [LABELS.cluster]: clusterId, [LABELS.node]: nodeId };
}

/** @throws AppError invalid when the task needs something other than a container */
export function containerOptions(task: ExecutorTask, owner: ExecutorOwner): ContainerOptions {
  const container = containerOf(task);
  const healthcheck = container.health === null ? undefined : healthOptions(container.health);
  return {
    Image: container.image,
    Labels: {
      ...container.labels,
      ...ownerLabels(owner),
      [LABELS.service]: task.serviceId,
      [LABELS.serviceName]: task.serviceName,
      [LABELS.slot]: slotName(task),
      [LABELS.task]: task.id,
      [LABELS.taskName]: taskName(task),
      [LABELS.nodeName]: owner.nodeName,
      ...(task.run > 0 && { [LABELS.run]: String(task.run) }),
    },
    Env: withIdentity(container.env, task, owner),
    ...(container.command.length > 0 && { Entrypoint: container.command }),
    ...(container.args.length > 0 && { Cmd: container.args }),
    ...(container.dir !== "" && { WorkingDir: container.dir }),
    ...(container.user !== "" && { User: container.user }),
    ...(container.hostname !== "" && { Hostname: container.hostname }),
    Tty: container.tty,
    ...(container.stopSignal !== "" && { StopSignal: container.stopSignal }),
    StopTimeout: Math.ceil((container.stopGraceMs ?? STOP_GRACE_MS) / 1000),
    ...(healthcheck !== undefined && { Healthcheck: healthcheck }),
    ...(task.spec.ports.length > 0 && { ExposedPorts: exposed(task.spec.ports) }),
    HostConfig: hostOptions(task, container),
  };
}

function withIdentity(env: readonly string[], task: ExecutorTask, owner: ExecutorOwner): string[] {
  const own = new Set(env.map((entry) => entry.split("=", 1)[0]));
  const told = Object.entries(identityEnv(task, owner)).filter(([name]) => !own.has(name));
  return [...told.map(([name, value]) => `${name}=${value}`), ...env];
}

/** @throws AppError invalid */
export function containerOf({ spec }: ExecutorTask): ContainerSpec {
  if (spec.container === undefined || spec.container === null) {
    throw invalid("spec.task", "this node runs containers only", "say what to run in spec.task.container");
  }
  return spec.container;
}

function hostOptions({ spec }: ExecutorTask, container: ContainerSpec): HostOptions {
  const { nanoCpus = 0, memoryBytes = 0 } = spec.resources?.limits ?? {};
  const pidsLimit = spec.resources?.pidsLimit ?? 0;
  return {
    // Restarting is the orchestrator's: an engine that restarts by itself would hide a task's end.
    RestartPolicy: { Name: "no" },
    LogConfig: logOptions(spec.log),
    ...(nanoCpus > 0 && { NanoCpus: nanoCpus }),
    ...(memoryBytes > 0 && { Memory: memoryBytes }),
    ...(pidsLimit > 0 && { PidsLimit: pidsLimit }),
    ...(container.mounts.length > 0 && { Mounts: container.mounts.map(mountOptions) }),
    ...(spec.ports.length > 0 && { PortBindings: bindings(spec.ports) }),
    ReadonlyRootfs: container.readOnly,
    // Absent is the engine's own default, which an operator may have set to true.
    ...(container.init && { Init: true }),
    ...(container.capAdd.length > 0 && { CapAdd: container.capAdd }),
    ...(container.capDrop.length > 0 && { CapDrop: container.capDrop }),
    ...(Object.keys(container.sysctls).length > 0 && { Sysctls: container.sysctls }),
    ...(container.extraHosts.length > 0 && { ExtraHosts: container.extraHosts }),
    ...(container.devices.length > 0 && { Devices: container.devices.map(deviceOptions) }),
    ...(container.deviceCgroupRules.length > 0 && { DeviceCgroupRules: container.deviceCgroupRules }),
    ...(container.gpus !== null && { DeviceRequests: [gpuOptions(container.gpus)] }),
  };
}

function deviceOptions({ source, target, permissions }: Device): NonNullable<HostOptions["Devices"]>[number] {
  return {
    PathOnHost: source,
    PathInContainer: target === "" ? source : target,
    CgroupPermissions: permissions === "" ? "rwm" : permissions,
  };
}

function gpuOptions({ count, deviceIds, capabilities, driver }: GpuRequest): DeviceRequest {
  const wanted = ["gpu", ...capabilities.filter((name) => name !== "gpu")];
  return { Driver: driver, Count: count, DeviceIDs: deviceIds, Capabilities: [wanted], Options: {} };
}

function logOptions(log: LogConfig | null): HostOptions["LogConfig"] {
  const driver = log?.driver ?? "";
  const options = log?.options ?? {};
  if (driver !== "" && driver !== LOG_DRIVER) return { Type: driver, Config: options };
  return { Type: LOG_DRIVER, Config: { ...LOG_ROTATION, ...options } };
}

/** Undefined: nothing said. Zeros mean "as the image, or the engine's default". */
function healthOptions(health: HealthCheck): HealthOptions | undefined {
  const { test, intervalMs, timeoutMs, retries, startPeriodMs, startIntervalMs } = health;
  const options: HealthOptions = {
    ...(test.length > 0 && { Test: test }),
    ...(intervalMs > 0 && { Interval: intervalMs * NANOS_PER_MS }),
    ...(timeoutMs > 0 && { Timeout: timeoutMs * NANOS_PER_MS }),
    ...(retries > 0 && { Retries: retries }),
    ...(startPeriodMs > 0 && { StartPeriod: startPeriodMs * NANOS_PER_MS }),
    ...(startIntervalMs > 0 && { StartInterval: startIntervalMs * NANOS_PER_MS }),
  };
  return Object.keys(options).length === 0 ? undefined : options;
}

function mountOptions({ type, source, target, readOnly, tmpfsSizeBytes, ...volume }: Mount): MountOptions {
  switch (type) {
    case "BIND":
      return { Type: "bind", Source: source, Target: target, ReadOnly: readOnly };
    case "VOLUME":
      return { Type: "volume", Source: source, Target: target, ReadOnly: readOnly, ...volumeOptions(volume) };
    case "TMPFS":
      return {
        Type: "tmpfs",
        // The engine refuses a tmpfs with a source.
        Source: "",
        Target: target,
        ReadOnly: readOnly,
        ...(tmpfsSizeBytes > 0 && { TmpfsOptions: { SizeBytes: tmpfsSizeBytes } }),
      };
  }
}

/** Nothing where nothing is said: the engine's default may be set to another driver. */
function volumeOptions({ driver, driverOptions }: Pick<Mount, "driver" | "driverOptions">): Partial<MountOptions> {
  if (driver === "" && Object.keys(driverOptions).length === 0) return {};
  return { VolumeOptions: { DriverConfig: { Name: driver === "" ? "local" : driver, Options: driverOptions } } };
}

function portKey({ target, protocol }: PortSpec): string {
  return `${target}/${protocol.toLowerCase()}`;
}

function exposed(ports: readonly PortSpec[]): Record<string, Record<string, never>> {
  return Object.fromEntries(ports.map((port) => [portKey(port), {}]));
}

/** One target may be published several times. */
function bindings(ports: readonly PortSpec[]): Record<string, { HostIp: string; HostPort: string }[]> {
  const byKey: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const port of ports) {
    // An empty port is a free one of the engine's choice.
    const binding = { HostIp: port.hostIp, HostPort: port.published === 0 ? "" : String(port.published) };
    (byKey[portKey(port)] ??= []).push(binding);
  }
  return byKey;
}
