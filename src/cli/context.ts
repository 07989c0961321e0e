/**
 * Contexts: how a CLI reaches a cluster. One JSON file each below ~/.shoal/contexts (or
 * SHOAL_CONFIG), mode 0600 for it holds a private key.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { AppError } from "../util/errors.ts";

export type Context = {
  readonly name: string;
  readonly clusterId: string;
  readonly hosts: readonly string[];
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly rootCertificatePem: string;
};

const NAME_PATTERN = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/;

function root(): string {
  return process.env["SHOAL_CONFIG"] ?? join(homedir(), ".shoal");
}

function fileOf(name: string): string {
  if (!NAME_PATTERN.test(name)) throw new AppError("invalid", `"${name}" is not a context name`, { path: "name" });
  return join(root(), "contexts", `${name}.json`);
}

export function listContexts(): {
  readonly name: string;
  readonly isCurrent: boolean;
  readonly hosts: readonly string[];
}[] {
  const dir = join(root(), "contexts");
  if (!existsSync(dir)) return [];
  const current = currentName();
  return readdirSync(dir)
    .filter((file) => file.endsWith(".json"))
    .toSorted()
    .map((file) => file.slice(0, -".json".length))
    .map((name) => ({ name, isCurrent: name === current, hosts: loadContext(name).hosts }));
}

export function currentName(): string | null {
  const named = process.env["SHOAL_CONTEXT"];
  if (named !== undefined && named !== "") return named;
  const file = join(root(), "current");
  return existsSync(file) ? readFileSync(file, "utf8").trim() : null;
}

export function loadContext(name: string): Context {
  const file = fileOf(name);
  if (!existsSync(file)) throw new AppError("not-found", `No context "${name}"`, { next: "shoal context ls" });
  return parseContext(readFileSync(file, "utf8"), file);
}

export function parseContext(text: string, source: string): Context {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError("invalid", `${source} is not a context: no JSON`, { path: source }, error);
  }
  const raw = (value ?? {}) as Partial<Record<keyof Context, unknown>>;
  const texts = ["name", "clusterId", "certificatePem", "keyPem", "rootCertificatePem"] as const;
  for (const field of texts) {
    if (typeof raw[field] !== "string")
      throw new AppError("invalid", `${source} is not a context: ${field} is missing`, { path: field });
  }
  if (!Array.isArray(raw.hosts) || raw.hosts.length === 0) {
    throw new AppError("invalid", `${source} is not a context: hosts is missing`, { path: "hosts" });
  }
  return raw as Context;
}

export function saveContext(context: Context): void {
  const file = fileOf(context.name);
  mkdirSync(join(root(), "contexts"), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.tmp`, `${JSON.stringify(context, null, 2)}\n`, { mode: 0o600 });
  chmodSync(`${file}.tmp`, 0o600);
  renameSync(`${file}.tmp`, file);
}

export function useContext(name: string): void {
  loadContext(name);
  writeFileSync(join(root(), "current"), `${name}\n`, { mode: 0o600 });
}

export function removeContext(name: string): void {
  loadContext(name);
  rmSync(fileOf(name));
  if (currentName() === name) rmSync(join(root(), "current"), { force: true });
}
