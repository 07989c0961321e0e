/**
 * The daemon's settings: each is a flag, an environment variable and an entry of the config file,
 * the first that is given wins. One table is all three.
 */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { checkHostName, checkHostPort, checkLabels, checkName } from "../model/checks.ts";
import { parseNodeGenericResources } from "../model/generic-resources.ts";
import type { GenericResource } from "../model/index.ts";
import { NODE_NAME_LENGTH_MAX } from "../model/validate.ts";
import { AppError, invalid } from "../util/errors.ts";
import { parseBytes } from "../util/units.ts";

type Setting = {
  readonly flag: string;
  readonly takes: string | null;
  readonly help: string;
  readonly initial: string;
};

/** Keys name the flag in camel case; SHOAL_DATA_DIR and `data-dir` in the file follow from it. */
export const SETTINGS = {
  dataDir: { flag: "data-dir", takes: "DIR", help: "where the node keeps its state", initial: "/var/lib/shoal" },
  listen: { flag: "listen", takes: "HOST:PORT", help: "gRPC address to listen on", initial: "0.0.0.0:7377" },
  advertise: { flag: "advertise", takes: "HOST:PORT", help: "gRPC address others reach this node by", initial: "" },
  httpListen: {
    flag: "http-listen",
    takes: "HOST:PORT",
    help: "HTTP address of /healthz and /metrics",
    initial: "127.0.0.1:7378",
  },
  httpPlain: {
    flag: "http-plain",
    takes: null,
    help: "serve plain HTTP beyond loopback (only /healthz and /metrics)",
    initial: "",
  },
  socket: {
    flag: "socket",
    takes: "PATH",
    help: "unix socket of local administrators",
    initial: "/run/shoal/shoal.sock",
  },
  executor: { flag: "executor", takes: "KIND", help: "none, docker, process or auto", initial: "auto" },
  dockerHost: { flag: "docker-host", takes: "URL", help: "the engine's socket", initial: "/var/run/docker.sock" },
  nodeName: { flag: "node-name", takes: "NAME", help: "how people know this node", initial: "" },
  labels: { flag: "labels", takes: "K=V,...", help: "node labels set when it joins", initial: "" },
  nodeGenericResources: {
    flag: "node-generic-resources",
    takes: "KIND=N,...",
    help: "what the node has for tasks that reserve it: gpu=2, or by name gpu=UUID1,UUID2",
    initial: "",
  },
  init: { flag: "init", takes: null, help: "make a new cluster if the data directory is empty", initial: "" },
  clusterName: { flag: "cluster-name", takes: "NAME", help: "name of a new cluster", initial: "default" },
  tokenDir: { flag: "token-dir", takes: "DIR", help: "after --init, write the join tokens below it", initial: "" },
  join: { flag: "join", takes: "HOST:PORT,...", help: "managers to join if the data directory is empty", initial: "" },
  token: { flag: "token", takes: "TOKEN", help: "join token (better: --token-file)", initial: "" },
  tokenFile: { flag: "token-file", takes: "FILE", help: "file with the join token; waited for", initial: "" },
  diskLow: {
    flag: "disk-low",
    takes: "SIZE",
    help: "a manager with less free space refuses changes and hands leadership over (256m, or 5 % of a small disk)",
    initial: "",
  },
  diskStop: {
    flag: "disk-stop",
    takes: "SIZE",
    help: "a manager with less free space stops (64m, or 1.25 % of a small disk)",
    initial: "",
  },
  logLevel: { flag: "log-level", takes: "LEVEL", help: "debug, info, warn or error", initial: "info" },
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingName = keyof typeof SETTINGS;
export type RawSettings = Partial<Record<SettingName, string | undefined>>;

export type ExecutorKind = "none" | "docker" | "process" | "auto";

export type DaemonConfig = {
  readonly dataDir: string;
  readonly listen: string;
  readonly advertise: string;
  /** The operator said so; else it was guessed from `listen`. */
  readonly isAdvertiseSet: boolean;
  readonly httpListen: string;
  readonly httpPlain: boolean;
  readonly socket: string;
  readonly executor: ExecutorKind;
  readonly dockerHost: string;
  readonly nodeName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly generic: readonly GenericResource[];
  readonly init: boolean;
  readonly clusterName: string;
  readonly tokenDir: string;
  readonly join: readonly string[];
  readonly token: string;
  readonly tokenFile: string;
  /** Marks of free disk space, bytes; null is the default. */
  readonly disk: { readonly lowBytes: number | null; readonly stopBytes: number | null };
  readonly logLevel: "debug" | "info" | "warn" | "error";
};

export function envName(name: SettingName): string {
  return `SHOAL_${SETTINGS[name].flag.replaceAll("-", "_").toUpperCase()}`;
}

/** @param file path of a config file of `flag-name = value` lines, or "" */
export function readConfig(flags: RawSettings, environment: NodeJS.ProcessEnv, file: string): DaemonConfig {
  const fromFile = file === "" ? new Map<string, string>() : parseFile(file);
  // An empty variable is one that was not set: Compose files and unit files make them so.
  const get = (name: SettingName): string =>
    [flags[name], environment[envName(name)], fromFile.get(SETTINGS[name].flag)].find(isGiven) ??
    SETTINGS[name].initial;
  const listen = listenAddress(get("listen"), "listen");
  return {
    dataDir: get("dataDir"),
    listen,
    isAdvertiseSet: get("advertise") !== "",
    advertise: get("advertise") === "" ? advertised(listen) : address(get("advertise"), "advertise"),
    httpListen: listenAddress(get("httpListen"), "http-listen"),
    httpPlain: isOn(get("httpPlain")),
    socket: get("socket"),
    executor: oneOf(get("executor"), "executor", ["none", "docker", "process", "auto"]),
    dockerHost: get("dockerHost").replace(/^unix:\/\//, ""),
    nodeName: nodeName(get("nodeName")),
    labels: parseLabels(get("labels")),
    generic: parseNodeGenericResources([get("nodeGenericResources")], "node-generic-resources"),
    init: isOn(get("init")),
    clusterName: clusterName(get("clusterName")),
    tokenDir: get("tokenDir"),
    join:
      get("join") === ""
        ? []
        : get("join")
            .split(",")
            .map((text) => address(text.trim(), "join")),
    token: get("token"),
    tokenFile: get("tokenFile"),
    disk: marks(get("diskLow"), get("diskStop")),
    logLevel: oneOf(get("logLevel"), "log-level", ["debug", "info", "warn", "error"]),
  };
}

function marks(low: string, stop: string): DaemonConfig["disk"] {
  const lowBytes = low === "" ? null : parseBytes(low, "disk-low");
  const stopBytes = stop === "" ? null : parseBytes(stop, "disk-stop");
  if (lowBytes !== null && stopBytes !== null && stopBytes > lowBytes)
    throw invalid("disk-stop", `${stop} is more than disk-low, ${low}`, "a manager refuses changes before it stops");
  return { lowBytes, stopBytes };
}

function isGiven(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}

function isOn(text: string): boolean {
  return text !== "" && text !== "0" && text !== "false";
}

function oneOf<const T extends string>(text: string, path: string, allowed: readonly T[]): T {
  const found = allowed.find((value) => value === text);
  if (found === undefined) throw invalid(path, `"${text}" is not one of ${allowed.join(", ")}`);
  return found;
}

function address(text: string, path: string): string {
  checkHostPort(text, path);
  return text;
}

function listenAddress(text: string, path: string): string {
  checkHostPort(text, path, { portMin: 0 });
  return text;
}

/** Of the machine, unless one is given. */
function nodeName(given: string): string {
  const name = given === "" ? hostname() : given;
  checkHostName(name, "node-name", NODE_NAME_LENGTH_MAX);
  return name;
}

function clusterName(name: string): string {
  checkName(name, "cluster-name");
  return name;
}

/** Listening everywhere says nothing about how others reach us; the host's name is the best guess. */
function advertised(listen: string): string {
  const at = listen.lastIndexOf(":");
  const host = listen.slice(0, at);
  return host === "0.0.0.0" || host === "[::]" ? `${hostname()}:${listen.slice(at + 1)}` : listen;
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const part of text.split(",")) {
    if (part === "") continue;
    const at = part.indexOf("=");
    if (at <= 0) throw invalid("labels", `"${part}" is not KEY=VALUE`);
    labels[part.slice(0, at)] = part.slice(at + 1);
  }
  checkLabels(labels, "labels");
  return labels;
}

function parseFile(path: string): Map<string, string> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const details = { path: "config", next: "give one that this user may read" };
    throw new AppError("invalid", `Cannot read the config file ${path}: ${why}`, details, error);
  }
  const known = new Set(Object.values(SETTINGS).map((setting): string => setting.flag));
  const values = new Map<string, string>();
  for (const [at, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const [, name = "", value = ""] = /^([a-z-]+)\s*=\s*(.*)$/.exec(line) ?? [];
    // Never the value: it may be a token under a misspelt name.
    if (name === "") throw invalid(`${path}:${at + 1}`, "is no entry", "write it as name = value");
    if (!known.has(name))
      throw invalid(`${path}:${at + 1}`, `unknown entry "${name}"`, "shoal daemon --help lists what there is");
    values.set(name, value);
  }
  return values;
}
