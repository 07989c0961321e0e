/**
 * Which nodes can take a task. The first filter that refuses a node names the reason; each reason
 * has a short form to count ("insufficient memory on 3 nodes") and a long one with a next step.
 */
import { matches, parseConstraint } from "../../model/constraint.ts";
import type { Constraint } from "../../model/constraint.ts";
import { platformMatches } from "../../model/platform.ts";
import { addResources, NO_RESOURCES, reservationsOf, shortOf } from "../../model/resources.ts";
import type { Node, PortSpec, Resources, TaskSpec } from "../../model/index.ts";
import { formatBytes } from "../../util/units.ts";
import { fixedPorts, freeResources, portConflict, tasksOfService } from "./node-info.ts";
import type { NodeInfo, Outgoing } from "./node-info.ts";

export type RefusalCode =
  | "ready"
  | "availability"
  | "runtime"
  | "engine"
  | "constraint"
  | "platform"
  | "resources"
  | "port"
  | "max-replicas";

export type Refusal = {
  readonly code: RefusalCode;
  /** The same for all nodes refused for the same reason. */
  readonly short: string;
  readonly message: string;
  readonly next: string;
};

/** Short forms that say how a node is rather than what it lacks. */
const STANDINGS: ReadonlySet<string> = new Set(["unreachable", "down", "left", "not ready", "drained", "paused"]);

/** A task spec prepared for many nodes. */
export type Demand = {
  readonly serviceId: string;
  readonly runtime: "container" | "process";
  readonly reserved: Resources;
  readonly ports: readonly PortSpec[];
  readonly constraints: readonly { readonly text: string; readonly constraint: Constraint }[];
  readonly spec: TaskSpec;
};

export function demandOf(serviceId: string, spec: TaskSpec): Demand {
  return {
    serviceId,
    runtime: spec.process ? "process" : "container",
    reserved: reservationsOf(spec),
    ports: fixedPorts(spec),
    constraints: (spec.placement?.constraints ?? []).map((text, index) => ({
      text,
      constraint: parseConstraint(text, `spec.task.placement.constraints[${index}]`),
    })),
    spec,
  };
}

/** What cannot change while tasks are placed. */
export function refuseNode(demand: Demand, node: Node): Refusal | null {
  return (
    refuseState(node) ??
    refuseAvailability(node) ??
    refuseRuntime(demand, node) ??
    refuseEngine(demand, node) ??
    refuseConstraint(demand, node) ??
    refusePlatform(demand, node)
  );
}

/** The slot's own old task does not count against a limit on tasks; what is outgoing counts against nothing. */
export type Place = { readonly slot: number; readonly outgoing: Outgoing };

/** What every placement may change. */
export function refuseLoad(demand: Demand, info: NodeInfo, { slot, outgoing }: Place): Refusal | null {
  return (
    refuseResources(demand, info, outgoing) ??
    refusePort(demand, info, outgoing) ??
    refuseMaxReplicas(demand, info, slot)
  );
}

/** `no suitable node (insufficient memory on 3 nodes; 1 node not ready)` */
export function refusalSummary(refusals: readonly Refusal[]): string {
  if (refusals.length === 0) return "no suitable node (the cluster has no node)";
  const counts = new Map<string, number>();
  for (const { short } of refusals) counts.set(short, (counts.get(short) ?? 0) + 1);
  const parts = [...counts]
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .map(([short, count]) => {
      const nodes = `${count} ${count === 1 ? "node" : "nodes"}`;
      return STANDINGS.has(short) ? `${nodes} ${short}` : `${short} on ${nodes}`;
    });
  return `no suitable node (${parts.join("; ")})`;
}

function refuseState({ status }: Node): Refusal | null {
  switch (status?.state) {
    case "READY":
      return null;
    case "UNREACHABLE":
      return ready("unreachable", "the node is unreachable");
    case "DOWN":
      return ready("down", "the node is down");
    case "LEFT":
      return ready("left", "the node has left", "start its agent again, or remove it with `shoal node rm`");
    default:
      return ready("not ready", "the node has not connected yet", "start `shoal daemon` on it");
  }
}

function ready(short: string, message: string, next = "check its host, its network and its `shoal daemon`"): Refusal {
  return { code: "ready", short, message, next };
}

