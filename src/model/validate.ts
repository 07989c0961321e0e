/**
 * What a user may ask for. Every refusal names the field by its path in the request, what is
 * allowed, and what to do. What only a node can know (whether an image exists, whether an executor
 * can enforce a limit) is not decided here.
 */
import {
  checkDuration,
  checkHostName,
  checkHostPort,
  checkInteger,
  checkLabels,
  checkLength,
  checkName,
  checkOneOf,
  isIpAddress,
  shown,
} from "./checks.ts";
import { checkGenericReservations } from "./generic-resources.ts";
import { DRAIN_PARALLELISM_MAX } from "./drain.ts";
import type {
  ClusterSpec,
  NodeSpec,
  PortSpec,
  ResourceRequirements,
  Resources,
  RestartPolicy,
  ServiceSpec,
  TaskSpec,
} from "./index.ts";
import { refuseContainerOnly } from "./process-limits.ts";
import { jobOf } from "./service-mode.ts";
import { validateTaskChecks } from "./validate-checks.ts";
import { validateMode } from "./validate-mode.ts";
import { checkClosedAfter, checkReplaceAfter, validateNodeLoss, validateSingle } from "./validate-node-loss.ts";
import { validateEventLimits } from "./event-limits.ts";
import { validateRollouts } from "./validate-update.ts";
import { STRATEGIES, validatePlacement, validatePlacementOf } from "./validate-placement.ts";
import { validateContainer, validateProcess } from "./validate-runtime.ts";
import { invalid } from "../util/errors.ts";

/** Encoded; checked where the encoded bytes are. A new spec is stored twice, as service and revision, in one entry of 1 MiB. */
export const SPEC_BYTES_MAX = 500 * 1024;
/** The least a container starts with on an engine. */
export const MEMORY_BYTES_MIN = 4 * 1024 * 1024;
/** A thousandth of a CPU. */
export const NANO_CPUS_MIN = 1_000_000;
export const PORTS_MAX = 1_000;
export const TASK_HISTORY_MAX = 100;
/** As in Swarm. */
const KEEP_ALL_TASKS = -1;
export const NODE_NAME_LENGTH_MAX = 253;

export type NewNodeFacts = Pick<NodeSpec, "name" | "labels"> & { readonly address: string };

/** Each part by itself; what parts say of each other is validate-conflicts.ts's. */
export function validateServiceSpec(spec: ServiceSpec | null, path = "spec"): ServiceSpec {
  if (spec === null) throw invalid(path, "a service spec is needed", "send one with a name and a task");
  checkName(spec.name, `${path}.name`);
  checkLabels(spec.labels, `${path}.labels`);
  if (spec.task === null)
    throw invalid(`${path}.task`, "a task is needed", "say what to run: task.container or task.process");
  validateTaskSpec(spec.task, `${path}.task`);
  if (spec.task.checks !== null) {
    validateTaskChecks(spec.task.checks, `${path}.task.checks`, { isJob: jobOf(spec) !== null });
  }
  validateMode(spec, path);
  validateNodeLoss(spec, `${path}.nodeLoss`);
  validateRollouts(spec, path);
  validatePlacementOf(spec, path);
  validateSingle(spec, `${path}.single`);
  return spec;
}

export function validateNodeSpec(spec: NodeSpec | null, path = "spec"): NodeSpec {
  if (spec === null) throw invalid(path, "a node spec is needed", "read the node and change what it has");
  if (spec.name !== "") checkHostName(spec.name, `${path}.name`, NODE_NAME_LENGTH_MAX);
  checkLabels(spec.labels, `${path}.labels`);
  checkOneOf(spec.availability, `${path}.availability`, ["ACTIVE", "PAUSE", "DRAIN"]);
  checkDuration(spec.drainDeadlineMs, `${path}.drainDeadlineMs`);
  checkInteger(spec.drainParallelism, `${path}.drainParallelism`, { min: 0, max: DRAIN_PARALLELISM_MAX });
  return spec;
}

/**
 * What a node says of itself when it joins, or makes a cluster: by the rules for what is changed later, so that no node
 * has a name or labels that every change of it would be refused for.
 */
export function validateNewNode({ name, address, labels }: NewNodeFacts): void {
  checkHostName(name, "name", NODE_NAME_LENGTH_MAX);
  checkHostPort(address, "address");
  checkLabels(labels, "labels");
}

export function validateClusterSpec(spec: ClusterSpec | null, path = "spec"): ClusterSpec {
  if (spec === null) throw invalid(path, "a cluster spec is needed", "read the cluster and change what it has");
  if (spec.name !== "") checkName(spec.name, `${path}.name`);
  checkReplaceAfter(spec.replaceAfterMs, `${path}.replaceAfterMs`);
  checkReplaceAfter(spec.replaceClosedAfterMs, `${path}.replaceClosedAfterMs`);
  checkClosedAfter(spec, path);
  validateEventLimits(spec, path);
  const { taskHistoryLimit = KEEP_ALL_TASKS } = spec;
  checkInteger(taskHistoryLimit, `${path}.taskHistoryLimit`, { min: KEEP_ALL_TASKS, max: TASK_HISTORY_MAX });
  checkOneOf(spec.strategy, `${path}.strategy`, STRATEGIES);
  return spec;
}

