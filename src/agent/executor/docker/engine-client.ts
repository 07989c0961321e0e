/**
 * The engine's API with a deadline on every call: a hung engine costs a call its deadline and becomes `unavailable`,
 * never a wait without end. The only file that makes a Docker client.
 */
import { Agent, IncomingMessage } from "node:http";
import { inspect } from "node:util";
import Docker from "dockerode";
import { withDeadline, type Env } from "../../../util/env.ts";
import { callFailure } from "./engine-error.ts";

export type EngineAddress = { readonly socketPath: string } | { readonly host: string; readonly port: number };

/** Deadlines of calls in ms. They bound a hung engine; a slow one (50 starts at once on two cores) must fit. */
export const CALL_MS = 15_000;
export const CREATE_MS = 60_000;
export const START_MS = 60_000;
export const REMOVE_MS = 60_000;
/** Until a stream's first byte of headers. */
export const OPEN_MS = 10_000;
/** Calls under way at once; more wait, within their deadline. */
const SOCKETS_MAX = 32;

export type CallOptions = {
  /** For the message, as the start of a sentence: "Creating a container". */
  readonly what: string;
  readonly ms?: number;
  readonly signal: AbortSignal | undefined;
};

type StreamRequest = {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly query: Record<string, unknown>;
  readonly body?: Record<string, unknown> | undefined;
};

/** The library's own transport: it streams answers that dockerode's methods would buffer whole. */
type Modem = Docker["modem"];
type Dial = Parameters<Modem["dial"]>[0];

export class EngineClient {
  readonly #env: Env;
  readonly #docker: Docker;
  readonly #streams: Modem;
  readonly #agents: readonly Agent[];

  constructor(env: Env, address: EngineAddress) {
    this.#env = env;
    const calls = new PlainAgent({ keepAlive: true, maxSockets: SOCKETS_MAX });
    // Streams live long: they must not take the calls' sockets.
    const streams = new PlainAgent({ keepAlive: false });
    this.#agents = [calls, streams];
    this.#docker = new Docker(withAgent(address, calls));
    this.#streams = new Docker(withAgent(address, streams)).modem;
  }

  close(): void {
    for (const agent of this.#agents) agent.destroy();
  }

  /** @throws AppError `unavailable`, `cancelled`, or what the engine refused */
  async call<T>(
    { what, ms = CALL_MS, signal }: CallOptions,
    work: (docker: Docker, abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    try {
      return await withDeadline(this.#env, { ms, what, ...(signal !== undefined && { parent: signal }) }, (inner) =>
        work(this.#docker, inner),
      );
    } catch (error) {
      throw callFailure(what, error);
    }
  }

  /** For the few reads whose methods in dockerode take no signal. */
  async get(options: CallOptions, path: string): Promise<unknown> {
    return await this.call(options, (docker, abortSignal) =>
      dial(docker.modem, { path, method: "GET", abortSignal, statusCodes: { 200: true } }),
    );
  }

  /** A ping over a new connection: an engine that is going down serves old ones to the end and accepts no others. */
  async probe(ms: number, signal: AbortSignal): Promise<void> {
    await this.call({ what: "Probing the engine", ms, signal }, (_, abortSignal) =>
      dial(this.#streams, { path: "/_ping", method: "GET", abortSignal, statusCodes: { 200: true } }),
    );
  }

  /**
   * Opens a streaming answer; the deadline covers its headers only. The stream lives until it ends or `life` aborts,
   * and has an error listener from the start: who reads it looks at `close`.
   */
  async open(
    { what, ms = OPEN_MS, signal: life }: CallOptions & { readonly signal: AbortSignal },
    { method, path, query, body = {} }: StreamRequest,
  ): Promise<IncomingMessage> {
    const controller = new AbortController();
    const onLife = (): void => controller.abort();
    life.addEventListener("abort", onLife, { once: true });
    try {
      const response = await withDeadline(this.#env, { ms, what, parent: life }, (inner) => {
        inner.addEventListener("abort", () => controller.abort(), { once: true });
        return this.#dial({ method, path, query, body }, controller.signal);
      });
      response.once("close", () => life.removeEventListener("abort", onLife));
      return response;
    } catch (error) {
      life.removeEventListener("abort", onLife);
      throw callFailure(what, error);
    }
  }

  async #dial({ method, path, query, body }: StreamRequest, abortSignal: AbortSignal): Promise<IncomingMessage> {
    const response = await dial(this.#streams, {
      path: `${path}?`,
      method,
      isStream: true,
      abortSignal,
      statusCodes: { 200: true },
      options: { _query: query, _body: body },
    });
    if (!(response instanceof IncomingMessage)) throw new Error("The answer is no stream");
    response.on("error", () => undefined);
    return response;
  }
}

/**
 * Before every request docker-modem (5.x, buildRequest) makes a text of all its options for a debug line that nobody
 * reads, to any depth: of an agent that is all its sockets and their queues, some 50 ms with ten calls under way.
 */
export class PlainAgent extends Agent {
  [inspect.custom](): string {
    return "Agent";
  }
}

async function dial(modem: Modem, options: Dial): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    modem.dial(options, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}

function withAgent(address: EngineAddress, agent: Agent): Docker.DockerOptions & { agent: Agent } {
  return { ...target(address), agent };
}

/** `host: undefined` keeps the library from looking at DOCKER_HOST: the caller decided. */
function target(address: EngineAddress): Docker.DockerOptions {
  return "socketPath" in address
    ? { host: undefined, port: undefined, protocol: "http", socketPath: address.socketPath }
    : { protocol: "http", host: address.host, port: address.port };
}
