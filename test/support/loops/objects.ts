/** Nodes, task specs and services for tests of the leader's loops: valid, and small. */
import type {
  ClusterSpec,
  Cron,
  GenericResource,
  GpuRequest,
  JobPolicy,
  NodeLoss,
  Node,
  Placement,
  RestartPolicy,
  Service,
  ServiceSpec,
  Task,
  TaskSpec,
  TaskStatus,
  UpdateConfig,
} from "../../../src/model/index.ts";
import { PROTOCOLS } from "../../../src/model/protocol.ts";
import type { UpdateConfigInput } from "../../../src/proto/gen/UpdateConfig.ts";
import { aNode, aService, aTask } from "../store/objects.ts";

export const MEBIBYTE = 2 ** 20;

export type NodePart = {
  readonly state?: NonNullable<Node["status"]>["state"];
  readonly availability?: NonNullable<Node["spec"]>["availability"];
  readonly labels?: Record<string, string>;
  readonly runtimes?: string[];
  readonly engineId?: string;
  readonly cpus?: number;
  readonly memoryMiB?: number;
  readonly os?: string;
  readonly architecture?: string;
  readonly sinceMs?: number;
  readonly agentEpoch?: number;
  readonly engineMessage?: string;
  readonly silence?: NonNullable<Node["status"]>["silence"];
  readonly engineSinceMs?: number;
  readonly drainSinceMs?: number;
  readonly generic?: GenericResource[];
  readonly engineLabels?: Record<string, string>;
  readonly deviceDrivers?: string[];
  readonly logDrivers?: string[];
};

export function node(id: string, part: NodePart = {}): Node {
  return aNode({
    id,
    spec: {
      name: id,
      labels: part.labels ?? {},
      availability: part.availability ?? "ACTIVE",
      drainDeadlineMs: 0,
      drainParallelism: 0,
    },
    address: `10.0.0.${id.replace(/\D/g, "") || "1"}:7377`,
    description: {
      hostname: `${id}.example`,
      platform: { os: part.os ?? "linux", architecture: part.architecture ?? "amd64" },
      resources: {
        nanoCpus: (part.cpus ?? 8) * 1e9,
        memoryBytes: (part.memoryMiB ?? 8192) * MEBIBYTE,
        generic: part.generic ?? [],
      },
      runtimes: part.runtimes ?? ["container"],
      engineId: part.engineId ?? `engine-${id}`,
      engineLabels: part.engineLabels ?? {},
      engineVersion: "24",
      shoalVersion: "0",
      fullPaths: [],
      fillingPaths: [],
      protocolMin: 1,
      protocolMax: PROTOCOLS.max,
      deviceDrivers: part.deviceDrivers ?? [],
      logDrivers: part.logDrivers ?? [],
      ip: "",
    },
    status: {
      state: part.state ?? "READY",
      message: "",
      sinceMs: part.sinceMs ?? 0,
      engineOk: part.engineMessage === undefined,
      engineMessage: part.engineMessage ?? "",
      sessionManagerId: "m1",
      agentEpoch: part.agentEpoch ?? 1,
      silence: part.silence ?? null,
      engineSinceMs: part.engineSinceMs ?? 0,
      drainSinceMs: part.drainSinceMs ?? 0,
      drainOverdueMs: 0,
      sessionId: "",
    },
  });
}

export type SpecPart = {
  readonly image?: string;
  readonly restart?: Partial<RestartPolicy>;
  readonly memoryMiB?: number;
  readonly cpus?: number;
  readonly constraints?: string[];
  readonly maxPerNode?: number;
  readonly platforms?: { os: string; architecture: string }[];
  readonly ports?: { published: number; protocol?: "TCP" | "UDP"; hostIp?: string }[];
  readonly forceUpdate?: number;
  readonly process?: boolean;
  readonly pullPolicy?: "MISSING" | "ALWAYS" | "NEVER";
  readonly stopGraceMs?: number;
  /** Name of one it mounts. */
  readonly volume?: string;
  /** Reserved, by kind. */
  readonly generic?: Record<string, number>;
  /** Keys, the widest first. */
  readonly spread?: string[];
  /** Constraints with their weights. */
  readonly affinities?: Record<string, number>;
  readonly strategy?: Placement["strategy"];
  readonly gpus?: GpuRequest;
  readonly logDriver?: string;
};

export function spec(part: SpecPart = {}): TaskSpec {
  const runtime = part.process === true ? processRuntime() : containerRuntime(part);
  const memoryBytes = (part.memoryMiB ?? 0) * MEBIBYTE;
  const whole = aService({
    id: "x",
    spec: {
      name: "x",
      labels: {},
      update: null,
      nodeLoss: null,
      rollback: null,
      single: false,
      rebalance: false,
      task: {
        ...runtime,
        resources: {
          limits: null,
          reservations: { nanoCpus: (part.cpus ?? 0) * 1e9, memoryBytes, generic: counts(part.generic ?? {}) },
          pidsLimit: 0,
        },
        restart: { condition: "ANY", delayMs: 0, maxAttempts: 0, windowMs: 0, ...part.restart },
        placement: {
          constraints: part.constraints ?? [],
          maxReplicasPerNode: part.maxPerNode ?? 0,
          platforms: part.platforms ?? [],
          preferences: preferences(part),
          strategy: part.strategy ?? "DEFAULT",
        },
        log: part.logDriver === undefined ? null : { driver: part.logDriver, options: {} },
        ports: (part.ports ?? []).map((port, index) => ({
          target: 80 + index,
          published: port.published,
          protocol: port.protocol ?? "TCP",
          hostIp: port.hostIp ?? "",
        })),
        forceUpdate: part.forceUpdate ?? 0,
        checks: null,
      },
    },
  });
  return whole.spec!.task!;
}

