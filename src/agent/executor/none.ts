/** The executor of a node that runs no tasks: it offers no runtime, so the scheduler never places one here. */
import { NO_RESOURCES } from "../../model/resources.ts";
import { AppError } from "../../util/errors.ts";
import type { EngineHealth, Executor, ExecutorDescription, LogSource, RuntimeState } from "./executor.ts";

export class NoneExecutor implements Executor {
  readonly #platform: { readonly os: string; readonly architecture: string };

  constructor(platform: { readonly os: string; readonly architecture: string }) {
    this.#platform = platform;
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  describe(): ExecutorDescription {
    return {
      runtimes: [],
      resources: NO_RESOURCES,
      ...this.#platform,
      engineId: "",
      engineVersion: "",
      engineLabels: {},
      deviceDrivers: [],
      logDrivers: [],
    };
  }

  health(): EngineHealth {
    return { ok: true, message: "" };
  }

  onChange(): () => void {
    return () => undefined;
  }

  onTaskEvent(): () => void {
    return () => undefined;
  }

  async list(): Promise<readonly RuntimeState[]> {
    return await Promise.resolve([]);
  }

  async inspect(): Promise<RuntimeState | null> {
    return await Promise.resolve(null);
  }

  async prepareTask(): Promise<RuntimeState | null> {
    return await Promise.reject(refusal());
  }

  async startTask(): Promise<void> {
    return await Promise.reject(refusal());
  }

  async stopTask(): Promise<void> {}

  async removeTask(): Promise<void> {}

  async probe(): Promise<never> {
    return await Promise.reject(refusal());
  }

  logs(): LogSource {
    return {
      attach: ({ onEnd }) => onEnd(refusal()),
      pause: () => undefined,
      resume: () => undefined,
      cancel: () => undefined,
    };
  }
}

function refusal(): AppError {
  return new AppError("precondition", "This node runs no tasks");
}
