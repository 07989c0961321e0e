/**
 * Contexts: how a CLI reaches a cluster. One JSON file each below ~/.shoal/contexts (or
 * SHOAL_CONFIG), mode 0600 for it holds a private key; ~/.shoal/current names the one in use.
 * What the cluster named as its managers last, those that joined later too, is below ~/.shoal/managers: commands that
 * only read write that, and never the file with the key, which another shell may import or remove at that moment.
 */
import { X509Certificate } from "node:crypto";
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { AppError } from "../util/errors.ts";
import { makeFolder } from "../util/make-folder.ts";

export type Context = {
  readonly name: string;
  readonly clusterId: string;
  readonly hosts: readonly string[];
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly rootCertificatePem: string;
  /** As the cluster named them last; tried after `hosts`. */
  readonly managers?: readonly string[];
};

export type ContextSummary = {
  readonly name: string;
  readonly isCurrent: boolean;
  readonly hosts: readonly string[];
  /** Unix ms of the certificate's end; null when the file is broken. */
  readonly expiresAtMs: number | null;
  /** What is wrong with the file, empty if nothing. */
  readonly error: string;
};

const NAME_PATTERN = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/;
const HOSTS_MAX = 100;
const TEXTS = ["name", "clusterId", "certificatePem", "keyPem", "rootCertificatePem"] as const;

function root(): string {
  const given = process.env["SHOAL_CONFIG"] ?? "";
  return given === "" ? join(homedir(), ".shoal") : given;
}

export function checkContextName(name: string): void {
  if (NAME_PATTERN.test(name)) return;
  throw new AppError("invalid", `"${name}" is not a context name`, {
    path: "name",
    next: "use letters, digits, dots, dashes and underscores, at most 63",
  });
}

function fileOf(name: string): string {
  checkContextName(name);
  return join(root(), "contexts", `${name}.json`);
}

/** A broken file is listed with what is wrong, so that it hides none of the others. */
export function listContexts(): ContextSummary[] {
  const dir = join(root(), "contexts");
  if (!existsSync(dir)) return [];
  const current = currentName();
  return onDisk(`read ${dir}`, () => readdirSync(dir))
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.slice(0, -".json".length))
    .filter((name) => NAME_PATTERN.test(name))
    .toSorted()
    .map((name) => ({ name, isCurrent: name === current, ...summarize(name) }));
}

function summarize(name: string): Pick<ContextSummary, "hosts" | "expiresAtMs" | "error"> {
  try {
    const { hosts, certificatePem } = loadContext(name);
    return { hosts, expiresAtMs: Date.parse(new X509Certificate(certificatePem).validTo), error: "" };
  } catch (error) {
    return { hosts: [], expiresAtMs: null, error: AppError.from(error).message };
  }
}

/** By SHOAL_CONTEXT, else the one in use; null without any. */
export function currentName(): string | null {
  const named = process.env["SHOAL_CONTEXT"] ?? "";
  return named === "" ? usedName() : named;
}

function usedName(): string | null {
  const file = join(root(), "current");
  if (!existsSync(file)) return null;
  const name = onDisk(`read ${file}`, () => readFileSync(file, "utf8")).trim();
  return name === "" ? null : name;
}

export function loadContext(name: string): Context {
  const file = fileOf(name);
  checkExists(name, file);
  const context = parseContext(
    onDisk(`read ${file}`, () => readFileSync(file, "utf8")),
    file,
  );
  const managers = learnedManagers(context.clusterId, managersFileOf(name));
  return managers.length === 0 ? context : { ...context, managers };
}

function managersFileOf(name: string): string {
  return join(root(), "managers", `${name}.json`);
}

/** None where they are of another cluster, or the file is broken: commands do without. */
function learnedManagers(clusterId: string, file: string): string[] {
  try {
    const learned = objectIn(readFileSync(file, "utf8"), file);
    return learned["clusterId"] === clusterId ? addressesIn(learned["managers"], "managers", file) : [];
  } catch {
    return [];
  }
}

function checkExists(name: string, file: string): void {
  if (existsSync(file)) return;
  throw new AppError("not-found", `There is no context "${name}" (${file})`, {
    path: "context",
    next: "list them with: shoal context ls",
  });
}

/** @param source the file's name, for the error. @throws AppError `invalid` that names file and field */
export function parseContext(text: string, source: string): Context {
  const raw = objectIn(text, source);
  const texts = TEXTS.map((field): [string, string] => {
    const found = raw[field];
    if (typeof found !== "string" || found === "") throw broken(source, `${field} is missing`, field);
    return [field, found];
  });
  const hosts = addressesIn(raw["hosts"] ?? [], "hosts", source);
  if (hosts.length === 0) throw broken(source, "hosts is missing", "hosts");
  const {
    name = "",
    clusterId = "",
    certificatePem = "",
    keyPem = "",
    rootCertificatePem = "",
  } = Object.fromEntries(texts);
  return { name, clusterId, hosts, certificatePem, keyPem, rootCertificatePem };
}

