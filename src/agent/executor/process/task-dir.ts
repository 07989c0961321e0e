/** One task's folder: what is written there, and what it says about the process. */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { HealthCheck, PortStatus } from "../../../model/index.ts";
import { AppError, invalid } from "../../../util/errors.ts";
import { fileProblem, isAbsent } from "../../../util/file-problem.ts";
import type { ExecutorOwner, RuntimeState } from "../executor.ts";
import { isAlive, parseIdentity, type Identity } from "./proc.ts";

/** What the agent must know of a task after its own restart. */
export type TaskRecord = {
  readonly clusterId: string;
  readonly nodeId: string;
  readonly health: HealthCheck | null;
  readonly stopSignal: number;
  readonly stopGraceMs: number;
  readonly dir: string;
};

/** What the files say. `identity` is the process itself, null while (or if) it never ran. */
export type Observed = {
  readonly state: RuntimeState["state"];
  readonly identity: Identity | null;
  /** Its leader's session holds the shim and what copies the output. */
  readonly shim: Identity | null;
  readonly exitCode: number | null;
  readonly error: string;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly ports: readonly PortStatus[];
};

/** A shim was killed, or the machine went down: how the process ended nobody knows. */
export const EXIT_UNKNOWN = 255;
const TASK_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** Copiers may still write their last mark while the folder is emptied. */
const REMOVAL = { recursive: true, force: true, maxRetries: 10, retryDelay: 20 };

export class TaskDir {
  readonly path: string;
  readonly run: string;
  readonly log: string;

  /** @throws AppError invalid: the id becomes a folder's name */
  constructor(root: string, taskId: string) {
    if (!TASK_ID.test(taskId)) throw invalid("task.id", `"${taskId.slice(0, 64)}" is not a task id`);
    this.path = join(root, taskId);
    this.run = join(this.path, "run");
    this.log = join(this.path, "log");
  }

  async create(record: TaskRecord): Promise<void> {
    await mkdir(this.log, { recursive: true, mode: 0o700 });
    await this.#write("task.json", JSON.stringify(record));
  }

  /** Null if there is no such task, or it is not this owner's. */
  async record({ clusterId, nodeId }: ExecutorOwner): Promise<TaskRecord | null> {
    const text = await readText(join(this.path, "task.json"));
    if (text === null) return null;
    const record = parseRecord(text);
    return record?.clusterId === clusterId && record.nodeId === nodeId ? record : null;
  }

  async ports(): Promise<readonly PortStatus[]> {
    const text = await readText(join(this.path, "ports.json"));
    return text === null ? [] : parsePorts(text);
  }

  async writePorts(ports: readonly PortStatus[]): Promise<void> {
    await this.#write("ports.json", JSON.stringify(ports));
  }

  async health(): Promise<string> {
    return (await readText(join(this.run, "health"))) ?? "";
  }

  async writeHealth(health: string): Promise<void> {
    await writeFile(join(this.run, "health"), health);
  }

  /** Whether an attempt was begun and not wiped. */
  async hasRun(): Promise<boolean> {
    return await isThere(this.run);
  }

  /** Forgets the last attempt; its logs stay. */
  async wipeRun(): Promise<void> {
    await rm(this.run, REMOVAL);
  }

  async remove(): Promise<void> {
    await rm(this.path, REMOVAL);
  }

  /** Whether the copiers passed on everything the process wrote. */
  async isDrained(): Promise<boolean> {
    const names = await readdir(this.run).catch((): string[] => []);
    return names.includes("out.end") && names.includes("err.end");
  }

