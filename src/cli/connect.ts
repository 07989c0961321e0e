/**
 * How commands reach a manager: --host, else --context, else SHOAL_HOST, else the current context,
 * else this machine's socket. On failure the next manager is tried; a change is repeated elsewhere
 * only under its request id.
 */
import { accessSync, constants, existsSync } from "node:fs";
import { call, openStream, type ClientHandlers, type ClientStream } from "../proto/client.ts";
import { bootstrapCredentials, RotatingCredentials } from "../pki/credentials.ts";
import { GrpcDialer } from "../proto/grpc-client.ts";
import { rpc, type KeysOf, type RequestInput, type Response } from "../proto/load.ts";
import type { Channel, Dialer } from "../proto/rpc.ts";
import { AppError, rethrowBug } from "../util/errors.ts";
import { sleep, type Env } from "../util/env.ts";
import { newId } from "../util/id.ts";
import { silentLogger } from "../util/log.ts";
import { realEnv } from "../util/real-env.ts";
import { currentName, loadContext, rememberManagers } from "./context.ts";
import { ONLY_READ, usage } from "./exit.ts";
import { isWorthRetrying, mayHaveRun } from "./retry.ts";
import { chooseTarget, hostsOf, isAddress, isSocket, parseHosts } from "./target.ts";

export const DEFAULT_SOCKET = "/run/shoal/shoal.sock";
/** Of one attempt, while there are other managers to ask. */
const ATTEMPT_MS_MAX = 10_000;
const RETRY_PAUSE_MS = 100;
/** No manager can be connected to at all: waiting longer than a restart takes would only look like a hang. */
export const UNREACHABLE_MS = 5000;
/** From then on a person is told what is waited for. */
const NOTICE_AFTER_MS = 1500;
/** Of asking for the managers, after what was asked for is done. */
const LEARN_MS_MAX = 1000;
const MANAGERS_MAX = 100;
/** Addresses named in one error. */
const NAMED_MAX = 3;

export type ConnectOptions = {
  /** Of --host and --context; undefined or empty is not given. */
  readonly host?: string | undefined;
  readonly context?: string | undefined;
  readonly timeoutMs: number;
  /** Reads ask for what one manager knows, also without a quorum. */
  readonly isStale?: boolean;
  readonly onWait?: (why: string) => void;
};

export type ClientOptions = {
  readonly timeoutMs: number;
  readonly isStale?: boolean | undefined;
  /** Called once a call, when it is tried again for longer than a moment. */
  readonly onWait?: ((why: string) => void) | undefined;
  /** Of a context: keeps the managers' addresses for the next time. */
  readonly onManagers?: ((addresses: readonly string[]) => void) | undefined;
};

export class Client {
  readonly #dialer: Dialer;
  readonly #env: Env;
  readonly #hosts: readonly string[];
  readonly #options: ClientOptions;
  /** Calls under way: a channel that is left goes on until the last of its own has ended. */
  readonly #calls = new Map<Channel, number>();
  #at = 0;
  #channel: Channel | null = null;
  #isAnswered = false;

  constructor(deps: { readonly dialer: Dialer; readonly env: Env }, hosts: readonly string[], options: ClientOptions) {
    this.#dialer = deps.dialer;
    this.#env = deps.env;
    this.#hosts = hosts;
    this.#options = options;
  }

  get hosts(): readonly string[] {
    return this.#hosts;
  }

  get timeoutMs(): number {
    return this.#options.timeoutMs;
  }

