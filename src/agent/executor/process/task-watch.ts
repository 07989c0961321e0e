/** Watches one running process: its end by the file the shim writes, and its health by probes. */
import { readFile } from "node:fs/promises";
import type { Env } from "../../../util/env.ts";
import { isAppError } from "../../../util/errors.ts";
import type { Scope } from "../../../util/scope.ts";
import { hasHealthCheck, probeForever, type Health } from "./health.ts";
import { watchFolder } from "./launch.ts";
import { isGone, type Identity } from "./proc.ts";
import type { TaskDir, TaskRecord } from "./task-dir.ts";

export type WatchDeps = { readonly env: Env; readonly scope: Scope; readonly emit: () => void };
export type WatchTarget = {
  readonly taskDir: TaskDir;
  readonly record: TaskRecord;
  readonly identity: Identity;
  readonly startedAtMs: number;
};

export class TaskWatch {
  readonly #deps: WatchDeps;
  readonly #target: WatchTarget;
  readonly #controller = new AbortController();
  #watcher: { close(): void } = { close: () => undefined };
  #health: Health = "none";

  constructor(deps: WatchDeps, target: WatchTarget) {
    this.#deps = deps;
    this.#target = target;
  }

  get health(): Health {
    return this.#health;
  }

  isOf({ pid, start, boot }: Identity): boolean {
    const { identity } = this.#target;
    return identity.pid === pid && identity.start === start && identity.boot === boot;
  }

  async start(): Promise<void> {
    const { taskDir, record } = this.#target;
    if (hasHealthCheck(record.health)) this.#health = toHealth(await taskDir.health());
    this.#watcher = watchFolder(taskDir.run, (name) => {
      if (name !== "exit") return;
      this.close();
      this.#deps.emit();
    });
    if (hasHealthCheck(record.health)) this.#deps.scope.spawn("health", (signal) => this.#probe(signal));
  }

  /** Idempotent. */
  close(): void {
    this.#watcher.close();
    this.#controller.abort();
  }

  async #probe(life: AbortSignal): Promise<void> {
    const { taskDir, record, identity, startedAtMs } = this.#target;
    if (!hasHealthCheck(record.health)) return;
    const end = (): void => this.#controller.abort();
    life.addEventListener("abort", end, { once: true });
    try {
      // The process's own environment: an agent that restarted has no other copy, and none is kept in files.
      const env = await readEnviron(identity.pid);
      const ranMs = this.#deps.env.wallNow() - startedAtMs;
      await probeForever(
        this.#deps.env,
        { health: record.health, ranMs: Math.max(0, ranMs), env, dir: record.dir, first: this.#health },
        {
          signal: this.#controller.signal,
          onHealth: (health) => {
            this.#health = health;
            // Only a hint for the next agent, so a failure to write it is none.
            void taskDir.writeHealth(health).catch(() => undefined);
            this.#deps.emit();
          },
        },
      );
    } catch (error) {
      // Its process ended, before or during a probe.
      if (!this.#controller.signal.aborted && !isAppError(error, "cancelled") && !isGone(error)) throw error;
    } finally {
      life.removeEventListener("abort", end);
    }
  }
}

function toHealth(text: string): Health {
  return text === "healthy" || text === "unhealthy" ? text : "starting";
}

/** @throws when the process is gone */
export async function readEnviron(pid: number): Promise<Record<string, string>> {
  const text = await readFile(`/proc/${pid}/environ`, "utf8");
  const entries = text.split("\0").flatMap((entry): [string, string][] => {
    const at = entry.indexOf("=");
    return at > 0 ? [[entry.slice(0, at), entry.slice(at + 1)]] : [];
  });
  return Object.fromEntries(entries);
}
