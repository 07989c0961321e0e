/** What this node serves to managers on its own port: its tasks, and their logs. */
import type { LogsMessageInput } from "../proto/gen/LogsMessage.ts";
import type { NodeLogsRequest } from "../proto/gen/NodeLogsRequest.ts";
import type { Router, ServerStream } from "../proto/router.ts";
import { isTerminal } from "../model/task-state.ts";
import { AppError } from "../util/errors.ts";
import type { Env, Timer } from "../util/env.ts";
import type { Executor, LogLine, LogSource } from "./executor/executor.ts";
import type { Worker } from "./worker.ts";

/** Log streams served at once. */
export const LOG_STREAMS_MAX = 256;
/** A manager may know of a task a moment before this node does. */
export const UNKNOWN_TASK_WAIT_MS = 10_000;
/** After a followed source ended while its task has not: the engine, or the news of the end, is on its way. */
export const RECHECK_MS = 500;

export type NodeServiceDeps = {
  readonly env: Env;
  readonly router: Router;
  readonly executor: Executor;
  readonly worker: Worker;
  readonly nodeId: string;
};

export class NodeService {
  readonly #deps: NodeServiceDeps;
  readonly #open = new Set<TaskLogs>();

  constructor(deps: NodeServiceDeps) {
    this.#deps = deps;
  }

