/**
 * Contexts: how a CLI reaches a cluster. One JSON file each below ~/.shoal/contexts (or
 * SHOAL_CONFIG), mode 0600 for it holds a private key; ~/.shoal/current names the one in use.
 */
import { X509Certificate } from "node:crypto";
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
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
  return parseContext(
    onDisk(`read ${file}`, () => readFileSync(file, "utf8")),
    file,
  );
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
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw broken(source, "it holds no JSON", source, error);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw broken(source, "it holds no JSON object", source);
  }
  const raw: Partial<Record<keyof Context, unknown>> = value;
  const texts = TEXTS.map((field): [string, string] => {
    const found = raw[field];
    if (typeof found !== "string" || found === "") throw broken(source, `${field} is missing`, field);
    return [field, found];
  });
  const { hosts } = raw;
  if (!Array.isArray(hosts) || hosts.length === 0) throw broken(source, "hosts is missing", "hosts");
  if (hosts.length > HOSTS_MAX) throw broken(source, `${hosts.length} hosts are more than ${HOSTS_MAX}`, "hosts");
  const list = hosts.map((host: unknown, at) => {
    if (typeof host !== "string" || host === "") throw broken(source, `hosts[${at}] is no address`, `hosts[${at}]`);
    return host;
  });
  const {
    name = "",
    clusterId = "",
    certificatePem = "",
    keyPem = "",
    rootCertificatePem = "",
  } = Object.fromEntries(texts);
  return { name, clusterId, hosts: list, certificatePem, keyPem, rootCertificatePem };
}

function broken(source: string, why: string, path: string, cause?: unknown): AppError {
  const next = "export it again on a manager: shoal context export";
  return new AppError("invalid", `${source} is not a context: ${why}`, { path, next }, cause);
}

/** Returns the cluster whose context of the same name was replaced, if that was another one. */
export function saveContext(context: Context): string | null {
  const file = fileOf(context.name);
  const before = existsSync(file) ? clusterIn(file) : null;
  onDisk(`write ${file}`, () => {
    makeFolder(join(root(), "contexts"), 0o700);
    writePrivate(file, `${JSON.stringify(context, null, 2)}\n`);
  });
  return before === context.clusterId ? null : before;
}

function clusterIn(file: string): string | null {
  try {
    return parseContext(readFileSync(file, "utf8"), file).clusterId;
  } catch {
    return null;
  }
}

/** Readable by its owner from the first byte on, and never half written. */
export function writePrivate(file: string, text: string): void {
  const fresh = `${file}.${process.pid}.tmp`;
  try {
    rmSync(fresh, { force: true });
    writeFileSync(fresh, text, { mode: 0o600, flag: "wx" });
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