function validateTaskSpec(spec: TaskSpec, path: string): void {
  if (spec.container && spec.process) throw invalid(path, "has both a container and a process", "keep one of them");
  if (spec.container) validateContainer(spec.container, `${path}.container`);
  else if (spec.process) validateProcess(spec.process, `${path}.process`);
  else throw invalid(path, "has neither a container nor a process", "say what to run: task.container or task.process");
  if (spec.resources !== null) validateResources(spec.resources, `${path}.resources`);
  if (spec.restart !== null) validateRestart(spec.restart, `${path}.restart`);
  if (spec.placement !== null) validatePlacement(spec.placement, `${path}.placement`);
  if (spec.log !== null) {
    if (spec.log.driver !== "") checkName(spec.log.driver, `${path}.log.driver`);
    checkLabels(spec.log.options, `${path}.log.options`);
  }
  if (spec.process) refuseContainerOnly(spec, path);
  validatePorts(spec.ports, `${path}.ports`);
  checkInteger(spec.forceUpdate, `${path}.forceUpdate`, { min: 0, max: Number.MAX_SAFE_INTEGER });
}

function validateResources({ limits, reservations, pidsLimit }: ResourceRequirements, path: string): void {
  if (limits !== null) validateAmounts(limits, `${path}.limits`);
  if (reservations !== null) {
    validateAmounts(reservations, `${path}.reservations`);
    checkGenericReservations(reservations.generic, `${path}.reservations.generic`);
  }
  if ((limits?.generic.length ?? 0) > 0)
    throw invalid(
      `${path}.limits.generic`,
      "generic resources have no limit",
      "reserve them: a task gets what it reserves",
    );
  checkInteger(pidsLimit, `${path}.pidsLimit`, { min: 0, max: Number.MAX_SAFE_INTEGER });
  if (limits === null || reservations === null) return;
  for (const amount of ["nanoCpus", "memoryBytes"] as const) {
    if (limits[amount] > 0 && reservations[amount] > limits[amount]) {
      throw invalid(
        `${path}.reservations.${amount}`,
        `${reservations[amount]} is more than the limit of ${limits[amount]}`,
        "lower the reservation or raise the limit",
      );
    }
  }
}

/** 0 is unset. */
function validateAmounts({ nanoCpus, memoryBytes }: Resources, path: string): void {
  checkInteger(nanoCpus, `${path}.nanoCpus`, { min: 0, max: Number.MAX_SAFE_INTEGER });
  if (nanoCpus > 0 && nanoCpus < NANO_CPUS_MIN) {
    throw invalid(
      `${path}.nanoCpus`,
      `${nanoCpus / 1e9} CPUs are too little`,
      "use at least 0.001 CPUs (1000000), or 0 for none",
    );
  }
  checkInteger(memoryBytes, `${path}.memoryBytes`, { min: 0, max: Number.MAX_SAFE_INTEGER });
  if (memoryBytes > 0 && memoryBytes < MEMORY_BYTES_MIN) {
    throw invalid(
      `${path}.memoryBytes`,
      `${memoryBytes} bytes are too little`,
      "use at least 4 MiB (4194304), or 0 for none",
    );
  }
}

function validateRestart(policy: RestartPolicy, path: string): void {
  const { condition, delayMs = 0, maxAttempts, windowMs, backoffMaxMs = 0 } = policy;
  checkOneOf(condition, `${path}.condition`, ["ANY", "ON_FAILURE", "NONE"]);
  checkDuration(delayMs, `${path}.delayMs`);
  checkInteger(maxAttempts, `${path}.maxAttempts`, { min: 0, max: 1_000_000 });
  checkDuration(windowMs, `${path}.windowMs`);
  checkDuration(backoffMaxMs, `${path}.backoffMaxMs`);
  if (condition === "NONE") {
    const never = "nothing is restarted: the condition is NONE";
    if (maxAttempts > 0) throw invalid(`${path}.maxAttempts`, never, "leave it out, or choose ON_FAILURE or ANY");
    if (windowMs > 0) throw invalid(`${path}.windowMs`, never, "leave it out, or choose ON_FAILURE or ANY");
  }
  if (windowMs > 0 && maxAttempts === 0)
    throw invalid(`${path}.windowMs`, "no attempts are counted", "say how many there may be: maxAttempts");
  if (backoffMaxMs > 0 && backoffMaxMs < delayMs) {
    const why = `${backoffMaxMs} ms is shorter than the delay of ${delayMs} ms`;
    throw invalid(`${path}.backoffMaxMs`, why, `use at least ${delayMs} ms, or 0 to wait for the delay alone`);
  }
}

function validatePorts(ports: readonly PortSpec[], path: string): void {
  checkLength(ports, path, PORTS_MAX);
  for (const [at, port] of ports.entries()) {
    const here = `${path}[${at}]`;
    checkInteger(port.target, `${here}.target`, { min: 1, max: 65_535 });
    checkInteger(port.published, `${here}.published`, { min: 0, max: 65_535 });
    checkOneOf(port.protocol, `${here}.protocol`, ["TCP", "UDP"]);
    if (port.hostIp !== "" && !isIpAddress(port.hostIp)) {
      throw invalid(
        `${here}.hostIp`,
        `"${shown(port.hostIp)}" is not an IP address`,
        "leave it empty for every address",
      );
    }
    const taken = ports.slice(0, at).findIndex((other) => collide(other, port));
    if (taken !== -1) {
      const name = `${port.published}/${port.protocol.toLowerCase()}`;
      throw invalid(
        `${here}.published`,
        `port ${name} is published twice, first by ${path}[${taken}]`,
        "publish each port once",
      );
    }
  }
}

/** Every address (empty) includes each one. */
function collide(a: PortSpec, b: PortSpec): boolean {
  if (a.published === 0 || a.published !== b.published || a.protocol !== b.protocol) return false;
  return a.hostIp === b.hostIp || isEveryAddress(a.hostIp) || isEveryAddress(b.hostIp);
}

function isEveryAddress(ip: string): boolean {
  return ip === "" || ip === "0.0.0.0" || ip === "::";
}
