/** One agent's view of a FakeEngine: the simulator's Executor. State lives in the engine, nothing here survives. */
import {
  LOG_BUFFER_BYTES_MAX,
  type EngineHealth,
  type Executor,
  type ExecutorDescription,
  type ExecutorOwner,
  type ExecutorTask,
  type ImageStore,
  type LogLine,
  type LogQuery,
  type LogSource,
  type Outside,
  type Probe,
  type ProbeLimits,
  type ProbeOutcome,
  type RuntimeState,
} from "../../src/agent/executor/executor.ts";
import { sleep, type Env, type Timer } from "../../src/util/env.ts";
import type { FakeContainer, FakeEngine } from "./fake-engine.ts";

export { FakeEngine } from "./fake-engine.ts";

export type FakeExecutorOptions = Partial<Pick<ExecutorDescription, "runtimes" | "resources" | "engineLabels">>;

/** How often a followed generator is looked at again. */
const GENERATOR_POLL_MS = 10;

export class FakeExecutor implements Executor {
  readonly #env: Env;
  readonly #engine: FakeEngine;
  readonly #options: FakeExecutorOptions;
  readonly #change = new Set<() => void>();
  readonly #taskEvent = new Set<(taskId: string) => void>();
  #owner: ExecutorOwner | null = null;
  #off: () => void = () => undefined;
  #crashed = false;
  readonly images: ImageStore = {
    storagePath: () => this.#engine.behaviour.storagePath,
    collectImages: (signal) => this.#alive(() => this.#engine.collect(signal)),
  };
  /** What log sources handed over so far, for tests that account for every byte. */
  readonly linesHanded = { count: 0, bytes: 0 };

  constructor(env: Env, engine: FakeEngine, options: FakeExecutorOptions = {}) {
    this.#env = env;
    this.#engine = engine;
    this.#options = options;
  }

  /** The agent's process is gone: no event and no answer reaches it any more. The engine goes on. */
  crash(): void {
    this.#crashed = true;
    this.#off();
  }

  async start(owner: ExecutorOwner): Promise<void> {
    this.#owner = owner;
    this.#off = this.#engine.onEvent((event) => {
      if (event.kind === "health") for (const listener of this.#change) listener();
      if (event.kind === "task" && event.nodeId === owner.nodeId) {
        for (const listener of this.#taskEvent) listener(event.taskId);
      }
    });
  }

  async stop(): Promise<void> {
    this.#off();
  }

  describe(): ExecutorDescription {
    return {
      runtimes: ["container"],
      resources: { nanoCpus: 4e9, memoryBytes: 8 * 2 ** 30, generic: [] },
      os: "linux",
      architecture: "x86_64",
      engineId: this.#engine.engineId,
      engineVersion: "fake",
      engineLabels: {},
      deviceDrivers: [],
      logDrivers: [],
      ...this.#options,
    };
  }

  health(): EngineHealth {
    const ok = this.#engine.outage === "none";
    return { ok, message: ok ? "" : "The engine does not answer" };
  }

  onChange(listener: () => void): () => void {
    this.#change.add(listener);
    return () => this.#change.delete(listener);
  }

  onTaskEvent(listener: (taskId: string) => void): () => void {
    this.#taskEvent.add(listener);
    return () => this.#taskEvent.delete(listener);
  }

  list(signal: AbortSignal): Promise<readonly RuntimeState[]> {
    return this.#alive(() => this.#engine.list(this.#who(), signal));
  }

  inspect(taskId: string, signal: AbortSignal): Promise<RuntimeState | null> {
    return this.#alive(() => this.#engine.inspect(this.#who(), taskId, signal));
  }

  prepareTask(task: ExecutorTask, signal: AbortSignal, outside?: Outside): Promise<RuntimeState | null> {
    const pullMs = this.#engine.behaviour.pullMs(task.id);
    if (pullMs > 0 && outside !== undefined) {
      return this.#alive(async () => {
        await outside(() => sleep(this.#env, pullMs, signal));
        return await this.#engine.prepare(this.#who(), task, signal);
      });
    }
    return this.#alive(() => this.#engine.prepare(this.#who(), task, signal));
  }

  startTask(task: ExecutorTask, signal: AbortSignal): Promise<void> {
    return this.#alive(() => this.#engine.start(this.#who(), task, signal));
  }

  stopTask(task: ExecutorTask, signal: AbortSignal): Promise<void> {
    return this.#alive(() => this.#engine.stop(this.#who(), task, signal));
  }

