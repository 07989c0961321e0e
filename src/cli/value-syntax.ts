/** The little languages inside flags: ports, mounts, environment, words, numbers. Docker's, as far as they go. Pure. */
import type { Mount, PortSpec } from "../model/index.ts";
import { parseBytes } from "../util/units.ts";
import { usage } from "./exit.ts";

const PORT_MAX = 65_535;

export type Environment = Readonly<Record<string, string | undefined>>;

export function integer(text: string, flag: string): number {
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value)) throw usage(`${flag}: "${text}" is not a whole number`);
  return value;
}

/** A count: nothing here may be negative. */
export function count(text: string, flag: string): number {
  const value = integer(text, flag);
  if (value < 0) throw usage(`${flag}: ${text} is negative`);
  return value;
}

/** `on-failure` -> ON_FAILURE. */
export function choice<T extends string>(text: string, flag: string, allowed: readonly T[]): T {
  const value = text.toUpperCase().replaceAll("-", "_");
  const found = allowed.find((name) => name === value);
  if (found !== undefined) return found;
  const names = allowed.map((name) => name.toLowerCase().replaceAll("_", "-"));
  throw usage(`${flag}: "${text}" is not ${names.slice(0, -1).join(", ")} or ${names.at(-1) ?? ""}`);
}

/** `8080`, `80:8080`, `0:8080`, `127.0.0.1:80:8080/udp`, or docker's `published=80,target=8080,protocol=tcp`. */
export function parsePort(text: string, flag = "--publish"): PortSpec {
  if (text.includes("=")) return parseLongPort(text, flag);
  if (/\d-\d/.test(text)) throw usage(`${flag}: "${text}" is a range of ports`, "publish each port by itself");
  const match =
    /^(?:(?<ip>\d+\.\d+\.\d+\.\d+|\[[0-9a-fA-F:]+\]):)?(?:(?<published>\d*):)?(?<target>\d+)(?:\/(?<protocol>[a-z]+))?$/i.exec(
      text,
    );
  const groups = match?.groups;
  if (groups === undefined) throw usage(`${flag}: "${text}" is not [IP:][PUBLISHED:]TARGET[/tcp|udp]`);
  return {
    target: port(groups["target"] ?? "", `${flag}: target`, 1),
    published: port(groups["published"] || "0", `${flag}: published`, 0),
    protocol: choice(groups["protocol"] ?? "tcp", `${flag}: protocol`, ["TCP", "UDP"]),
    hostIp: groups["ip"]?.replace(/^\[|\]$/g, "") ?? "",
  };
}

function port(text: string, flag: string, min: number): number {
  const value = integer(text, flag);
  if (value < min || value > PORT_MAX) throw usage(`${flag}: ${text} is not a port from ${min} to ${PORT_MAX}`);
  return value;
}

function parseLongPort(text: string, flag: string): PortSpec {
  const known = ["published", "target", "protocol", "mode", "host-ip"];
  const values = new Map(text.split(",").map((part) => pair(part)));
  const odd = [...values.keys()].find((key) => !known.includes(key));
  if (odd !== undefined) throw usage(`${flag}: unknown key "${odd}" in "${text}"`, `use ${known.join(", ")}`);
  const target = values.get("target");
  if (target === undefined) throw usage(`${flag}: "${text}" has no target=`);
  const mode = values.get("mode") ?? "host";
  if (mode === "ingress") {
    throw usage(
      `${flag}: mode=ingress is not there yet: ports are published on the task's own node`,
      "leave mode out, or mode=host",
    );
  }
  if (mode !== "host") throw usage(`${flag}: mode "${mode}" in "${text}" is not host`);
  return {
    target: port(target, `${flag}: target`, 1),
    published: port(values.get("published") ?? "0", `${flag}: published`, 0),
    protocol: choice(values.get("protocol") ?? "tcp", `${flag}: protocol`, ["TCP", "UDP"]),
    hostIp: values.get("host-ip") ?? "",
  };
}

/** What `--publish-rm` names: the target, of one protocol or of any. */
export type PortName = { readonly target: number; readonly protocol: PortSpec["protocol"] | null };

export function parsePortName(text: string, flag = "--publish-rm"): PortName {
  const match = /^(?<target>\d+)(?:\/(?<protocol>tcp|udp))?$/i.exec(text);
  if (match === null) throw usage(`${flag}: "${text}" is not TARGET[/tcp|udp]`, "name the port inside the container");
  const { target = "", protocol } = match.groups ?? {};
  return {
    target: port(target, flag, 1),
    protocol: protocol === undefined ? null : choice<PortSpec["protocol"]>(protocol, flag, ["TCP", "UDP"]),
  };
}

/** `type=volume,source=data,target=/data,readonly`, or `SOURCE:TARGET[:ro]`. */
export function parseMount(text: string, flag = "--mount"): Mount {
  const mount = text.includes("=") ? parseLongMount(text, flag) : parseShortMount(text, flag);
  if (mount.target === "") throw usage(`${flag}: "${text}" has no target`);
  return mount;
}

const EMPTY_MOUNT: Omit<Mount, "driverOptions"> = {
  type: "VOLUME",
  source: "",
  target: "",
  readOnly: false,
  tmpfsSizeBytes: 0,
  shared: false,
  driver: "",
  local: false,
};

function parseShortMount(text: string, flag: string): Mount {
  const [source = "", target = "", mode = "rw", ...rest] = text.split(":");
  if (target === "" || rest.length > 0 || (mode !== "ro" && mode !== "rw"))
    throw usage(`${flag}: "${text}" is not SOURCE:TARGET[:ro]`);
  const type = source.startsWith("/") ? "BIND" : "VOLUME";
  return { ...EMPTY_MOUNT, driverOptions: {}, type, source, target, readOnly: mode === "ro" };
}

