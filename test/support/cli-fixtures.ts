/** Tasks and nodes as an answer has them, for tests of what the command line makes of them. */
import type { Availability, Node, NodeState, Task, TaskState } from "../../src/model/index.ts";
import type { NodeSummary } from "../../src/proto/gen/NodeSummary.ts";

export type TaskShape = {
  readonly id?: string;
  readonly slot?: number;
  readonly revision?: number;
  readonly state?: TaskState;
  readonly desired?: TaskState;
  readonly healthy?: boolean;
  readonly ready?: boolean;
  readonly checkMessage?: string;
  readonly error?: string;
  readonly pendingReason?: string;
  readonly createdAtMs?: number;
  readonly atMs?: number;
};

export function aTask(shape: TaskShape = {}): Task {
  const { id = "t1", slot = 1, revision = 2, state = "RUNNING", desired = "RUNNING" } = shape;
  return {
    id,
    meta: { version: 1, createdAtMs: shape.createdAtMs ?? 0, updatedAtMs: 0 },
    serviceId: "s1",
    serviceName: "web",
    revision,
    slot,
    nodeId: "n1",
    desired,
    status: {
      state,
      message: "",
      error: shape.error ?? "",
      atMs: shape.atMs ?? 0,
      agentEpoch: 1,
      sequence: 1,
      runtimeId: "",
      ports: [],
      startedAtMs: 0,
      finishedAtMs: 0,
      healthy: shape.healthy ?? state === "RUNNING",
      ready: shape.ready ?? state === "RUNNING",
      checkMessage: shape.checkMessage ?? "",
      single: false,
    },
    replaces: "",
    startAfterMs: 0,
    cause: null,
    pendingReason: shape.pendingReason ?? "",
    ports: [],
    readyAtMs: 0,
    earlyEnds: 0,
    pinnedNodeId: "",
    run: 0,
    timedOut: false,
    generic: [],
    unfit: "",
    move: null,
    single: false,
  };
}

export type NodeShape = {
  readonly id?: string;
  readonly name?: string;
  readonly hostname?: string;
  readonly state?: NodeState;
  readonly engineOk?: boolean;
  readonly engineMessage?: string;
  readonly availability?: Availability;
  readonly runtimes?: string[];
};

export function aNode(shape: NodeShape = {}): Node {
  const { id = "n1", name = "", hostname = "host-1", state = "READY", engineOk = true, engineMessage = "" } = shape;
  return {
    id,
    meta: { version: 1, createdAtMs: 0, updatedAtMs: 0 },
    spec: { name, labels: {}, availability: shape.availability ?? "ACTIVE", drainDeadlineMs: 0, drainParallelism: 0 },
    role: "WORKER",
    address: "10.0.0.1:7377",
    description: {
      hostname,
      platform: null,
      resources: null,
      runtimes: shape.runtimes ?? ["container"],
      engineId: "",
      engineLabels: {},
      engineVersion: "27.0",
      shoalVersion: "",
      fullPaths: [],
      fillingPaths: [],
      protocolMin: 0,
      protocolMax: 0,
      deviceDrivers: [],
      logDrivers: [],
      ip: "",
    },
    status: {
      state,
      message: "",
      sinceMs: 0,
      engineOk,
      engineMessage,
      sessionManagerId: "",
      agentEpoch: 1,
      silence: null,
      engineSinceMs: 0,
      drainSinceMs: 0,
      drainOverdueMs: 0,
      sessionId: "",
    },
    keyFingerprint: "",
  };
}

export function aNodeSummary(shape: NodeShape = {}): NodeSummary {
  return { node: aNode(shape), manager: null };
}