  removeTask(taskId: string, signal: AbortSignal): Promise<void> {
    return this.#alive(() => this.#engine.remove(this.#who(), taskId, signal));
  }

  probe({ taskId }: RuntimeState, probe: Probe, limits: ProbeLimits): Promise<ProbeOutcome> {
    return this.#alive(() => this.#engine.probe(taskId, probe, limits));
  }

  logs(taskId: string, query: LogQuery): LogSource {
    const source = new FakeLogSource(this.#env, this.#engine, taskId, query);
    return {
      attach: ({ onLine, onEnd }) =>
        source.attach({
          onLine: (line) => {
            this.linesHanded.count += 1;
            this.linesHanded.bytes += line.data.length;
            onLine(line);
          },
          onEnd,
        }),
      pause: () => source.pause(),
      resume: () => source.resume(),
      cancel: () => source.cancel(),
    };
  }

  #who(): ExecutorOwner {
    if (this.#owner === null) throw new Error("FakeExecutor used before start()");
    return this.#owner;
  }

  async #alive<T>(call: () => Promise<T>): Promise<T> {
    const never = new Promise<never>(() => undefined);
    if (this.#crashed) return await never;
    try {
      const result = await call();
      return this.#crashed ? await never : result;
    } catch (error) {
      if (this.#crashed) return await never;
      throw error;
    }
  }
}

class FakeLogSource implements LogSource {
  readonly #env: Env;
  readonly #engine: FakeEngine;
  readonly #taskId: string;
  readonly #query: LogQuery;
  #handlers: Parameters<LogSource["attach"]>[0] | null = null;
  #off: () => void = () => undefined;
  #timer: Timer | null = null;
  #next = 0;
  #paused = false;
  #done = false;

  constructor(env: Env, engine: FakeEngine, taskId: string, query: LogQuery) {
    this.#env = env;
    this.#engine = engine;
    this.#taskId = taskId;
    this.#query = query;
  }

  attach(handlers: Parameters<LogSource["attach"]>[0]): void {
    this.#handlers = handlers;
    const container = this.#engine.container(this.#taskId);
    const { tail } = this.#query;
    if (container !== undefined && tail !== null) this.#next = Math.max(0, this.#available(container) - tail);
    this.#off = this.#engine.onEvent((event) => {
      if (event.kind === "log" && event.taskId === this.#taskId) this.#pump();
      if (event.kind === "health" && this.#engine.outage !== "none") this.#end(new Error("The engine does not answer"));
    });
    this.#env.defer(() => this.#pump());
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#env.defer(() => this.#pump());
  }

  cancel(): void {
    this.#done = true;
    this.#timer?.cancel();
    this.#off();
  }

  #pump(): void {
    if (this.#done || this.#handlers === null) return;
    const container = this.#engine.container(this.#taskId);
    if (container === undefined) return this.#end(new Error(`No container of task ${this.#taskId}`));
    let budget = LOG_BUFFER_BYTES_MAX;
    while (!this.#paused && !this.#done && budget > 0 && this.#next < this.#available(container)) {
      const line = this.#line(container, this.#next);
      this.#next += 1;
      budget -= line.data.length;
      if (line.timeUs >= this.#query.sinceMs * 1000) this.#handlers.onLine(line);
    }
    if (this.#paused || this.#done) return;
    if (this.#next < this.#available(container)) return this.#again(0);
    if (!this.#query.follow || container.state.state === "exited") return this.#end(null);
    if (container.generator !== null) this.#again(GENERATOR_POLL_MS);
  }

  #again(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#env.setTimer(ms, () => this.#pump());
  }

  #end(error: Error | null): void {
    const handlers = this.#handlers;
    this.cancel();
    handlers?.onEnd(error);
  }

  #available({ lines, generator }: FakeContainer): number {
    if (generator === null) return lines.length;
    return Math.floor(((this.#env.now() - generator.fromMs) / 1000) * (generator.bytesPerSecond / generator.lineBytes));
  }

  #line({ lines, generator }: FakeContainer, at: number): LogLine {
    const line = lines[at];
    if (generator === null && line !== undefined) return line;
    const data = Buffer.alloc(generator?.lineBytes ?? 0, String(at % 10));
    return { stream: "stdout", timeUs: this.#env.wallNow() * 1000, data, position: 0, partial: false };
  }
}
