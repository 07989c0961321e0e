/** Stops and removes what exists of tasks that are no longer this node's, however long the engine takes to answer. */
import { codec } from "../proto/load.ts";
import { AppError } from "../util/errors.ts";
import { sleep, type Env } from "../util/env.ts";
import type { Logger } from "../util/log.ts";
import type { Scope } from "../util/scope.ts";
import type { Executor, ExecutorTask } from "./executor/executor.ts";
import type { Limiter } from "./limiter.ts";
import { RETRY_MS } from "./task.ts";

export type TaskRemoverDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly executor: Executor;
  readonly scope: Scope;
  readonly stopLimiter: Limiter;
};

export class TaskRemover {
  readonly #deps: TaskRemoverDeps;
  readonly #removing = new Set<string>();

  constructor(deps: TaskRemoverDeps) {
    this.#deps = deps;
  }

  isRemoving(taskId: string): boolean {
    return this.#removing.has(taskId);
  }

  /** @param prepare gives the task once nothing else is done to it. */
  remove(taskId: string, prepare: () => Promise<ExecutorTask>): void {
    if (this.#removing.has(taskId)) return;
    this.#removing.add(taskId);
    this.#deps.scope.spawn("remove", async (signal) => {
      try {
        await this.#removeUntilGone(await prepare(), signal);
      } finally {
        this.#removing.delete(taskId);
      }
    });
  }

  async #removeUntilGone(task: ExecutorTask, signal: AbortSignal): Promise<void> {
    const { env, executor, log, stopLimiter } = this.#deps;
    for (let attempt = 0; ; attempt++) {
      try {
        await stopLimiter.run(signal, async () => {
          await executor.stopTask(task, signal);
          await executor.removeTask(task.id, signal);
        });
        return;
      } catch (error) {
        if (signal.aborted) return;
        const { message } = AppError.from(error);
        if (attempt === 0) log.warn("task cannot be removed yet", { taskId: task.id, error: message });
        await sleep(env, RETRY_MS, signal);
      }
    }
  }
}

/** Something of ours whose spec is unknown: the executor's default grace applies. */
export function leftoverTask(id: string): ExecutorTask {
  const spec = codec("TaskSpec").decode(new Uint8Array());
  return { id, serviceId: "", serviceName: "", slot: 0, pinnedNodeId: "", run: 0, spec };
}
