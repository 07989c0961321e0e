/** Logs of a plain process: both streams, merged by time. While paused nothing is read. */
import { AppError, cancelled } from "../../../util/errors.ts";
import { sleep, type Env } from "../../../util/env.ts";
import type { LogLine, LogQuery, LogSource, RuntimeState } from "../executor.ts";
import { LogCursor } from "./log-cursor.ts";

export type ProcessLogDeps = {
  readonly env: Env;
  /** Null if nothing of the task exists. `isDrained`: everything the process wrote is in the files. */
  readonly find: (
    taskId: string,
  ) => Promise<{ readonly folder: string; readonly state: RuntimeState; readonly isDrained: boolean } | null>;
  /** Aborts when the executor stops. */
  readonly life: AbortSignal;
};

type Handlers = Parameters<LogSource["attach"]>[0];

/** How often a followed file is looked at. */
const POLL_MS = 100;
/** A child that outlives the process may hold its pipes open: its output is not waited for. */
const DRAIN_MS = 2_000;
/** Lines handed over in one turn of the event loop. */
const LINES_PER_TURN = 256;

export class ProcessLogSource implements LogSource {
  readonly #deps: ProcessLogDeps;
  readonly #taskId: string;
  readonly #query: LogQuery;
  readonly #controller = new AbortController();
  #handlers: Handlers | null = null;
  #isPaused = false;
  #wake: () => void = () => undefined;
  #delivered = 0;

  constructor(deps: ProcessLogDeps, taskId: string, query: LogQuery) {
    this.#deps = deps;
    this.#taskId = taskId;
    this.#query = query;
  }

  attach(handlers: Handlers): void {
    this.#handlers = handlers;
    const onLife = (): void => this.#controller.abort();
    this.#deps.life.addEventListener("abort", onLife, { once: true });
    if (this.#deps.life.aborted) onLife();
    void this.#run().finally(() => this.#deps.life.removeEventListener("abort", onLife));
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#wake();
  }

  cancel(): void {
    this.#handlers = null;
    this.#controller.abort();
    this.#wake();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { signal } = this.#controller;
    let outcome: Error | null = null;
    try {
      await this.#read(signal);
    } catch (error) {
      outcome = signal.aborted ? cancelled("Reading logs") : AppError.from(error);
    }
    const handlers = this.#handlers;
    this.#handlers = null;
    handlers?.onEnd(outcome);
  }

  async #read(signal: AbortSignal): Promise<void> {
    const found = await this.#deps.find(this.#taskId);
    if (found === null) throw new AppError("not-found", `No process of task ${this.#taskId} on this node`);
    const { startedAtMs } = found.state;
    const cursors = [
      new LogCursor(found.folder, "out", startedAtMs),
      new LogCursor(found.folder, "err", startedAtMs),
    ] as const;
    try {
      let skip = await this.#seek(cursors);
      for (;;) {
        // Asked before the files are read, so that nothing written before the end is missed.
        const isOver = await this.#isOver();
        for (;;) {
          for (const cursor of cursors) await cursor.refill();
          const batch = takeBatch(cursors);
          if (batch.length === 0) break;
          for (const line of batch) {
            if (skip > 0) skip -= 1;
            else if (line.timeUs >= this.#query.sinceMs * 1000) await this.#deliver(line, signal);
          }
        }
        if (isOver || !this.#query.follow) {
          for (const cursor of cursors) {
            const rest = cursor.flush(isOver);
            if (rest !== null) await this.#deliver(rest, signal);
          }
          await this.#unpaused(signal);
          return;
        }
        await sleep(this.#deps.env, POLL_MS, signal);
      }
    } finally {
      for (const cursor of cursors) await cursor.close();
    }
  }

  /** @returns how many of the lines ahead are beyond the tail: each stream has at most as many as were asked for. */
  async #seek(cursors: readonly LogCursor[]): Promise<number> {
    const { tail } = this.#query;
    let ahead = 0;
    for (const cursor of cursors) ahead += (await cursor.seek(tail)) ?? 0;
    return tail === null ? 0 : Math.max(0, ahead - tail);
  }

  async #isOver(): Promise<boolean> {
    const found = await this.#deps.find(this.#taskId);
    if (found === null) return true;
    if (found.state.state !== "exited") return false;
    return found.isDrained || this.#deps.env.wallNow() - found.state.finishedAtMs > DRAIN_MS;
  }

  async #deliver(line: LogLine, signal: AbortSignal): Promise<void> {
    // No await between the look and the call: a pause holds from the moment it is made.
    while (this.#isPaused) await this.#unpaused(signal);
    this.#delivered += 1;
    this.#handlers?.onLine(line);
    if (this.#delivered % LINES_PER_TURN === 0) await new Promise<void>((resolve) => this.#deps.env.defer(resolve));
  }

  async #unpaused(signal: AbortSignal): Promise<void> {
    while (this.#isPaused && !signal.aborted) await new Promise<void>((resolve) => (this.#wake = resolve));
    signal.throwIfAborted();
  }
}

/**
 * Lines of both streams by time, until one that had some needs to be read on. A stream that had none is not looked at
 * again meanwhile: what it gets now is newer than what was read of the other.
 */
function takeBatch([a, b]: readonly [LogCursor, LogCursor]): LogLine[] {
  const batch: LogLine[] = [];
  for (;;) {
    const [x, y] = [a.head, b.head];
    const from = x === null ? b : y === null || x.timeUs <= y.timeUs ? a : b;
    const line = from.head;
    if (line === null) return batch;
    batch.push(line);
    from.take();
    if (from.head === null) return batch;
  }
}