  /** A fresh id for one change: give the same one to every repetition. */
  requestId(): string {
    return newId(this.#env);
  }

  /** @throws AppError; `unknown-outcome` may still take effect. */
  async call<K extends KeysOf<"unary">>(key: K, asked: RequestInput<K>): Promise<Response<K>> {
    // A message without this field leaves it out.
    const request = this.#options.isStale === true ? { ...asked, consistency: "STALE" } : asked;
    const attempts = new Attempts(this.#env, this.#options, { hosts: this.#hosts.length, ...repetition(key, request) });
    for (;;) {
      const leftMs = attempts.leftMs();
      const deadlineMs = attempts.canRepeat ? Math.min(leftMs, ATTEMPT_MS_MAX) : leftMs;
      const [host, channel] = [this.#host(), this.#connect()];
      try {
        const answer = await this.#counted(channel, call(channel, key, request, { deadlineMs }));
        this.#isAnswered = true;
        return answer;
      } catch (error) {
        attempts.failed(host, AppError.from(error));
        // A call beside this one may have moved on already: to move again would pass a manager by.
        if (this.#channel === channel) this.next();
        if (attempts.isRoundOver) await sleep(this.#env, RETRY_PAUSE_MS);
      }
    }
  }

  /** Whoever answered knows the other managers: they are asked when it does not answer any more. Never fails. */
  async learnManagers(): Promise<void> {
    const { onManagers } = this.#options;
    if (onManagers === undefined || !this.#isAnswered || this.#channel === null) return;
    const request = { filters: ["role=manager"], pageSize: MANAGERS_MAX, consistency: "STALE" as const };
    try {
      const { nodes } = await call(this.#channel, "Control.ListNodes", request, { deadlineMs: LEARN_MS_MAX });
      onManagers(nodes.flatMap(({ node }) => (node !== null && isAddress(node.address) ? [node.address] : [])));
    } catch (error) {
      rethrowBug(error);
    }
  }

  /** One stream to one manager; the caller decides about repetition, on the `next()` one. */
  stream<K extends KeysOf<"bidi" | "server-stream">>(
    key: K,
    request: RequestInput<K>,
    handlers: ClientHandlers<K>,
  ): ClientStream<K> {
    return openStream(this.#connect(), key, handlers, { request });
  }

  /** What follows goes to another manager; calls under way go on where they are. */
  next(): void {
    const left = this.#channel;
    this.#channel = null;
    this.#at += 1;
    if (left !== null && !this.#calls.has(left)) left.close();
  }

  /** Calls under way end as cancelled. */
  close(): void {
    const open = new Set(this.#calls.keys());
    if (this.#channel !== null) open.add(this.#channel);
    this.#channel = null;
    this.#calls.clear();
    for (const channel of open) channel.close();
  }

  async #counted<T>(channel: Channel, under: Promise<T>): Promise<T> {
    this.#calls.set(channel, (this.#calls.get(channel) ?? 0) + 1);
    try {
      return await under;
    } finally {
      this.#ended(channel);
    }
  }

  #ended(channel: Channel): void {
    const count = this.#calls.get(channel);
    // All were closed meanwhile.
    if (count === undefined) return;
    if (count > 1) this.#calls.set(channel, count - 1);
    else {
      this.#calls.delete(channel);
      if (channel !== this.#channel) channel.close();
    }
  }

  #host(): string {
    return this.#hosts[this.#at % this.#hosts.length] ?? "";
  }

  #connect(): Channel {
    this.#channel ??= this.#dialer.dial(this.#host(), { peer: { kind: "manager" }, profile: "control" });
    return this.#channel;
  }
}

type Repetition = { readonly isChange: boolean; readonly canRepeat: boolean };

/** Reads repeat freely, changes under a request id, the local daemon's own life (init, join, leave) never. */
function repetition(key: KeysOf<"unary">, request: object): Repetition {
  if (key.startsWith("Daemon.")) return { isChange: true, canRepeat: false };
  if (!rpc(key).access.mutation) return { isChange: false, canRepeat: true };
  return { isChange: true, canRepeat: "requestId" in request && request.requestId !== "" };
}

/** The tries of one call, and what their failures add up to. */
class Attempts {
  readonly canRepeat: boolean;
  readonly #env: Env;
  readonly #options: ClientOptions;
  readonly #isChange: boolean;
  readonly #hosts: number;
  readonly #startedAt: number;
  /** By address: why nothing could be sent there. */
  readonly #unreachable = new Map<string, AppError>();
  #count = 0;
  /** What a manager said tells more than that another cannot be reached. */
  #lastAnswer: AppError | null = null;
  #last: AppError | null = null;
  #mayHaveRun = false;
  #isNoticed = false;

  constructor(env: Env, options: ClientOptions, how: Repetition & { readonly hosts: number }) {
    this.canRepeat = how.canRepeat;
    this.#env = env;
    this.#options = options;
    this.#isChange = how.isChange;
    this.#hosts = how.hosts;
    this.#startedAt = env.now();
  }

  get isRoundOver(): boolean {
    return this.#count % this.#hosts === 0;
  }

  /** Left of the call's time. @throws AppError when there is none */
  leftMs(): number {
    const leftMs = this.#options.timeoutMs - this.#elapsedMs();
    if (leftMs <= 0) throw this.#gaveUp();
    return leftMs;
  }

  /** Returns when another try makes sense. @throws AppError otherwise */
  failed(host: string, error: AppError): void {
    this.#count += 1;
    this.#last = error;
    const isUnsent = error.code === "unavailable" && error.details["sent"] === "no";
    if (isUnsent) this.#unreachable.set(host, error);
    else {
      // A last try that ran out of time says less than what was answered before.
      if (error.code !== "deadline" || this.#lastAnswer === null) this.#lastAnswer = error;
      // A node that is no manager, or not yet: each of the others may be one.
      if (error.code === "unsupported" && this.#count < this.#hosts) return;
      if (mayHaveRun(error)) this.#mayHaveRun = true;
      if (!isWorthRetrying(error, this.canRepeat)) throw this.#isOpen(error) ? this.#gaveUp() : error;
    }
    if (this.#isHopeless()) throw this.#noManager();
    if (this.#elapsedMs() >= NOTICE_AFTER_MS && !this.#isNoticed) {
      this.#isNoticed = true;
      this.#options.onWait?.(error.message);
    }
  }

  #elapsedMs(): number {
    return this.#env.now() - this.#startedAt;
  }

  #isOpen(error: AppError): boolean {
    return this.#isChange && mayHaveRun(error);
  }

  /** Nobody was ever reached: a socket that is not there stays away, an address gets a little time. */
  #isHopeless(): boolean {
    if (this.#lastAnswer !== null || this.#unreachable.size < this.#hosts) return false;
    return this.#elapsedMs() >= UNREACHABLE_MS || [...this.#unreachable.keys()].every((host) => isSocket(host));
  }

  #noManager(): AppError {
    const reasons = [...this.#unreachable.values()].slice(0, NAMED_MAX).map(({ message }) => message);
    const [first] = this.#unreachable.values();
    const details = {
      sent: "no",
      next: first?.details.next ?? "check the addresses (shoal context ls) and the network",
    };
    return new AppError("unavailable", `No manager answers: ${reasons.join("; ")}`, details);
  }

  /** The time is up. What surely changed nothing says so by its own code. */
  #gaveUp(): AppError {
    const last = this.#lastAnswer ?? this.#last;
    const seconds = Math.round(this.#elapsedMs() / 100) / 10;
    if (this.#isChange && this.#mayHaveRun) {
      const why = last === null ? "" : `: ${last.message}`;
      return new AppError("unknown-outcome", `No answer within ${seconds} s${why}`, last?.details ?? {}, last);
    }
    if (last === null || last.code === "deadline") {
      const message = `No answer within ${seconds} s${last === null ? "" : `: ${last.message}`}`;
      return new AppError("deadline", message, { ...last?.details, ...ONLY_READ }, last);
    }
    return new AppError(last.code, `${last.message} (tried for ${seconds} s)`, last.details, last);
  }
}

export function connect(options: ConnectOptions): Client {
  const target = chooseTarget({ ...options, environment: process.env, currentName });
  if (target.kind === "socket") return local(target.hosts, options);
  if (target.kind === "context") {
    const context = loadContext(target.name);
    const dialer = new GrpcDialer({ env: realEnv, log: silentLogger, credentials: new RotatingCredentials(context) });
    // Who says where to go means there and nowhere else.
    if (target.hosts.length > 0) return new Client({ dialer, env: realEnv }, target.hosts, options);
    const onManagers = (addresses: readonly string[]): void => void rememberManagers(target.name, context, addresses);
    return new Client({ dialer, env: realEnv }, hostsOf(context), { ...options, onManagers });
  }
  if (target.hosts.length > 0) {
    throw new AppError("precondition", `Reaching ${target.hosts.join(", ")} needs a context with a certificate`, {
      next: "on a manager: shoal context export --output FILE, here: shoal context import FILE",
    });
  }
  const socket = defaultSocket();
  if (existsSync(socket)) return local([`unix:${socket}`], options);
  throw new AppError("precondition", "No cluster to talk to: no context, no --host, and no daemon on this machine", {
    next: "shoal dev, or scripts/up, or shoal context import FILE",
  });
}

/** This machine's daemon, through its socket: needs no certificate. */
export function connectLocal(options: ConnectOptions): Client {
  const given = parseHosts(options.host ?? "");
  if (given.some((host) => !isSocket(host)) || given.length > 1) {
    throw usage("--host: this command is about one machine's own daemon", "run it there, or give unix:/PATH");
  }
  const [named] = given.length > 0 ? given : parseHosts(process.env["SHOAL_HOST"] ?? "").filter(isSocket);
  return local([named ?? `unix:${defaultSocket()}`], options);
}

function defaultSocket(): string {
  const given = process.env["SHOAL_SOCKET"] ?? "";
  return given === "" ? DEFAULT_SOCKET : given;
}

function local(hosts: readonly string[], options: ConnectOptions): Client {
  for (const host of hosts) checkSocket(host.slice("unix:".length));
  const dialer = new GrpcDialer({ env: realEnv, log: silentLogger, credentials: bootstrapCredentials(null) });
  return new Client({ dialer, env: realEnv }, hosts, options);
}

/** Says at once what the transport would only call a connection error. */
function checkSocket(path: string): void {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "EACCES" || code === "EPERM") {
      const next = "use sudo, or become a member of the group shoal";
      throw new AppError("denied", `You may not use the socket ${path}`, { next }, error);
    }
    const next = "start one with: shoal daemon, or shoal dev";
    throw new AppError("unavailable", `No daemon runs here: there is no socket ${path}`, { sent: "no", next }, error);
  }
}