function objectIn(text: string, source: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw broken(source, "it holds no JSON", source, error);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw broken(source, "it holds no JSON object", source);
  }
  return { ...value };
}

function addressesIn(value: unknown, field: string, source: string): string[] {
  if (!Array.isArray(value)) throw broken(source, `${field} is no list`, field);
  if (value.length > HOSTS_MAX) throw broken(source, `${value.length} ${field} are more than ${HOSTS_MAX}`, field);
  return value.map((host: unknown, at) => {
    const path = `${field}[${at}]`;
    if (typeof host !== "string" || host === "") throw broken(source, `${path} is no address`, path);
    return host;
  });
}

function broken(source: string, why: string, path: string, cause?: unknown): AppError {
  const next = "export it again on a manager: shoal context export";
  return new AppError("invalid", `${source} is not a context: ${why}`, { path, next }, cause);
}

/**
 * The same cluster by one address at least is a newer certificate, and takes its place.
 * @throws AppError `exists` where a name leads elsewhere: its key, or the addresses that work from here, would be lost
 */
export function checkReplaces({ name, clusterId, hosts }: Context): void {
  const before = contextIn(fileOf(name));
  if (before === null || (before.clusterId === clusterId && before.hosts.some((host) => hosts.includes(host)))) return;
  const cluster = before.clusterId === clusterId ? "the same cluster" : "another cluster";
  throw new AppError("exists", `There is a context "${name}" already, for ${cluster} at ${before.hosts.join(", ")}`, {
    path: "name",
    next: "keep both with --name OTHER, or give up the one that is there with --replace",
  });
}

/** Returns the cluster whose context of the same name was replaced, if that was another one. */
export function saveContext(context: Context): string | null {
  const file = fileOf(context.name);
  const before = contextIn(file)?.clusterId ?? null;
  onDisk(`write ${file}`, () => {
    makeFolder(join(root(), "contexts"), 0o700);
    writePrivate(file, `${JSON.stringify(context, null, 2)}\n`);
  });
  return before === context.clusterId ? null : before;
}

/** Null where there is none, or a broken one. */
function contextIn(file: string): Context | null {
  try {
    return parseContext(readFileSync(file, "utf8"), file);
  } catch {
    return null;
  }
}

/**
 * Keeps what the cluster says of its managers for the next command. A convenience: where the context is not this user's,
 * or is gone by now, nothing happens.
 * @param name of the context's file. @returns whether there was something new
 */
export function rememberManagers(name: string, context: Context, named: readonly string[]): boolean {
  const managers = [...new Set(named)].toSorted().slice(0, HOSTS_MAX);
  if (managers.length === 0 || JSON.stringify(managers) === JSON.stringify(context.managers)) return false;
  try {
    // Beside another user's context a file would be in that one's way: with sudo, root's.
    if (statSync(fileOf(name)).uid !== process.getuid?.()) return false;
    makeFolder(join(root(), "managers"), 0o700);
    const text = JSON.stringify({ clusterId: context.clusterId, managers }, null, 2);
    writePrivate(managersFileOf(name), `${text}\n`);
    return true;
  } catch {
    return false;
  }
}

/** Readable by its owner from the first byte on, and never half written, also if the power fails. */
export function writePrivate(file: string, text: string): void {
  const fresh = `${file}.${process.pid}.tmp`;
  try {
    rmSync(fresh, { force: true });
    const handle = openSync(fresh, "wx", 0o600);
    try {
      writeFileSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    chmodSync(fresh, 0o600);
    renameSync(fresh, file);
  } finally {
    rmSync(fresh, { force: true });
  }
}

export function useContext(name: string): void {
  loadContext(name);
  const file = join(root(), "current");
  onDisk(`write ${file}`, () => writePrivate(file, `${name}\n`));
}

/** Also a broken one. */
export function removeContext(name: string): void {
  const file = fileOf(name);
  checkExists(name, file);
  onDisk(`remove ${file}`, () => {
    rmSync(file);
    rmSync(managersFileOf(name), { force: true });
    if (usedName() === name) rmSync(join(root(), "current"), { force: true });
  });
}

function onDisk<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof AppError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new AppError("precondition", `Cannot ${what}: ${why}`, { next: "check the path and its owner" }, error);
  }
}
