/**
 * The Executor seam: how an agent runs tasks. Two real ones (docker/, process/), one for the
 * simulator, one conformance suite (test/suites/executor.ts). An executor touches only what carries
 * this cluster's and this node's labels. Every call has a deadline inside the implementation.
 *
 * Failures: AppError `unavailable` means the engine did not answer: the task is not failed for it,
 * the caller repeats later. Any other error is the task's own (missing image, bad mount, ...).
 */
import type { Check, PortStatus, Resources, TaskSpec } from "../../model/index.ts";

/** What an executor needs to know of a task; ids end up in labels and names. */
export type ExecutorTask = {
  readonly id: string;
  readonly serviceId: string;
  readonly serviceName: string;
  readonly slot: number;
  /** What its slot is known by where that has no number. */
  readonly pinnedNodeId: string;
  /** Of a job; 0 for a service. */
  readonly run: number;
  readonly spec: TaskSpec;
};

/** The node and cluster whose tasks these are. */
export type ExecutorOwner = { readonly clusterId: string; readonly nodeId: string; readonly nodeName: string };

export type RuntimeState = {
  readonly taskId: string;
  readonly state: "created" | "running" | "exited";
  /** Container id or process id. */
  readonly runtimeId: string;
  readonly health: "none" | "starting" | "healthy" | "unhealthy";
  /** Set once exited. Killed by signal n is 128 + n. */
  readonly exitCode: number | null;
  /** Set once exited abnormally: "killed: out of memory", ... */
  readonly error: string;
  readonly ports: readonly PortStatus[];
  /** Unix ms, 0 before. */
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
};

/** What a check asks of a task that runs. */
export type Probe = Pick<Check, "command" | "http" | "tcp">;

export type ProbeOutcome = {
  readonly isOk: boolean;
  /** One line: what it answered, or why it did not; at most PROBE_TEXT_MAX characters. */
  readonly message: string;
};

export const PROBE_TEXT_MAX = 200;

export type ProbeLimits = { readonly timeoutMs: number; readonly signal: AbortSignal };

export type ExecutorDescription = {
  readonly runtimes: readonly ("container" | "process")[];
  readonly resources: Resources;
  readonly os: string;
  readonly architecture: string;
  readonly engineId: string;
  readonly engineVersion: string;
  readonly engineLabels: Readonly<Record<string, string>>;
  /** What it hands devices out by: "nvidia", "nvidia.com/gpu". */
  readonly deviceDrivers: readonly string[];
  /** Empty is not known. */
  readonly logDrivers: readonly string[];
};

/** Engines that keep images. */
export interface ImageStore {
  /** Its directory on this machine; empty if it is not known, or elsewhere. */
  storagePath(): string;
  /** Removes images that no container uses and a registry has. @returns how many. @throws unavailable */
  collectImages(signal: AbortSignal): Promise<number>;
}

export type EngineHealth = { readonly ok: boolean; readonly message: string };

export type LogLine = {
  readonly stream: "stdout" | "stderr";
  /** Unix microseconds. */
  readonly timeUs: number;
  /** Grows along one stream and is the same at every reading; 0 where the time is. */
  readonly position: number;
  readonly data: Uint8Array;
  readonly partial: boolean;
};

export type LogQuery = { readonly follow: boolean; readonly tail: number | null; readonly sinceMs: number };

/** A source of log lines that stops producing while paused: at most LOG_BUFFER_BYTES_MAX wait in memory. */
export interface LogSource {
  attach(handlers: { onLine(line: LogLine): void; onEnd(error: Error | null): void }): void;
  pause(): void;
  resume(): void;
  /** No further callbacks. */
  cancel(): void;
}

export const LOG_BUFFER_BYTES_MAX = 1024 * 1024;
/** Longer lines come in pieces. */
export const LOG_LINE_BYTES_MAX = 16 * 1024;

/**
 * Waits for what has a bound of its own (a pull) without the place that its caller holds among those that start. What
 * fails outside ends the work: it has no place to go on in.
 */
export type Outside = <T>(wait: () => Promise<T>) => Promise<T>;

export interface Executor {
  /** Absent where there are no images. */
  readonly images?: ImageStore;
  /** Connects; resolves even when the engine does not answer (then health() says so). */
  start(owner: ExecutorOwner): Promise<void>;
  /** Leaves everything running. */
  stop(): Promise<void>;
  describe(): ExecutorDescription;
  health(): EngineHealth;
  /** Health or description changed (engine back, engine gone). */
  onChange(listener: () => void): () => void;
  /** Something happened to this task's runtime: inspect it again. May be spurious, may be late, never lost for good. */
  onTaskEvent(listener: (taskId: string) => void): () => void;
  /** Everything of ours that exists. @throws unavailable */
  list(signal: AbortSignal): Promise<readonly RuntimeState[]>;
  /** Null if nothing of this task exists. @throws unavailable */
  inspect(taskId: string, signal: AbortSignal): Promise<RuntimeState | null>;
  /** Image, create. Idempotent. @returns what it made, or null: inspect it */
  prepareTask(task: ExecutorTask, signal: AbortSignal, outside?: Outside): Promise<RuntimeState | null>;
  /**
   * Resolves when started (health comes by events). Idempotent; one that exited is started again: the
   * agent does so when the engine or the machine went down under it.
   */
  startTask(task: ExecutorTask, signal: AbortSignal): Promise<void>;
  /** Stop signal, grace from the spec, kill. Resolves when nothing of it runs. Idempotent. */
  stopTask(task: ExecutorTask, signal: AbortSignal): Promise<void>;
  /** Removes what is left, logs included. Idempotent. */
  removeTask(taskId: string, signal: AbortSignal): Promise<void>;
  /**
   * Asks a running task once. What the task is to blame for is a failure: no answer within the time, no such program,
   * no way to its port, its end meanwhile. An engine that does not answer is `unavailable` and says nothing about it.
   */
  probe(runtime: RuntimeState, probe: Probe, limits: ProbeLimits): Promise<ProbeOutcome>;
  logs(taskId: string, query: LogQuery): LogSource;
}