function parseLongMount(text: string, flag: string): Mount {
  const mount: Mount = { ...EMPTY_MOUNT, driverOptions: {} };
  for (const part of commaSeparated(text, flag)) {
    const [key, value] = pair(part);
    if (key === "type") mount.type = choice(value, `${flag}: type`, ["BIND", "VOLUME", "TMPFS"]);
    else if (key === "source" || key === "src") mount.source = value;
    else if (key === "target" || key === "dst" || key === "destination") mount.target = value;
    else if (key === "readonly" || key === "ro")
      mount.readOnly = isTrue(part.includes("=") ? value : "true", `${flag}: ${key}`);
    else if (key === "shared") mount.shared = isTrue(part.includes("=") ? value : "true", `${flag}: ${key}`);
    else if (key === "local") mount.local = isTrue(part.includes("=") ? value : "true", `${flag}: ${key}`);
    else if (key === "volume-driver") mount.driver = value;
    else if (key === "volume-opt") {
      const [name, option] = pair(value);
      mount.driverOptions[name] = option;
    } else if (key === "tmpfs-size") mount.tmpfsSizeBytes = parseBytes(value, flag);
    else {
      const next = "use type, source, target, readonly, shared, local, volume-driver, volume-opt, tmpfs-size";
      throw usage(`${flag}: unknown key "${key}" in "${text}"`, next);
    }
  }
  return mount;
}

/** As in a line of a CSV file: what holds commas stands in double quotes, and a double quote in it twice. */
function commaSeparated(text: string, flag: string): string[] {
  const parts = [...text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"(?=,|$)|([^",]*)(?=,|$))/g)];
  const length = parts.reduce((sum, [whole]) => sum + whole.length, 0);
  if (length !== text.length)
    throw usage(`${flag}: ${text} has a double quote out of place`, 'write "volume-opt=o=a,b"');
  return parts.map(([, quoted, plain = ""]) => (quoted === undefined ? plain : quoted.replaceAll('""', '"')));
}

function isTrue(text: string, flag: string): boolean {
  if (text === "true" || text === "1") return true;
  if (text === "false" || text === "0") return false;
  throw usage(`${flag}: "${text}" is not true or false`);
}

/** Values may hold further equals signs. */
function pair(part: string): [string, string] {
  const at = part.indexOf("=");
  return at < 0 ? [part.trim(), ""] : [part.slice(0, at).trim(), part.slice(at + 1)];
}

/** Lines of an --env-file: NAME=value as it stands, NAME alone from the caller's environment, # comments. */
export function parseEnvFile(text: string, source: string): string[] {
  const entries: string[] = [];
  for (const [at, raw] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const line = raw.trimStart();
    if (line === "" || line.startsWith("#")) continue;
    const [name] = pair(line);
    if (name === "" || /\s/.test(name)) throw usage(`--env-file: ${source}:${at + 1}: "${line}" is not NAME=value`);
    entries.push(line.includes("=") ? line : name);
  }
  return entries;
}

/** Adds and removes variables, keeping the order. As docker does, a bare name that is not set here sets nothing. */
export function withEnv(
  before: readonly string[],
  {
    add = [],
    remove = [],
  }: { readonly add?: readonly string[] | undefined; readonly remove?: readonly string[] | undefined },
  environment: Environment,
): string[] {
  const values = new Map(before.map((entry) => [pair(entry)[0], entry]));
  for (const name of remove) {
    if (name.includes("=")) throw usage(`--env-rm: "${name}" is not a name`, `write ${pair(name)[0]}`);
    values.delete(name);
  }
  for (const entry of add) {
    const [name] = pair(entry);
    if (name === "") throw usage(`--env: "${entry}" is not NAME=value`);
    const value = entry.includes("=") ? entry : environment[name];
    if (value !== undefined) values.set(name, entry.includes("=") ? entry : `${name}=${value}`);
  }
  return [...values.values()];
}

const WORD = /(?:[^\s"'\\]+|"(?:[^"\\]|\\.)*"|'[^']*'|\\.)+/gs;

/** Words as a shell splits them: quotes group, a backslash escapes. Nothing is expanded. */
export function splitWords(text: string, flag: string): string[] {
  const rest = text.replace(WORD, "");
  if (rest.trim() !== "") throw usage(`${flag}: "${text}" has a quote without its end`);
  return [...text.matchAll(WORD)].map(([word]) =>
    word.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/gs, (_, double?: string, single?: string, escaped?: string) =>
      // Inside double quotes a backslash escapes only itself and the quote.
      double === undefined ? (single ?? escaped ?? "") : double.replace(/\\(["\\])/g, "$1"),
    ),
  );
}

/** `key=value` or `key`, as labels are written. */
export function parsePair(text: string, flag: string): readonly [string, string] {
  const [key, value] = pair(text);
  if (key === "") throw usage(`${flag}: "${text}" is not KEY=VALUE`);
  return [key, value];
}

export type PairChange = {
  readonly add?: readonly string[] | undefined;
  readonly remove?: readonly string[] | undefined;
  readonly flag: string;
};

export function withPairs(
  before: Readonly<Record<string, string>>,
  { add = [], remove = [], flag }: PairChange,
): Record<string, string> {
  const pairs = new Map(Object.entries(before));
  for (const key of remove) pairs.delete(key);
  for (const text of add) pairs.set(...parsePair(text, flag));
  return Object.fromEntries(pairs);
}