  start(): void {
    const { router, worker } = this.#deps;
    router.stream("NodeService.Logs", (stream) => this.#accept(stream));
    router.unary("NodeService.Tasks", () => Promise.resolve({ tasks: [...worker.held()] }));
  }

  stop(): void {
    for (const key of ["NodeService.Logs", "NodeService.Tasks"] as const) this.#deps.router.unregister(key);
    for (const logs of this.#open) logs.abort(new AppError("unavailable", "The node is shut down"));
    this.#open.clear();
  }

  #accept(stream: ServerStream<"NodeService.Logs">): void {
    let logs: TaskLogs | null = null;
    stream.attach({
      onMessage: (request) => {
        if (logs !== null) return;
        if (this.#open.size >= LOG_STREAMS_MAX) {
          stream.cancel(new AppError("exhausted", `This node serves ${LOG_STREAMS_MAX} log streams already`));
          return;
        }
        const opened = new TaskLogs(this.#deps, stream, request);
        logs = opened;
        this.#open.add(opened);
        opened.advance();
      },
      onDrain: () => logs?.resume(),
      onClose: () => {
        if (logs === null) return;
        this.#open.delete(logs);
        logs.close();
      },
    });
  }
}

/**
 * One task's lines for one reader, who sets the pace: while it does not read, the source is paused,
 * and what waits here is at most what the source and the stream buffer.
 */
class TaskLogs {
  readonly #deps: NodeServiceDeps;
  readonly #stream: ServerStream<"NodeService.Logs">;
  readonly #taskId: string;
  readonly #follow: boolean;
  readonly #tail: number | null;
  #sinceMs: number;
  /** Time of the last line sent: where to go on when a source has to be opened again. */
  #lastUs = 0;
  /** Of the line sent last of each stream. */
  readonly #positions = { stdout: 0, stderr: 0 };
  #source: LogSource | null = null;
  #isPaused = false;
  #isClosed = false;
  #timer: Timer | null = null;
  readonly #startedAt: number;
  readonly #unsubscribe: () => void;
  #hasRead = false;
  #lastError: Error | null = null;

  constructor(deps: NodeServiceDeps, stream: ServerStream<"NodeService.Logs">, { taskId, options }: NodeLogsRequest) {
    this.#deps = deps;
    this.#stream = stream;
    this.#taskId = taskId;
    this.#follow = options?.follow === true;
    this.#tail = options?.tail ?? null;
    this.#sinceMs = options?.sinceMs ?? 0;
    this.#startedAt = deps.env.now();
    this.#unsubscribe = deps.worker.onTaskChange(taskId, () => this.advance());
  }

  resume(): void {
    this.#isPaused = false;
    this.#source?.resume();
  }

  abort(error: AppError): void {
    this.close();
    this.#stream.cancel(error);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unsubscribe();
    this.#timer?.cancel();
    this.#source?.cancel();
    this.#source = null;
  }

  /** Looks at the task and does the next thing: wait for it, read it, or end. */
  advance(): void {
    if (this.#isClosed || this.#source !== null) return;
    const status = this.#deps.worker.statusOf(this.#taskId);
    if (status === undefined) {
      this.#withoutTask();
      return;
    }
    const isOver = isTerminal(status.state);
    const hasStarted = status.startedAtMs > 0;
    // A source that ended in order has said everything; only one that broke is read again.
    if (this.#hasRead && isOver && this.#lastError === null) this.#end("");
    else if (this.#hasRead && !this.#follow) this.#end(this.#lastError?.message ?? "");
    else if (hasStarted && this.#timer === null) this.#read(this.#follow && !isOver);
    else if (isOver && !hasStarted)
      this.#end(`The task never started: ${status.error === "" ? status.message : status.error}`);
    else if (!hasStarted && !this.#follow) this.#end("");
  }

  #withoutTask(): void {
    const waitedMs = this.#deps.env.now() - this.#startedAt;
    if (this.#hasRead) this.#end(this.#lastError?.message ?? "");
    else if (this.#follow && waitedMs < UNKNOWN_TASK_WAIT_MS) this.#lookAgain(UNKNOWN_TASK_WAIT_MS - waitedMs);
    else this.#end("This node has no such task: it was removed, logs included");
  }

  #read(follow: boolean): void {
    const isFirst = !this.#hasRead;
    this.#hasRead = true;
    this.#lastError = null;
    const source = this.#deps.executor.logs(this.#taskId, {
      follow,
      tail: isFirst ? this.#tail : null,
      sinceMs: this.#sinceMs,
    });
    this.#source = source;
    // A re-opened source begins with what was sent already, by the precision of its clock.
    const sentUs = isFirst ? -1 : this.#lastUs;
    const sent = { ...this.#positions };
    source.attach({
      onLine: (line) => {
        const isNew = line.position > 0 ? line.position > sent[line.stream] : line.timeUs > sentUs;
        if (this.#source === source && isNew) this.#send(line);
      },
      onEnd: (error) => {
        if (this.#source === source) this.#ended(error, follow);
      },
    });
    if (this.#isPaused) source.pause();
  }

  #ended(error: Error | null, wasFollowing: boolean): void {
    this.#source = null;
    this.#lastError = error;
    // Where lines have positions, times are no place to go on from.
    const hasPositions = this.#positions.stdout + this.#positions.stderr > 0;
    if (!hasPositions) this.#sinceMs = Math.max(this.#sinceMs, Math.floor(this.#lastUs / 1000));
    const status = this.#deps.worker.statusOf(this.#taskId);
    const isOver = status === undefined || isTerminal(status.state);
    // What cannot be read although the task is over, or was not followed, is said and not tried for ever.
    if (!wasFollowing || (isOver && error === null)) this.#end(error?.message ?? "");
    else this.#lookAgain(RECHECK_MS);
  }

  #lookAgain(afterMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#deps.env.setTimer(afterMs, () => {
      this.#timer = null;
      this.advance();
    });
  }

  #send({ stream, timeUs, position, data, partial }: LogLine): void {
    this.#lastUs = Math.max(this.#lastUs, timeUs);
    this.#positions[stream] = Math.max(this.#positions[stream], position);
    const { nodeId } = this.#deps;
    const name = stream === "stderr" ? "STDERR" : "STDOUT";
    const line = {
      taskId: this.#taskId,
      nodeId,
      stream: name,
      timeUs,
      position,
      data: asBuffer(data),
      partial,
    } as const;
    this.#write({ line });
  }

  #write(message: LogsMessageInput): void {
    if (this.#stream.write(message) || this.#isPaused) return;
    this.#isPaused = true;
    this.#source?.pause();
  }

  #end(error: string): void {
    this.#write({ end: { taskId: this.#taskId, nodeId: this.#deps.nodeId, error } });
    this.close();
    this.#stream.end();
  }
}

function asBuffer(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
