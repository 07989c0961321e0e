/** The flags of what a task runs: a container, or a process, which has fewer of them. Pure. */
import type { ContainerSpec, HealthCheck, Mount, ProcessSpec } from "../model/index.ts";
import { parseDurationMs } from "../util/units.ts";
import { usage } from "./exit.ts";
import { withDevices } from "./placement-flags.ts";
import type { SpecFlags } from "./spec-flags.ts";
import { choice, count, parseMount, splitWords, withEnv, withPairs, type Environment } from "./value-syntax.ts";

export function emptyContainer(image: string, args: readonly string[]): ContainerSpec {
  return {
    image,
    command: [],
    args: [...args],
    env: [],
    dir: "",
    user: "",
    hostname: "",
    labels: {},
    mounts: [],
    stopSignal: "",
    health: null,
    pullPolicy: "MISSING",
    readOnly: false,
    init: false,
    tty: false,
    capAdd: [],
    capDrop: [],
    sysctls: {},
    extraHosts: [],
    devices: [],
    gpus: null,
    deviceCgroupRules: [],
  };
}

export function withContainer(before: ContainerSpec, flags: SpecFlags, environment: Environment): ContainerSpec {
  const { image, args, entrypoint, pull, user, hostname, readOnly, init, tty } = flags;
  return {
    ...before,
    ...withStop(flags),
    ...(image === undefined ? {} : { image }),
    ...(args === undefined ? {} : { args: splitWords(args, "--args") }),
    ...(entrypoint === undefined ? {} : { command: splitWords(entrypoint, "--entrypoint") }),
    env: withEnv(before.env, { add: flags.envAdd, remove: flags.envRm }, environment),
    labels: withPairs(before.labels, {
      add: flags.containerLabelAdd,
      remove: flags.containerLabelRm,
      flag: "--container-label",
    }),
    mounts: withMounts(before.mounts, flags),
    health: withHealth(before.health, flags),
    ...(pull === undefined ? {} : { pullPolicy: choice(pull, "--pull", ["MISSING", "ALWAYS", "NEVER"]) }),
    ...(user === undefined ? {} : { user }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(readOnly === undefined ? {} : { readOnly }),
    ...(init === undefined ? {} : { init }),
    ...(tty === undefined ? {} : { tty }),
    ...withCapabilities(before, flags),
    sysctls: withPairs(before.sysctls, { add: flags.sysctlAdd, remove: flags.sysctlRm, flag: "--sysctl" }),
    extraHosts: withHosts(before.extraHosts, flags),
    ...withDevices(before, flags),
  };
}

/** What only a container has. A flag that would do nothing is refused, not dropped. */
const CONTAINER_ONLY = {
  image: "--image",
  entrypoint: "--entrypoint",
  user: "--user",
  hostname: "--hostname",
  readOnly: "--read-only",
  init: "--init",
  tty: "--tty",
  pull: "--pull",
  capAdd: "--cap-add",
  capDrop: "--cap-drop",
  containerLabelAdd: "--container-label",
  containerLabelRm: "--container-label-rm",
  mountAdd: "--mount",
  mountRm: "--mount-rm",
  sysctlAdd: "--sysctl",
  sysctlRm: "--sysctl-rm",
  hostAdd: "--add-host",
  hostRm: "--host-rm",
  deviceAdd: "--device",
  deviceRm: "--device-rm",
  deviceCgroupRuleAdd: "--device-cgroup-rule",
  deviceCgroupRuleRm: "--device-cgroup-rule-rm",
  gpus: "--gpus",
} as const satisfies Partial<Record<keyof SpecFlags, string>>;

export function withProcess(before: ProcessSpec, flags: SpecFlags, environment: Environment): ProcessSpec {
  for (const [name, flag] of Object.entries(CONTAINER_ONLY)) {
    if (name in flags) throw usage(`${flag}: a process has none`, "leave it out, or run a container");
  }
  const [program = ""] = before.command;
  return {
    ...before,
    ...withStop(flags),
    ...(flags.args === undefined ? {} : { command: [program, ...splitWords(flags.args, "--args")] }),
    env: withEnv(before.env, { add: flags.envAdd, remove: flags.envRm }, environment),
    health: withHealth(before.health, flags),
  };
}

function withStop({ stopSignal, stopGracePeriod, workdir }: SpecFlags): Partial<ProcessSpec> {
  return {
    ...(stopSignal === undefined ? {} : { stopSignal }),
    ...(stopGracePeriod === undefined ? {} : { stopGraceMs: parseDurationMs(stopGracePeriod, "--stop-grace-period") }),
    ...(workdir === undefined ? {} : { dir: workdir }),
  };
}

function withHealth(before: HealthCheck | null, flags: SpecFlags): HealthCheck | null {
  const { healthCmd, healthInterval, healthTimeout, healthRetries, healthStartPeriod, healthStartInterval } = flags;
  const given = [healthCmd, healthInterval, healthTimeout, healthRetries, healthStartPeriod, healthStartInterval];
  const isGiven = given.some((flag) => flag !== undefined);
  const none: HealthCheck = {
    test: [],
    intervalMs: 0,
    timeoutMs: 0,
    retries: 0,
    startPeriodMs: 0,
    startIntervalMs: 0,
  };
  if (flags.healthcheck === false) {
    if (isGiven) throw usage("--no-healthcheck: goes with no other --health flag");
    return { ...none, test: ["NONE"] };
  }
  if (!isGiven) return before;
  return {
    ...(before ?? none),
    ...(healthCmd === undefined ? {} : { test: ["CMD-SHELL", healthCmd] }),
    ...(healthInterval === undefined ? {} : { intervalMs: parseDurationMs(healthInterval, "--health-interval") }),
    ...(healthTimeout === undefined ? {} : { timeoutMs: parseDurationMs(healthTimeout, "--health-timeout") }),
    ...(healthRetries === undefined ? {} : { retries: count(healthRetries, "--health-retries") }),
    ...(healthStartPeriod === undefined
      ? {}
      : { startPeriodMs: parseDurationMs(healthStartPeriod, "--health-start-period") }),
    ...(healthStartInterval === undefined
      ? {}
      : { startIntervalMs: parseDurationMs(healthStartInterval, "--health-start-interval") }),
  };
}

/** A mount at a target that has one replaces it. */
function withMounts(before: readonly Mount[], { mountAdd = [], mountRm = [] }: SpecFlags): Mount[] {
  const added = mountAdd.map((text) => parseMount(text));
  const gone = new Set([...mountRm, ...added.map(({ target }) => target)]);
  return [...before.filter(({ target }) => !gone.has(target)), ...added];
}

/** Added is not dropped any more, and the other way round. */
function withCapabilities(
  before: ContainerSpec,
  { capAdd = [], capDrop = [] }: SpecFlags,
): Pick<ContainerSpec, "capAdd" | "capDrop"> {
  const name = (text: string): string => text.toUpperCase().replace(/^CAP_/, "");
  const both = capAdd.find((text) => capDrop.map(name).includes(name(text)));
  if (both !== undefined) throw usage(`--cap-add: "${both}" is dropped by --cap-drop as well`);
  const merge = (old: readonly string[], more: readonly string[], other: readonly string[]): string[] => {
    const gone = new Set([...more, ...other].map(name));
    return [...old.filter((text) => !gone.has(name(text))), ...more];
  };
  return { capAdd: merge(before.capAdd, capAdd, capDrop), capDrop: merge(before.capDrop, capDrop, capAdd) };
}

/** Lines are NAME:IP; removed by either the name or the whole line. */
function withHosts(before: readonly string[], { hostAdd = [], hostRm = [] }: SpecFlags): string[] {
  const gone = new Set([...hostRm, ...hostAdd]);
  const nameOf = (line: string): string => line.slice(0, line.indexOf(":"));
  return [...before.filter((line) => !gone.has(line) && !gone.has(nameOf(line))), ...hostAdd];
}
