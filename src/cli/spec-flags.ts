/** `service create` and `service update` flags -> ServiceSpec. Names are Docker's. Pure. */
import type { Mount, PortSpec, ServiceSpec, TaskSpec } from "../model/index.ts";
import type { ServiceSpecInput } from "../proto/gen/ServiceSpec.ts";
import { invalid } from "../util/errors.ts";
import { parseBytes, parseDurationMs, parseNanoCpus } from "../util/units.ts";
import { usage } from "./exit.ts";

/** As commander gives them: absent keys were not on the command line. */
export type SpecFlags = {
  readonly name?: string;
  readonly replicas?: string;
  readonly label?: readonly string[];
  readonly containerLabel?: readonly string[];
  readonly env?: readonly string[];
  readonly publish?: readonly string[];
  readonly mount?: readonly string[];
  readonly constraint?: readonly string[];
  readonly limitCpu?: string;
  readonly limitMemory?: string;
  readonly limitPids?: string;
  readonly reserveCpu?: string;
  readonly reserveMemory?: string;
  readonly restartCondition?: string;
  readonly restartDelay?: string;
  readonly restartMaxAttempts?: string;
  readonly restartWindow?: string;
  readonly replicasMaxPerNode?: string;
  readonly updateParallelism?: string;
  readonly updateOrder?: string;
  readonly stopSignal?: string;
  readonly stopGracePeriod?: string;
  readonly healthCmd?: string;
  readonly healthInterval?: string;
  readonly healthTimeout?: string;
  readonly healthRetries?: string;
  readonly healthStartPeriod?: string;
  readonly healthcheck?: boolean;
  readonly user?: string;
  readonly workdir?: string;
  readonly hostname?: string;
  readonly entrypoint?: string;
  readonly readOnly?: boolean;
  readonly init?: boolean;
  readonly tty?: boolean;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly sysctl?: readonly string[];
  readonly addHost?: readonly string[];
  readonly logDriver?: string;
  readonly logOpt?: readonly string[];
  readonly pull?: string;
  readonly runtime?: string;
  readonly image?: string;
  readonly args?: string;
  readonly force?: boolean;
  readonly envAdd?: readonly string[];
  readonly envRm?: readonly string[];
  readonly labelAdd?: readonly string[];
  readonly labelRm?: readonly string[];
  readonly constraintAdd?: readonly string[];
  readonly constraintRm?: readonly string[];
  readonly publishAdd?: readonly string[];
  readonly publishRm?: readonly string[];
  readonly mountAdd?: readonly string[];
  readonly mountRm?: readonly string[];
};

/** @param words the image and its arguments, or with --runtime process the command. */
export function newSpec(flags: SpecFlags, words: readonly string[]): ServiceSpecInput {
  const isProcess = flags.runtime === "process";
  if (flags.runtime !== undefined && flags.runtime !== "process" && flags.runtime !== "container") {
    throw usage(`--runtime: "${flags.runtime}" is not container or process`);
  }
  if (words.length === 0)
    throw usage(isProcess ? "A command is missing" : "An image is missing", "shoal service create --help");
  const [image = "", ...args] = words;
  const runtime: Partial<TaskSpec> = isProcess
    ? { runtime: "process", process: { command: [...words], env: [], dir: "", stopSignal: "", health: null } }
    : { runtime: "container", container: emptyContainer(image, args) };
  const spec: ServiceSpec = {
    name: flags.name ?? "",
    labels: {},
    mode: "replicated",
    replicated: { replicas: 1 },
    update: null,
    task: { ...runtime, resources: null, restart: null, placement: null, log: null, ports: [], forceUpdate: 0 },
  };
  return applyFlags(spec, {
    ...flags,
    ...(flags.env === undefined ? {} : { envAdd: flags.env }),
    ...(flags.label === undefined ? {} : { labelAdd: flags.label }),
    ...(flags.constraint === undefined ? {} : { constraintAdd: flags.constraint }),
    ...(flags.publish === undefined ? {} : { publishAdd: flags.publish }),
    ...(flags.mount === undefined ? {} : { mountAdd: flags.mount }),
  });
}

type Container = NonNullable<TaskSpec["container"]>;

function emptyContainer(image: string, args: readonly string[]): Container {
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
  };
}

/** The spec with what the flags change; everything else as it is. */
export function applyFlags(spec: ServiceSpec, flags: SpecFlags): ServiceSpec {
  const task = spec.task ?? { resources: null, restart: null, placement: null, log: null, ports: [], forceUpdate: 0 };
  return {
    ...spec,
    labels: withPairs(spec.labels, flags.labelAdd, flags.labelRm, "--label"),
    ...(flags.replicas === undefined ? {} : { replicated: { replicas: integer(flags.replicas, "--replicas") } }),
    update: withUpdate(spec.update, flags),
    task: withTask(task, flags),
  };
}