  async observe(boot: string): Promise<Observed> {
    const [pid, shim, exit] = await Promise.all(
      ["pid", "shim", "exit"].map(async (name) => await readText(join(this.run, name))),
    );
    const identity = parseIdentity(pid ?? "");
    const startedAtMs = identity === null ? 0 : await modifiedMs(join(this.run, "pid"));
    const shimIdentity = parseIdentity(shim ?? "");
    const none = { exitCode: null, error: "", finishedAtMs: 0, ports: [] };
    const base = { identity, shim: shimIdentity, startedAtMs, ...none };
    if (exit !== null && exit !== undefined) {
      const finishedAtMs = await modifiedMs(join(this.run, "exit"));
      return { ...base, state: "exited", exitCode: Number(exit.trim()), finishedAtMs };
    }
    // The shim lives on for an instant after its process: it is about to write the exit status.
    for (const candidate of [identity, shimIdentity]) {
      if (candidate === null || !(await isAlive(candidate, boot))) continue;
      if (identity === null) return { ...base, state: "created" };
      return { ...base, state: "running", ports: await this.ports() };
    }
    // Between the two looks the shim may have written it and gone.
    if ((await readText(join(this.run, "exit"))) !== null) return await this.observe(boot);
    if (shimIdentity === null) return { ...base, state: "created" };
    const isEarlierBoot = shimIdentity.boot !== boot;
    const error = isEarlierBoot ? "the machine was restarted" : "its exit status is lost: its shim was killed";
    return { ...base, state: "exited", exitCode: EXIT_UNKNOWN, error, finishedAtMs: startedAtMs };
  }

  async #write(name: string, text: string): Promise<void> {
    await writeFile(join(this.path, `${name}.tmp`), text, { mode: 0o600 });
    await rename(join(this.path, `${name}.tmp`), join(this.path, name));
  }
}

/** @throws AppError unavailable when it cannot be known */
export async function isThere(path: string): Promise<boolean> {
  return (await present(path, () => stat(path))) !== null;
}

async function readText(path: string): Promise<string | null> {
  return await present(path, () => readFile(path, "utf8"));
}

async function modifiedMs(path: string): Promise<number> {
  const entry = await present(path, () => stat(path));
  return entry === null ? 0 : Math.round(entry.mtimeMs);
}

/**
 * Null only where there is nothing. Whoever cannot look, for want of a file descriptor or because the disk failed, knows
 * nothing of the task: taking that for "gone" would start it a second time. @throws AppError unavailable
 */
async function present<T>(path: string, look: () => Promise<T>): Promise<T | null> {
  try {
    return await look();
  } catch (error) {
    if (isAbsent(error)) return null;
    throw new AppError("unavailable", `Cannot read ${path}: ${fileProblem(error)}`, {}, error);
  }
}

function fieldsOf(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function parseRecord(text: string): TaskRecord | null {
  const fields = fieldsOf(parse(text));
  const clusterId = fields.get("clusterId");
  const nodeId = fields.get("nodeId");
  if (typeof clusterId !== "string" || typeof nodeId !== "string") return null;
  const health = fields.get("health");
  return {
    clusterId,
    nodeId,
    health: typeof health === "object" && health !== null ? parseHealth(health) : null,
    stopSignal: Number(fields.get("stopSignal") ?? 15),
    stopGraceMs: Number(fields.get("stopGraceMs") ?? 0),
    dir: textOf(fields.get("dir"), "/"),
  };
}

function parseHealth(value: object): HealthCheck {
  const fields = fieldsOf(value);
  const test = fields.get("test");
  const count = (name: string): number => Number(fields.get(name) ?? 0);
  return {
    test: Array.isArray(test) ? test.map(String) : [],
    intervalMs: count("intervalMs"),
    timeoutMs: count("timeoutMs"),
    retries: count("retries"),
    startPeriodMs: count("startPeriodMs"),
    startIntervalMs: count("startIntervalMs"),
  };
}

function parsePorts(text: string): PortStatus[] {
  const value = parse(text);
  if (!Array.isArray(value)) return [];
  return value.map((item: unknown) => {
    const fields = fieldsOf(item);
    return {
      target: Number(fields.get("target") ?? 0),
      published: Number(fields.get("published") ?? 0),
      protocol: fields.get("protocol") === "UDP" ? "UDP" : "TCP",
      hostIp: textOf(fields.get("hostIp"), ""),
    };
  });
}
