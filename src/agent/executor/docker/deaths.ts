/**
 * What the engine's event of a death says, so that nobody has to ask: an inspect of a container that has just ended
 * waits until the engine has taken its network apart, some 50 ms in which its replacement could be on the way. Pure.
 */
import type { RuntimeState } from "../executor.ts";
import type { TaskEvent } from "./events.ts";
import { runtimeState, type ContainerInfo } from "./runtime-state.ts";

/** What an inspect adds to the exit code: a memory limit's victim looks like any SIGKILL in the event. */
type Seen = { readonly state: RuntimeState; readonly mayRunOutOfMemory: boolean };

export class Deaths {
  /** By task: the last inspect of its container, while it ran. */
  readonly #running = new Map<string, Seen>();
  readonly #ended = new Map<string, RuntimeState>();

  /** An answer of the engine: what it says counts from here on. */
  inspected(taskId: string, info: ContainerInfo): void {
    this.#ended.delete(taskId);
    const state = runtimeState(taskId, info);
    if (state.state === "running") {
      this.#running.set(taskId, { state, mayRunOutOfMemory: (info.HostConfig?.Memory ?? 0) > 0 });
    } else this.#running.delete(taskId);
  }

  /** Everything but a death that tells all makes the next look an inspect. */
  event({ taskId, containerId, action, exitCode, timeMs }: TaskEvent): void {
    this.#ended.delete(taskId);
    const seen = this.#running.get(taskId);
    if (action !== "die" || exitCode === null || seen?.state.runtimeId !== containerId || seen.mayRunOutOfMemory)
      return;
    const { startedAtMs } = seen.state;
    const finishedAtMs = Math.max(timeMs, startedAtMs);
    this.#running.delete(taskId);
    this.#ended.set(taskId, { ...seen.state, state: "exited", health: "none", exitCode, ports: [], finishedAtMs });
  }

  /** The container's end, if nothing has happened to it since. */
  of(taskId: string): RuntimeState | null {
    return this.#ended.get(taskId) ?? null;
  }

  forget(taskId: string): void {
    this.#running.delete(taskId);
    this.#ended.delete(taskId);
  }

  /** After an absence of the engine nothing known before counts. */
  clear(): void {
    this.#running.clear();
    this.#ended.clear();
  }
}