function withTask(task: TaskSpec, flags: SpecFlags): TaskSpec {
  return {
    ...task,
    ...withRuntime(task, flags),
    resources: withResources(task.resources, flags),
    restart: withRestart(task.restart, flags),
    placement: withPlacement(task.placement, flags),
    log: withLog(task.log, flags),
    ports: withPorts(task.ports, flags),
    forceUpdate: flags.force === true ? task.forceUpdate + 1 : task.forceUpdate,
  };
}

function withRuntime(task: TaskSpec, flags: SpecFlags): Partial<TaskSpec> {
  const shared = {
    ...(flags.stopSignal === undefined ? {} : { stopSignal: flags.stopSignal }),
    ...(flags.stopGracePeriod === undefined
      ? {}
      : { stopGraceMs: parseDurationMs(flags.stopGracePeriod, "--stop-grace-period") }),
    ...(flags.workdir === undefined ? {} : { dir: flags.workdir }),
  };
  if (task.process) {
    const { process } = task;
    return {
      process: { ...process, ...shared, env: withEnv(process.env, flags), health: withHealth(process.health, flags) },
    };
  }
  const container = task.container ?? emptyContainer("", []);
  return { container: withContainer({ ...container, ...shared }, flags) };
}

function withContainer(container: Container, flags: SpecFlags): Container {
  const pull = flags.pull?.toUpperCase();
  if (pull !== undefined && pull !== "MISSING" && pull !== "ALWAYS" && pull !== "NEVER") {
    throw usage(`--pull: "${flags.pull ?? ""}" is not missing, always or never`);
  }
  return {
    ...container,
    ...(flags.image === undefined ? {} : { image: flags.image }),
    ...(flags.args === undefined ? {} : { args: splitWords(flags.args) }),
    ...(flags.entrypoint === undefined ? {} : { command: splitWords(flags.entrypoint) }),
    env: withEnv(container.env, flags),
    labels: withPairs(container.labels, flags.containerLabel, undefined, "--container-label"),
    mounts: withMounts(container.mounts, flags),
    health: withHealth(container.health, flags),
    ...(pull === undefined ? {} : { pullPolicy: pull }),
    ...(flags.user === undefined ? {} : { user: flags.user }),
    ...(flags.hostname === undefined ? {} : { hostname: flags.hostname }),
    ...(flags.readOnly === undefined ? {} : { readOnly: flags.readOnly }),
    ...(flags.init === undefined ? {} : { init: flags.init }),
    ...(flags.tty === undefined ? {} : { tty: flags.tty }),
    ...(flags.capAdd === undefined ? {} : { capAdd: [...flags.capAdd] }),
    ...(flags.capDrop === undefined ? {} : { capDrop: [...flags.capDrop] }),
    ...(flags.sysctl === undefined ? {} : { sysctls: withPairs({}, flags.sysctl, undefined, "--sysctl") }),
    ...(flags.addHost === undefined ? {} : { extraHosts: [...flags.addHost] }),
  };
}

function withResources(before: TaskSpec["resources"], flags: SpecFlags): TaskSpec["resources"] {
  const { limitCpu, limitMemory, limitPids, reserveCpu, reserveMemory } = flags;
  if ([limitCpu, limitMemory, limitPids, reserveCpu, reserveMemory].every((flag) => flag === undefined)) return before;
  const limits = { ...(before?.limits ?? { nanoCpus: 0, memoryBytes: 0 }) };
  const reservations = { ...(before?.reservations ?? { nanoCpus: 0, memoryBytes: 0 }) };
  if (limitCpu !== undefined) limits.nanoCpus = parseNanoCpus(limitCpu, "--limit-cpu");
  if (limitMemory !== undefined) limits.memoryBytes = parseBytes(limitMemory, "--limit-memory");
  if (reserveCpu !== undefined) reservations.nanoCpus = parseNanoCpus(reserveCpu, "--reserve-cpu");
  if (reserveMemory !== undefined) reservations.memoryBytes = parseBytes(reserveMemory, "--reserve-memory");
  return {
    limits,
    reservations,
    pidsLimit: limitPids === undefined ? (before?.pidsLimit ?? 0) : integer(limitPids, "--limit-pids"),
  };
}

