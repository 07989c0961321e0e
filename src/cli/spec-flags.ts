/** `service create` and `service update` flags -> ServiceSpec. Names are Docker's. Pure. */
import type { PortSpec, ServiceSpec, TaskSpec } from "../model/index.ts";
import { parseBytes, parseDurationMs, parseNanoCpus } from "../util/units.ts";
import { withChecks, type CheckFlags } from "./check-flags.ts";
import { usage } from "./exit.ts";
import { baseRestart, changedMode, newMode, withRetries, type ModeFlags } from "./mode-flags.ts";
import { withNodeLoss, type NodeLossFlags } from "./node-loss-flags.ts";
import { withRollouts, type RolloutFlags } from "./rollout-flags.ts";
import { emptyContainer, withContainer, withProcess } from "./runtime-flags.ts";
import { choice, count, parsePort, parsePortName, withPairs, type Environment } from "./value-syntax.ts";

/** As commander gives them: absent keys were not on the command line. */
export type SpecFlags = ModeFlags &
  NodeLossFlags &
  RolloutFlags &
  CheckFlags & {
    readonly name?: string;
    readonly runtime?: string;
    readonly force?: boolean;
    readonly image?: string;
    readonly args?: string;
    readonly entrypoint?: string;
    readonly workdir?: string;
    readonly user?: string;
    readonly hostname?: string;
    readonly readOnly?: boolean;
    readonly init?: boolean;
    readonly tty?: boolean;
    readonly pull?: string;
    readonly stopSignal?: string;
    readonly stopGracePeriod?: string;
    readonly limitCpu?: string;
    readonly limitMemory?: string;
    readonly limitPids?: string;
    readonly reserveCpu?: string;
    readonly reserveMemory?: string;
    readonly restartCondition?: string;
    readonly restartDelay?: string;
    readonly restartMaxAttempts?: string;
    readonly restartWindow?: string;
    readonly restartBackoffMax?: string;
    readonly replicasMaxPerNode?: string;
    readonly healthCmd?: string;
    readonly healthInterval?: string;
    readonly healthTimeout?: string;
    readonly healthRetries?: string;
    readonly healthStartPeriod?: string;
    readonly healthStartInterval?: string;
    readonly healthcheck?: boolean;
    readonly capAdd?: readonly string[];
    readonly capDrop?: readonly string[];
    readonly logDriver?: string;
    readonly logOpt?: readonly string[];
    /** Of create: each becomes the `…Add` beside it. */
    readonly env?: readonly string[];
    readonly label?: readonly string[];
    readonly containerLabel?: readonly string[];
    readonly publish?: readonly string[];
    readonly mount?: readonly string[];
    readonly constraint?: readonly string[];
    readonly sysctl?: readonly string[];
    readonly addHost?: readonly string[];
    /** Of update. */
    readonly envAdd?: readonly string[];
    readonly envRm?: readonly string[];
    readonly labelAdd?: readonly string[];
    readonly labelRm?: readonly string[];
    readonly containerLabelAdd?: readonly string[];
    readonly containerLabelRm?: readonly string[];
    readonly publishAdd?: readonly string[];
    readonly publishRm?: readonly string[];
    readonly mountAdd?: readonly string[];
    readonly mountRm?: readonly string[];
    readonly constraintAdd?: readonly string[];
    readonly constraintRm?: readonly string[];
    readonly sysctlAdd?: readonly string[];
    readonly sysctlRm?: readonly string[];
    readonly hostAdd?: readonly string[];
    readonly hostRm?: readonly string[];
  };

const EMPTY_TASK: TaskSpec = {
  resources: null,
  restart: null,
  placement: null,
  log: null,
  ports: [],
  forceUpdate: 0,
  checks: null,
};

/**
 * @param words the image and its arguments, or with --runtime process the command.
 * @param environment where `--env NAME` takes its value from
 */
export function newSpec(flags: SpecFlags, words: readonly string[], environment: Environment = {}): ServiceSpec {
  const runtime = choice(flags.runtime ?? "container", "--runtime", ["CONTAINER", "PROCESS"]);
  const [image, ...args] = words;
  if (image === undefined) {
    const what = runtime === "PROCESS" ? "A command is missing" : "An image is missing";
    throw usage(what, "shoal service create --help");
  }
  const task: TaskSpec =
    runtime === "PROCESS"
      ? {
          ...EMPTY_TASK,
          runtime: "process",
          process: { command: [...words], env: [], dir: "", stopSignal: "", health: null },
        }
      : { ...EMPTY_TASK, runtime: "container", container: emptyContainer(image, args) };
  const spec: ServiceSpec = {
    name: flags.name ?? "",
    labels: {},
    ...newMode(flags),
    update: null,
    nodeLoss: null,
    rollback: null,
    task,
  };
  return applyFlags(spec, asAdditions(flags), environment);
}

function asAdditions(flags: SpecFlags): SpecFlags {
  const { env, label, containerLabel, publish, mount, constraint, sysctl, addHost, ...rest } = flags;
  return {
    ...rest,
    ...(env === undefined ? {} : { envAdd: env }),
    ...(label === undefined ? {} : { labelAdd: label }),
    ...(containerLabel === undefined ? {} : { containerLabelAdd: containerLabel }),
    ...(publish === undefined ? {} : { publishAdd: publish }),
    ...(mount === undefined ? {} : { mountAdd: mount }),
    ...(constraint === undefined ? {} : { constraintAdd: constraint }),
    ...(sysctl === undefined ? {} : { sysctlAdd: sysctl }),
    ...(addHost === undefined ? {} : { hostAdd: addHost }),
  };
}