function refuseAvailability({ spec }: Node): Refusal | null {
  const availability = spec?.availability ?? "ACTIVE";
  if (availability === "ACTIVE") return null;
  const word = availability === "DRAIN" ? "drained" : "paused";
  return {
    code: "availability",
    short: word,
    message: `the node is ${word}`,
    next: "run `shoal node activate` on it",
  };
}

function refuseRuntime({ runtime }: Demand, { description }: Node): Refusal | null {
  const offered = description?.runtimes ?? [];
  if (offered.includes(runtime)) return null;
  const has = offered.length === 0 ? "offers no runtime" : `offers only ${offered.join(", ")}`;
  return {
    code: "runtime",
    short: `no ${runtime} runtime`,
    message: `the task needs a ${runtime} runtime and the node ${has}`,
    next:
      runtime === "container"
        ? "give the node a Docker Engine, or add a node that has one"
        : "add a node that runs processes",
  };
}

function refuseEngine({ runtime }: Demand, { status }: Node): Refusal | null {
  // An agent that has not spoken of its engine yet says false without a message.
  if (runtime !== "container" || status === null || status.engineOk || status.engineMessage === "") return null;
  return {
    code: "engine",
    short: "engine not answering",
    message: `the node's engine does not answer: ${status.engineMessage}`,
    next: "check the Docker Engine on the node",
  };
}

function refuseConstraint({ constraints }: Demand, node: Node): Refusal | null {
  const broken = constraints.find(({ constraint }) => !matches(constraint, node));
  if (broken === undefined) return null;
  return {
    code: "constraint",
    short: `constraint ${broken.text} not satisfied`,
    message: `the node does not satisfy ${broken.text}`,
    next: broken.constraint.key.endsWith("labels.")
      ? "label the node, or change the constraint"
      : "change the constraint",
  };
}

function refusePlatform({ spec }: Demand, { description }: Node): Refusal | null {
  const wanted = spec.placement?.platforms ?? [];
  const actual = description?.platform ?? { os: "", architecture: "" };
  if (wanted.length === 0 || wanted.some((platform) => platformMatches(platform, actual))) return null;
  const list = wanted.map(({ os, architecture }) => `${os || "any"}/${architecture || "any"}`).join(", ");
  return {
    code: "platform",
    short: "unsupported platform",
    message: `the task needs ${list} and the node is ${actual.os}/${actual.architecture}`,
    next: "add a node of that platform, or use an image for this one",
  };
}

function refuseResources({ reserved }: Demand, info: NodeInfo, outgoing: Outgoing): Refusal | null {
  const free = addResources(freeResources(info), outgoing.reserved);
  const short = shortOf(reserved, free);
  if (short === null) return null;
  const total = info.node.description?.resources ?? NO_RESOURCES;
  const amount = ({ memoryBytes, nanoCpus }: Resources): string =>
    short === "memory" ? formatBytes(Math.max(0, memoryBytes)) : formatCpus(Math.max(0, nanoCpus));
  const isTooBig = shortOf(reserved, total) !== null;
  return {
    code: "resources",
    short: `insufficient ${short}`,
    message: `the task reserves ${amount(reserved)} of ${short}; ${amount(free)} of the node's ${amount(total)} are not reserved`,
    next: isTooBig
      ? `reserve less ${short}, or add a larger node`
      : `reserve less ${short}, add a node, or remove tasks`,
  };
}

function refusePort({ ports }: Demand, info: NodeInfo, outgoing: Outgoing): Refusal | null {
  const conflict = portConflict(info, ports, outgoing.taskIds);
  if (conflict === null) return null;
  const name = `${conflict.port.published}/${conflict.port.protocol.toLowerCase()}`;
  return {
    code: "port",
    short: `host port ${name} in use`,
    message: `port ${name} of the node's engine is held by task ${conflict.taskId}`,
    next: "publish another port (0 takes a free one), or run at most one replica per engine",
  };
}

function refuseMaxReplicas({ spec, serviceId }: Demand, info: NodeInfo, slot: number): Refusal | null {
  const max = spec.placement?.maxReplicasPerNode ?? 0;
  if (max <= 0) return null;
  const count = tasksOfService(info, serviceId, slot);
  if (count < max) return null;
  return {
    code: "max-replicas",
    short: `max replicas per node (${max}) reached`,
    message: `the node runs ${count} tasks of the service and at most ${max} are allowed`,
    next: "add a node, raise max_replicas_per_node, or scale down",
  };
}

function formatCpus(nanoCpus: number): string {
  return `${Math.round(nanoCpus / 1e7) / 100} CPUs`;
}