function withRestart(before: TaskSpec["restart"], flags: SpecFlags): TaskSpec["restart"] {
  const { restartCondition, restartDelay, restartMaxAttempts, restartWindow } = flags;
  if ([restartCondition, restartDelay, restartMaxAttempts, restartWindow].every((flag) => flag === undefined))
    return before;
  const condition = restartCondition?.toUpperCase().replace("-", "_") ?? before?.condition ?? "ANY";
  if (condition !== "ANY" && condition !== "ON_FAILURE" && condition !== "NONE") {
    throw usage(`--restart-condition: "${restartCondition ?? ""}" is not any, on-failure or none`);
  }
  return {
    ...before,
    condition,
    maxAttempts:
      restartMaxAttempts === undefined
        ? (before?.maxAttempts ?? 0)
        : integer(restartMaxAttempts, "--restart-max-attempts"),
    windowMs:
      restartWindow === undefined ? (before?.windowMs ?? 0) : parseDurationMs(restartWindow, "--restart-window"),
    ...(restartDelay === undefined ? {} : { delayMs: parseDurationMs(restartDelay, "--restart-delay") }),
  };
}

function withPlacement(before: TaskSpec["placement"], flags: SpecFlags): TaskSpec["placement"] {
  const { constraintAdd, constraintRm, replicasMaxPerNode } = flags;
  if (constraintAdd === undefined && constraintRm === undefined && replicasMaxPerNode === undefined) return before;
  const kept = (before?.constraints ?? []).filter((text) => constraintRm?.includes(text) !== true);
  return {
    constraints: [...kept, ...(constraintAdd ?? [])],
    maxReplicasPerNode:
      replicasMaxPerNode === undefined
        ? (before?.maxReplicasPerNode ?? 0)
        : integer(replicasMaxPerNode, "--replicas-max-per-node"),
    platforms: before?.platforms ?? [],
  };
}

function withUpdate(before: ServiceSpec["update"], flags: SpecFlags): ServiceSpec["update"] {
  if (flags.updateParallelism === undefined && flags.updateOrder === undefined) return before;
  const order = flags.updateOrder?.toUpperCase().replace("-", "_") ?? before?.order ?? "STOP_FIRST";
  if (order !== "STOP_FIRST" && order !== "START_FIRST") {
    throw usage(`--update-order: "${flags.updateOrder ?? ""}" is not stop-first or start-first`);
  }
  const parallelism =
    flags.updateParallelism === undefined
      ? (before?.parallelism ?? 0)
      : integer(flags.updateParallelism, "--update-parallelism");
  return { parallelism, order };
}

function withLog(before: TaskSpec["log"], flags: SpecFlags): TaskSpec["log"] {
  if (flags.logDriver === undefined && flags.logOpt === undefined) return before;
  return {
    driver: flags.logDriver ?? before?.driver ?? "",
    options: withPairs(before?.options ?? {}, flags.logOpt, undefined, "--log-opt"),
  };
}

function withHealth(before: Container["health"], flags: SpecFlags): Container["health"] {
  if (flags.healthcheck === false) return { test: ["NONE"], intervalMs: 0, timeoutMs: 0, retries: 0, startPeriodMs: 0 };
  const { healthCmd, healthInterval, healthTimeout, healthRetries, healthStartPeriod } = flags;
  if ([healthCmd, healthInterval, healthTimeout, healthRetries, healthStartPeriod].every((flag) => flag === undefined))
    return before;
  const base = before ?? { test: [], intervalMs: 0, timeoutMs: 0, retries: 0, startPeriodMs: 0 };
  return {
    test: healthCmd === undefined ? base.test : ["CMD-SHELL", healthCmd],
    intervalMs: healthInterval === undefined ? base.intervalMs : parseDurationMs(healthInterval, "--health-interval"),
    timeoutMs: healthTimeout === undefined ? base.timeoutMs : parseDurationMs(healthTimeout, "--health-timeout"),
    retries: healthRetries === undefined ? base.retries : integer(healthRetries, "--health-retries"),
    startPeriodMs:
      healthStartPeriod === undefined
        ? base.startPeriodMs
        : parseDurationMs(healthStartPeriod, "--health-start-period"),
  };
}

function withEnv(before: readonly string[], { envAdd, envRm }: SpecFlags): string[] {
  const values = new Map(before.map((entry) => [entry.split("=", 1)[0] ?? "", entry]));
  for (const name of envRm ?? []) values.delete(name);
  for (const entry of envAdd ?? []) {
    const name = entry.split("=", 1)[0] ?? "";
    // As docker does: a bare name takes the value of the caller's own environment.
    values.set(name, entry.includes("=") ? entry : `${name}=${process.env[name] ?? ""}`);
  }
  return [...values.values()];
}

function withPairs(
  before: Readonly<Record<string, string>>,
  add: readonly string[] | undefined,
  remove: readonly string[] | undefined,
  flag: string,
): Record<string, string> {
  const pairs = { ...before };
  for (const key of remove ?? []) delete pairs[key];
  for (const text of add ?? []) {
    const at = text.indexOf("=");
    if (text === "" || at === 0) throw usage(`${flag}: "${text}" is not KEY=VALUE`);
    pairs[at < 0 ? text : text.slice(0, at)] = at < 0 ? "" : text.slice(at + 1);
  }
  return pairs;
}