/** The spec with what the flags change; everything else as it is. */
export function applyFlags(spec: ServiceSpec, flags: SpecFlags, environment: Environment = {}): ServiceSpec {
  const task = spec.task ?? EMPTY_TASK;
  return {
    ...spec,
    labels: withPairs(spec.labels, { add: flags.labelAdd, remove: flags.labelRm, flag: "--label" }),
    ...changedMode(spec, flags),
    ...withNodeLoss(spec, flags),
    ...withRollouts(spec, flags),
    task: {
      ...task,
      ...(task.process
        ? { process: withProcess(task.process, flags, environment) }
        : { container: withContainer(task.container ?? emptyContainer("", []), flags, environment) }),
      resources: withResources(task.resources, flags),
      restart: withRestart(withRetries(task.restart, spec, flags), spec, flags),
      placement: withPlacement(task.placement, flags),
      log: withLog(task.log, flags),
      ports: withPorts(task.ports, flags),
      checks: withChecks(task.checks, flags),
      forceUpdate: flags.force === true ? task.forceUpdate + 1 : task.forceUpdate,
    },
  };
}

function isGiven(...flags: readonly unknown[]): boolean {
  return flags.some((flag) => flag !== undefined);
}

function withResources(before: TaskSpec["resources"], flags: SpecFlags): TaskSpec["resources"] {
  const { limitCpu, limitMemory, limitPids, reserveCpu, reserveMemory } = flags;
  if (!isGiven(limitCpu, limitMemory, limitPids, reserveCpu, reserveMemory)) return before;
  const limits = { ...(before?.limits ?? { nanoCpus: 0, memoryBytes: 0 }) };
  const reservations = { ...(before?.reservations ?? { nanoCpus: 0, memoryBytes: 0 }) };
  if (limitCpu !== undefined) limits.nanoCpus = parseNanoCpus(limitCpu, "--limit-cpu");
  if (limitMemory !== undefined) limits.memoryBytes = parseBytes(limitMemory, "--limit-memory");
  if (reserveCpu !== undefined) reservations.nanoCpus = parseNanoCpus(reserveCpu, "--reserve-cpu");
  if (reserveMemory !== undefined) reservations.memoryBytes = parseBytes(reserveMemory, "--reserve-memory");
  const pidsLimit = limitPids === undefined ? (before?.pidsLimit ?? 0) : count(limitPids, "--limit-pids");
  return { limits, reservations, pidsLimit };
}

function withRestart(before: TaskSpec["restart"], spec: ServiceSpec, flags: SpecFlags): TaskSpec["restart"] {
  const { restartCondition, restartDelay, restartMaxAttempts, restartWindow, restartBackoffMax } = flags;
  if (!isGiven(restartCondition, restartDelay, restartMaxAttempts, restartWindow, restartBackoffMax)) return before;
  const base = before ?? baseRestart(spec);
  return {
    ...base,
    ...(restartCondition === undefined
      ? {}
      : { condition: choice(restartCondition, "--restart-condition", ["ANY", "ON_FAILURE", "NONE"]) }),
    ...(restartDelay === undefined ? {} : { delayMs: parseDurationMs(restartDelay, "--restart-delay") }),
    ...(restartMaxAttempts === undefined ? {} : { maxAttempts: count(restartMaxAttempts, "--restart-max-attempts") }),
    ...(restartWindow === undefined ? {} : { windowMs: parseDurationMs(restartWindow, "--restart-window") }),
    ...(restartBackoffMax === undefined
      ? {}
      : { backoffMaxMs: parseDurationMs(restartBackoffMax, "--restart-backoff-max") }),
  };
}

function withPlacement(before: TaskSpec["placement"], flags: SpecFlags): TaskSpec["placement"] {
  const { constraintAdd = [], constraintRm = [], replicasMaxPerNode } = flags;
  if (!isGiven(flags.constraintAdd, flags.constraintRm, replicasMaxPerNode)) return before;
  // `a == b` and `a==b` are one constraint.
  const same = (text: string): string => text.replace(/\s+/g, "");
  const removed = new Set(constraintRm.map(same));
  const constraints = new Map((before?.constraints ?? []).map((text) => [same(text), text]));
  for (const text of removed) constraints.delete(text);
  for (const text of constraintAdd) constraints.set(same(text), text);
  return {
    constraints: [...constraints.values()],
    maxReplicasPerNode:
      replicasMaxPerNode === undefined
        ? (before?.maxReplicasPerNode ?? 0)
        : count(replicasMaxPerNode, "--replicas-max-per-node"),
    platforms: before?.platforms ?? [],
  };
}

function withLog(before: TaskSpec["log"], { logDriver, logOpt }: SpecFlags): TaskSpec["log"] {
  if (!isGiven(logDriver, logOpt)) return before;
  // Options belong to their driver: another one would refuse them.
  const isOther = logDriver !== undefined && logDriver !== (before?.driver ?? "");
  const options = isOther ? {} : (before?.options ?? {});
  return {
    driver: logDriver ?? before?.driver ?? "",
    options: withPairs(options, { add: logOpt, flag: "--log-opt" }),
  };
}

function withPorts(before: readonly PortSpec[], { publishAdd = [], publishRm = [] }: SpecFlags): PortSpec[] {
  const removed = publishRm.map((text) => parsePortName(text));
  const ports = before.filter(
    (port) =>
      !removed.some(
        ({ target, protocol }) => target === port.target && (protocol === null || protocol === port.protocol),
      ),
  );
  for (const added of publishAdd.map((text) => parsePort(text))) {
    const key = JSON.stringify([added.target, added.published, added.protocol, added.hostIp]);
    const isThere = ports.some(
      ({ target, published, protocol, hostIp }) => JSON.stringify([target, published, protocol, hostIp]) === key,
    );
    if (!isThere) ports.push(added);
  }
  return ports;
}