export function task(id: string, part: Partial<Omit<Task, "status">> & { status?: Partial<TaskStatus> } = {}): Task {
  return aTask({
    serviceId: "web",
    serviceName: "web",
    revision: 1,
    slot: 1,
    desired: "RUNNING",
    ...part,
    id,
    // What has no readiness check is ready when it is healthy.
    status: { state: "PENDING", ready: part.status?.healthy === true, ...part.status } as TaskStatus,
  });
}

export function service(
  id: string,
  part: {
    readonly replicas?: number;
    /** Instead of replicas. */
    readonly mode?: Partial<ServiceSpec>;
    readonly task?: TaskSpec;
    readonly revision?: number;
    readonly parallelism?: number;
    readonly order?: "STOP_FIRST" | "START_FIRST";
    readonly nodeLoss?: NodeLoss;
    readonly update?: UpdateConfigInput;
    readonly rollback?: UpdateConfigInput;
    readonly single?: boolean;
    readonly rebalance?: boolean;
  } = {},
): Service {
  return aService({
    id,
    revision: part.revision ?? 1,
    spec: {
      name: id,
      labels: {},
      ...(part.mode ? {} : { mode: "replicated", replicated: { replicas: part.replicas ?? 1 } }),
      task: part.task ?? spec(),
      update: {
        parallelism: part.parallelism ?? 1,
        order: part.order ?? "STOP_FIRST",
        ...part.update,
      } as UpdateConfig,
      rollback: (part.rollback ?? null) as UpdateConfig | null,
      nodeLoss: part.nodeLoss ?? null,
      single: part.single ?? false,
      rebalance: part.rebalance ?? false,
      ...part.mode,
    },
  });
}

/** All defaults but what is said. */
export function clusterSpec(part: Partial<ClusterSpec> = {}): ClusterSpec {
  return {
    name: "",
    replaceAfterMs: 0,
    replaceClosedAfterMs: 0,
    strategy: "DEFAULT",
    eventsKeptMs: 0,
    eventsKept: 0,
    ...part,
  };
}

/** One task on every node. */
export const GLOBAL = { mode: "global", global: {} } as const;

export type JobPart = { readonly total?: number; readonly concurrent?: number } & Partial<JobPolicy>;

export function job({ total = 1, concurrent = 0, ...policy }: JobPart = {}): Partial<ServiceSpec> {
  const replicatedJob = { totalCompletions: total, maxConcurrent: concurrent, policy: jobPolicy(policy) };
  return { mode: "replicatedJob", replicatedJob, update: null };
}

export function globalJob(policy: Partial<JobPolicy> = {}): Partial<ServiceSpec> {
  return { mode: "globalJob", globalJob: { policy: jobPolicy(policy) }, update: null };
}

/** Every minute in UTC, unless it says otherwise. */
export function cron(
  part: Partial<Cron> = {},
  { total = 1, concurrent = 0, ...policy }: JobPart = {},
): Partial<ServiceSpec> {
  const replicated = { totalCompletions: total, maxConcurrent: concurrent, policy: jobPolicy(policy) };
  const times = {
    schedule: "* * * * *",
    timeZone: "",
    overlap: "SKIP",
    startingDeadlineMs: 0,
    suspended: false,
  } as const;
  return { mode: "cron", cron: { ...times, job: "replicated", replicated, ...part }, update: null };
}

function jobPolicy(part: Partial<JobPolicy>): JobPolicy {
  return { deadlineMs: 0, taskTimeoutMs: 0, ...part };
}

function counts(generic: Readonly<Record<string, number>>): GenericResource[] {
  return Object.entries(generic).map(([kind, count]) => ({ kind, count, names: [] }));
}

function preferences({ spread = [], affinities = {} }: SpecPart): Placement["preferences"] {
  return [
    ...spread.map((key) => ({ preference: "spread" as const, spread: key })),
    ...Object.entries(affinities).map(([constraint, weight]) => ({
      preference: "affinity" as const,
      affinity: { constraint, weight },
    })),
  ];
}

function containerRuntime(part: SpecPart): Partial<TaskSpec> {
  const container = {
    image: part.image ?? "web:1",
    pullPolicy: part.pullPolicy ?? "MISSING",
    ...(part.stopGraceMs === undefined ? {} : { stopGraceMs: part.stopGraceMs }),
    mounts: part.volume === undefined ? [] : [{ type: "VOLUME", source: part.volume, target: "/data" }],
    gpus: part.gpus ?? null,
  };
  return { runtime: "container", container: container as TaskSpec["container"] & object };
}

function processRuntime(): Partial<TaskSpec> {
  return { runtime: "process", process: { command: ["sleep"] } as TaskSpec["process"] & object };
}
