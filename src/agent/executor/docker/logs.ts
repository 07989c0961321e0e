/**
 * Logs of one container. Memory is bounded by back-pressure: while paused nothing is read from the engine, and what
 * waits here is at most one chunk of the socket and one unfinished frame.
 */
import type { IncomingMessage } from "node:http";
import { AppError, cancelled } from "../../../util/errors.ts";
import { must } from "../../../util/assert.ts";
import type { LogLine, LogQuery, LogSource, RuntimeState } from "../executor.ts";
import type { EngineClient } from "./engine-client.ts";
import { notAnswering } from "./engine-error.ts";
import { FrameParser, TextParser, type LogParser } from "./log-frames.ts";

export type LogTarget = { readonly state: RuntimeState; readonly hasTerminal: boolean };

export type LogDeps = {
  readonly client: EngineClient;
  /** Null if nothing of the task exists. */
  readonly find: (taskId: string, signal: AbortSignal) => Promise<LogTarget | null>;
  readonly onTaskEvent: (listener: (taskId: string) => void) => () => void;
  /** Aborts when the executor stops. */
  readonly life: AbortSignal;
};

type Handlers = Parameters<LogSource["attach"]>[0];

export class DockerLogSource implements LogSource {
  readonly #deps: LogDeps;
  readonly #taskId: string;
  readonly #query: LogQuery;
  readonly #controller = new AbortController();
  readonly #pending: LogLine[] = [];
  #handlers: Handlers | null = null;
  #response: IncomingMessage | null = null;
  #isPaused = false;
  #isDraining = false;
  /** Why it is over; undefined while it is not. */
  #outcome: Error | null | undefined;

  constructor(deps: LogDeps, taskId: string, query: LogQuery) {
    this.#deps = deps;
    this.#taskId = taskId;
    this.#query = query;
  }

  attach(handlers: Handlers): void {
    this.#handlers = handlers;
    const onLife = (): void => this.#controller.abort();
    this.#deps.life.addEventListener("abort", onLife, { once: true });
    if (this.#deps.life.aborted) onLife();
    void this.#read().finally(() => this.#deps.life.removeEventListener("abort", onLife));
  }

  pause(): void {
    this.#isPaused = true;
    this.#response?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#drain();
  }

  cancel(): void {
    this.#handlers = null;
    this.#pending.length = 0;
    this.#controller.abort();
  }

  /** Ends by setting the outcome; never rejects. */
  async #read(): Promise<void> {
    const { signal } = this.#controller;
    try {
      const target = await this.#waitForStart(signal);
      await this.#stream(target, signal);
      if (this.#query.follow) await this.#checkEnded(signal);
      this.#outcome = null;
    } catch (error) {
      this.#outcome = signal.aborted ? cancelled("Reading logs") : AppError.from(error);
    }
    this.#drain();
  }

  /** The engine ends the stream of a container that never ran at once; a follower means to see it run. */
  async #waitForStart(signal: AbortSignal): Promise<LogTarget> {
    for (;;) {
      // Listening first: a start between the look and the wait must not be missed.
      let wake = (): void => undefined;
      const changed = new Promise<void>((resolve) => (wake = resolve));
      const off = this.#deps.onTaskEvent((taskId) => taskId === this.#taskId && wake());
      signal.addEventListener("abort", wake, { once: true });
      try {
        const target = await this.#deps.find(this.#taskId, signal);
        if (target === null) throw new AppError("not-found", `No container of task ${this.#taskId} on this node`);
        if (!this.#query.follow || target.state.state !== "created") return target;
        await changed;
        signal.throwIfAborted();
      } finally {
        off();
        signal.removeEventListener("abort", wake);
      }
    }
  }

  async #stream({ state, hasTerminal }: LogTarget, signal: AbortSignal): Promise<void> {
    const { follow, tail, sinceMs } = this.#query;
    const response = await this.#deps.client.open(
      { what: "Opening logs", signal },
      {
        method: "GET",
        path: `/containers/${state.runtimeId}/logs`,
        query: {
          stdout: true,
          stderr: true,
          timestamps: true,
          follow,
          tail: tail ?? "all",
          ...(sinceMs > 0 && { since: (sinceMs / 1000).toFixed(3) }),
        },
      },
    );
    this.#response = response;
    const push = (line: LogLine): void => void this.#pending.push(line);
    const parser = hasTerminal ? new TextParser(push) : new FrameParser(push);
    await this.#pump(response, parser);
  }

  async #pump(response: IncomingMessage, parser: LogParser): Promise<void> {
    let failure: unknown;
    let isComplete = false;
    response.on("data", (chunk: Buffer) => {
      try {
        parser.push(chunk);
      } catch (error) {
        failure = error;
        response.destroy();
      }
      this.#drain();
    });
    if (this.#isPaused) response.pause();
    response.once("end", () => (isComplete = true));
    await new Promise<void>((resolve) => response.once("close", resolve));
    this.#response = null;
    if (failure !== undefined) throw AppError.from(failure);
    if (!isComplete) throw notAnswering("the log stream broke off");
    parser.end();
  }

  /** An engine that goes down may end the stream as if the container had ended. */
  async #checkEnded(signal: AbortSignal): Promise<void> {
    const target = await this.#deps.find(this.#taskId, signal);
    if (target?.state.state === "running") throw notAnswering("the log stream ended before the container");
  }

  #drain(): void {
    // A handler may resume or cancel from within.
    if (this.#isDraining) return;
    this.#isDraining = true;
    let at = 0;
    while (!this.#isPaused && this.#handlers !== null && at < this.#pending.length) {
      const line = must(this.#pending[at], "the index is below the length");
      at += 1;
      this.#handlers.onLine(line);
    }
    this.#pending.splice(0, at);
    this.#isDraining = false;
    if (this.#isPaused) {
      this.#response?.pause();
      return;
    }
    this.#response?.resume();
    if (this.#outcome === undefined || this.#pending.length > 0 || this.#handlers === null) return;
    const { onEnd } = this.#handlers;
    this.#handlers = null;
    onEnd(this.#outcome);
  }
}