function withPorts(before: readonly PortSpec[], { publishAdd, publishRm }: SpecFlags): PortSpec[] {
  const removed = new Set((publishRm ?? []).map((text) => Number(text)));
  return [...before.filter((port) => !removed.has(port.target)), ...(publishAdd ?? []).map(parsePort)];
}

/** `8080`, `80:8080`, `0:8080`, `127.0.0.1:80:8080/udp`, or docker's `published=80,target=8080,protocol=tcp`. */
export function parsePort(text: string): PortSpec {
  if (text.includes("=")) return parseLongPort(text);
  const match =
    /^(?:(?<ip>\d+\.\d+\.\d+\.\d+|\[[0-9a-fA-F:]+\]):)?(?:(?<published>\d*):)?(?<target>\d+)(?:\/(?<protocol>tcp|udp))?$/.exec(
      text,
    );
  const groups = match?.groups;
  if (groups === undefined) throw usage(`--publish: "${text}" is not [IP:][PUBLISHED:]TARGET[/tcp|udp]`);
  return {
    target: Number(groups["target"]),
    published: Number(groups["published"] ?? "0"),
    protocol: groups["protocol"] === "udp" ? "UDP" : "TCP",
    hostIp: groups["ip"]?.replace(/^\[|\]$/g, "") ?? "",
  };
}

function parseLongPort(text: string): PortSpec {
  const values = new Map(
    text.split(",").map((part) => [part.split("=", 1)[0] ?? "", part.slice(part.indexOf("=") + 1)]),
  );
  const known = ["published", "target", "protocol", "mode"];
  const odd = [...values.keys()].find((key) => !known.includes(key));
  if (odd !== undefined || !values.has("target"))
    throw usage(`--publish: "${text}" needs target=, and knows ${known.join(", ")}`);
  if (values.get("mode") === "ingress") {
    throw invalid(
      "--publish",
      "mode=ingress is not there yet: ports are published on the task's own node",
      "leave mode out, or mode=host",
    );
  }
  return {
    target: integer(values.get("target") ?? "", "--publish target"),
    published: integer(values.get("published") ?? "0", "--publish published"),
    protocol: values.get("protocol") === "udp" ? "UDP" : "TCP",
    hostIp: "",
  };
}

function withMounts(before: readonly Mount[], { mountAdd, mountRm }: SpecFlags): Mount[] {
  return [...before.filter((mount) => mountRm?.includes(mount.target) !== true), ...(mountAdd ?? []).map(parseMount)];
}

/** `type=volume,source=data,target=/data,readonly`, or `source:target[:ro]`. */
export function parseMount(text: string): Mount {
  const mount: Mount = { type: "VOLUME", source: "", target: "", readOnly: false, tmpfsSizeBytes: 0 };
  if (!text.includes("=")) {
    const [source = "", target = "", mode = ""] = text.split(":");
    if (target === "" || (mode !== "" && mode !== "ro" && mode !== "rw"))
      throw usage(`--mount: "${text}" is not SOURCE:TARGET[:ro]`);
    return { ...mount, type: source.startsWith("/") ? "BIND" : "VOLUME", source, target, readOnly: mode === "ro" };
  }
  for (const part of text.split(",")) {
    const [key = "", value = "true"] = part.split("=", 2);
    if (key === "type") mount.type = mountType(value, text);
    else if (key === "source" || key === "src") mount.source = value;
    else if (key === "target" || key === "dst" || key === "destination") mount.target = value;
    else if (key === "readonly" || key === "ro") mount.readOnly = value !== "false" && value !== "0";
    else if (key === "tmpfs-size") mount.tmpfsSizeBytes = parseBytes(value, "--mount tmpfs-size");
    else throw usage(`--mount: unknown key "${key}" in "${text}"`);
  }
  return mount;
}

function mountType(value: string, text: string): Mount["type"] {
  const type = value.toUpperCase();
  if (type === "BIND" || type === "VOLUME" || type === "TMPFS") return type;
  throw usage(`--mount: type "${value}" in "${text}" is not bind, volume or tmpfs`);
}

export function integer(text: string, flag: string): number {
  if (!/^-?\d+$/.test(text)) throw usage(`${flag}: "${text}" is not a whole number`);
  return Number(text);
}

/** Words as a shell splits them: quotes group, a backslash escapes. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  for (const match of text.matchAll(/(?:[^\s"'\\]+|"(?:[^"\\]|\\.)*"|'[^']*'|\\.)+/g)) {
    words.push(
      match[0].replace(
        /"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g,
        (_, double?: string, single?: string, escaped?: string) =>
          double === undefined ? (single ?? escaped ?? "") : double.replace(/\\(.)/g, "$1"),
      ),
    );
  }
  return words;
}
