/**
 * Which processes belong to which task: every one that a task's process started, in whatever session, carries the mark
 * in its environment, unless it took it out itself. There may be thousands to look at and many who ask at once (all
 * tasks of a service stop together), so they share a look, and it gives way to others.
 */
import { readdirSync, readFileSync } from "node:fs";
import { AppError } from "../../../util/errors.ts";
import { fileProblem } from "../../../util/file-problem.ts";
import type { Env } from "../../../util/env.ts";
import { isGone } from "./proc.ts";
import { TASK_VARIABLE } from "./process-spec.ts";

/** Looked at in one turn: some ms. Read synchronously, for /proc is memory and the thread pool takes ten times as long. */
const PROCESSES_PER_TURN = 128;
const MARK = `${TASK_VARIABLE}=`;

type Found = ReadonlyMap<string, readonly number[]>;

export class MarkedProcesses {
  readonly #env: Env;
  #current: Promise<unknown> = Promise.resolve();
  #next: Promise<Found> | null = null;

  constructor(env: Env) {
    this.#env = env;
  }

  /** @returns the pids of a task. @throws AppError unavailable when /proc cannot be read */
  async of(taskId: string): Promise<readonly number[]> {
    // One that has begun may be past the process that is asked for.
    this.#next ??= this.#lookAfter(this.#current);
    return (await this.#next).get(taskId) ?? [];
  }

  async #lookAfter(current: Promise<unknown>): Promise<Found> {
    await current;
    this.#next = null;
    const looking = this.#look();
    this.#current = looking.catch(() => undefined);
    return await looking;
  }

  async #look(): Promise<Found> {
    const found = new Map<string, number[]>();
    let looked = 0;
    for (const name of readdirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      looked += 1;
      if (looked % PROCESSES_PER_TURN === 0) await new Promise<void>((resolve) => this.#env.defer(resolve));
      const taskId = markOf(name);
      if (taskId === null) continue;
      const pids = found.get(taskId);
      if (pids === undefined) found.set(taskId, [Number(name)]);
      else pids.push(Number(name));
    }
    return found;
  }
}

/** Null for a process of nobody, and for a zombie, which has no environment any more. */
function markOf(pid: string): string | null {
  try {
    const entries = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
    return entries.find((entry) => entry.startsWith(MARK))?.slice(MARK.length) ?? null;
  } catch (error) {
    if (isGone(error) || isForeign(error)) return null;
    throw new AppError("unavailable", `Cannot look at process ${pid}: ${fileProblem(error)}`, {}, error);
  }
}

/** Another user's: an agent that is not root started nothing as somebody else. */
function isForeign(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EACCES" || error.code === "EPERM");
}
