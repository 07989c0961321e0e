/**
 * How commands reach a manager: --host or SHOAL_HOST, else the context, else this machine's socket.
 * On failure the next manager is tried; a change is repeated elsewhere only under its request id.
 */
import { existsSync } from "node:fs";
import { call, openStream, type ClientHandlers, type ClientStream } from "../proto/client.ts";
import { bootstrapCredentials, RotatingCredentials } from "../pki/credentials.ts";
import { GrpcDialer } from "../proto/grpc-client.ts";
import type { KeysOf, RequestInput, Response } from "../proto/load.ts";
import type { Channel, StreamEnd } from "../proto/rpc.ts";
import { AppError, isAppError } from "../util/errors.ts";
import { sleep } from "../util/env.ts";
import { newId } from "../util/id.ts";
import { silentLogger } from "../util/log.ts";
import { realEnv } from "../util/real-env.ts";
import { currentName, loadContext } from "./context.ts";

export const DEFAULT_SOCKET = "/run/shoal/shoal.sock";
const ATTEMPT_MS_MAX = 10_000;
const RETRY_PAUSE_MS = 100;

export type ConnectOptions = {
  readonly host?: string | undefined;
  readonly context?: string | undefined;
  readonly timeoutMs: number;
};

export class Client {
  readonly #dialer: GrpcDialer;
  readonly #hosts: readonly string[];
  readonly #timeoutMs: number;
  #at = 0;
  #channel: Channel | null = null;

  constructor(dialer: GrpcDialer, hosts: readonly string[], timeoutMs: number) {
    this.#dialer = dialer;
    this.#hosts = hosts;
    this.#timeoutMs = timeoutMs;
  }

  get hosts(): readonly string[] {
    return this.#hosts;
  }

  /** A fresh id for one change: give the same one to every repetition. */
  requestId(): string {
    return newId(realEnv);
  }

  /** @throws AppError; `deadline` and `unknown-outcome` may still take effect. */
  async call<K extends KeysOf<"unary">>(key: K, request: RequestInput<K>): Promise<Response<K>> {
    const until = realEnv.now() + this.#timeoutMs;
    const isRepeatable = !("requestId" in request) || (request as { requestId?: string }).requestId !== "";
    let last: unknown;
    for (let attempt = 0; ; attempt += 1) {
      const leftMs = until - realEnv.now();
      if (leftMs <= 0) throw toTimeout(last);
      try {
        return await call(this.#connect(), key, request, { deadlineMs: Math.min(leftMs, ATTEMPT_MS_MAX) });
      } catch (error) {
        last = error;
        if (!isWorthRetrying(error, isRepeatable)) throw error;
        this.#next();
        if (attempt % this.#hosts.length === this.#hosts.length - 1) await sleep(realEnv, RETRY_PAUSE_MS);
      }
    }
  }

  /** One stream to one manager; the caller decides about repetition. */
  stream<K extends KeysOf<"bidi" | "server-stream">>(
    key: K,
    request: RequestInput<K>,
    handlers: ClientHandlers<K>,
  ): ClientStream<K> {
    return openStream(this.#connect(), key, handlers, { request });
  }

  /** After a stream failed: the next one goes to another manager. */
  failed(end: StreamEnd): boolean {
    this.#next();
    return end.error !== null && isWorthRetrying(end.error, true);
  }

  close(): void {
    this.#channel?.close();
    this.#channel = null;
  }

  #connect(): Channel {
    const host = this.#hosts[this.#at % this.#hosts.length] ?? "";
    const channel = this.#channel ?? this.#dialer.dial(host, { peer: { kind: "manager" }, profile: "control" });
    this.#channel = channel;
    return channel;
  }

  #next(): void {
    this.close();
    this.#at += 1;
  }
}

function isWorthRetrying(error: unknown, isRepeatable: boolean): boolean {
  if (isAppError(error, "not-leader")) return true;
  return (
    isRepeatable &&
    (isAppError(error, "unavailable") || isAppError(error, "unknown-outcome") || isAppError(error, "deadline"))
  );
}

function toTimeout(last: unknown): AppError {
  const why = last === undefined ? "no manager answered" : AppError.from(last).message;
  return new AppError("deadline", `Timed out: ${why}`, { ...(isAppError(last) ? last.details : {}) });
}

export function connect(options: ConnectOptions): Client {
  const host = options.host ?? process.env["SHOAL_HOST"] ?? "";
  const name = options.context ?? currentName();
  const hosts = host.split(",").filter((part) => part !== "");
  if (hosts.every((part) => part.startsWith("unix:")) && hosts.length > 0) return local(hosts, options);
  if (name !== null) {
    const context = loadContext(name);
    const dialer = new GrpcDialer({ env: realEnv, log: silentLogger, credentials: new RotatingCredentials(context) });
    return new Client(dialer, hosts.length > 0 ? hosts : context.hosts, options.timeoutMs);
  }
  if (hosts.length > 0) {
    throw new AppError("precondition", "Reaching a remote manager needs a context with a certificate", {
      next: "on a manager: shoal context export > FILE, here: shoal context import FILE",
    });
  }
  const socket = process.env["SHOAL_SOCKET"] ?? DEFAULT_SOCKET;
  if (existsSync(socket)) return local([`unix:${socket}`], options);
  throw new AppError("precondition", "No cluster to talk to: no context, no --host, and no daemon on this machine", {
    next: "shoal dev, or scripts/up, or shoal context import FILE",
  });
}

/** This machine's daemon, through its socket: needs no certificate. */
export function connectLocal(options: ConnectOptions): Client {
  const host = options.host ?? process.env["SHOAL_HOST"] ?? "";
  if (host.startsWith("unix:")) return local([host], options);
  return local([`unix:${process.env["SHOAL_SOCKET"] ?? DEFAULT_SOCKET}`], options);
}

function local(hosts: readonly string[], options: ConnectOptions): Client {
  const dialer = new GrpcDialer({ env: realEnv, log: silentLogger, credentials: bootstrapCredentials(null) });
  return new Client(dialer, hosts, options.timeoutMs);
}
