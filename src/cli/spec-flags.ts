/** `service create` and `service update` flags -> ServiceSpec. Names are Docker's. Pure. */
import type { PortSpec, RestartPolicy, ServiceSpec, TaskSpec } from "../model/index.ts";
import { parseDurationMs } from "../util/units.ts";
import { withChecks, type CheckFlags } from "./check-flags.ts";
import { usage } from "./exit.ts";
import { baseRestart, changedMode, newMode, withRetries, type ModeFlags } from "./mode-flags.ts";
import { withNodeLoss, type NodeLossFlags } from "./node-loss-flags.ts";
import { withRollouts, type RolloutFlags } from "./rollout-flags.ts";
import { placementAdditions, withPlacement, withResources, type PlacementFlags } from "./placement-flags.ts";
import { emptyContainer, withContainer, withProcess } from "./runtime-flags.ts";
import { choice, count, parsePort, parsePortName, withPairs, type Environment } from "./value-syntax.ts";

/** As commander gives them: absent keys were not on the command line. */
export type SpecFlags = ModeFlags &
  NodeLossFlags &
  RolloutFlags &
  CheckFlags &
  PlacementFlags & {
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
    readonly restartCondition?: string;
    readonly restartDelay?: string;
    readonly restartMaxAttempts?: string;
    readonly restartWindow?: string;
    readonly restartBackoffMax?: string;
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
    single: false,
    rebalance: false,
    task,
  };
  return applyFlags(spec, asAdditions(flags), environment);
}

function asAdditions(flags: SpecFlags): SpecFlags {
  const { env, label, containerLabel, publish, mount, sysctl, addHost, ...rest } = flags;
  return {
    ...rest,
    ...placementAdditions(rest),
    ...(env === undefined ? {} : { envAdd: env }),
    ...(label === undefined ? {} : { labelAdd: label }),
    ...(containerLabel === undefined ? {} : { containerLabelAdd: containerLabel }),
    ...(publish === undefined ? {} : { publishAdd: publish }),
    ...(mount === undefined ? {} : { mountAdd: mount }),
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
    rebalance: flags.rebalance ?? spec.rebalance,
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

function withRestart(before: TaskSpec["restart"], spec: ServiceSpec, flags: SpecFlags): TaskSpec["restart"] {
  const { restartCondition, restartDelay, restartMaxAttempts, restartWindow, restartBackoffMax } = flags;
  if (!isGiven(restartCondition, restartDelay, restartMaxAttempts, restartWindow, restartBackoffMax)) return before;
  const base = before ?? baseRestart(spec);
  const asked: RestartPolicy = {
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
  return withoutIdle(asked, { flags, before: base.condition, usualAttempts: baseRestart(spec).maxAttempts });
}

/** What stands from before and would contradict what is asked for now goes; what is asked for stays, to be refused. */
function withoutIdle(
  policy: RestartPolicy,
  {
    flags,
    before,
    usualAttempts,
  }: { readonly flags: SpecFlags; readonly before: RestartPolicy["condition"]; readonly usualAttempts: number },
): RestartPolicy {
  const { backoffMaxMs, _backoffMaxMs, ...rest } = policy;
  const { condition, delayMs = 0 } = rest;
  let { maxAttempts, windowMs } = rest;
  if (flags.restartMaxAttempts === undefined && flags.retries === undefined) {
    if (condition === "NONE") maxAttempts = 0;
    // Nothing was restarted, so there was no number; a job's is not without end.
    else if (before === "NONE") maxAttempts = usualAttempts;
  }
  if (flags.restartWindow === undefined && maxAttempts === 0) windowMs = 0;
  // Unset it is the manager's to fill in.
  const isShort = (backoffMaxMs ?? 0) > 0 && (backoffMaxMs ?? 0) < delayMs && flags.restartBackoffMax === undefined;
  return isShort ? { ...rest, maxAttempts, windowMs } : { ...policy, maxAttempts, windowMs };
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
