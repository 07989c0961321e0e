/**
 * The Rpc seam's serving half over grpc-js. Every RPC of the contract has a handler from the start
 * and asks the dispatcher at each call, because a node becomes a manager while its port is open.
 */
import { Server, ServerCredentials, type Metadata, type sendUnaryData, type ServerUnaryCall } from "@grpc/grpc-js";
import { EventEmitter } from "node:events";
import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Env } from "../util/env.ts";
import { AppError } from "../util/errors.ts";
import type { Logger } from "../util/log.ts";
import { forwardedCaller, refusedForwarder } from "./grpc-forward.ts";
import { HealthStatus, serveHealth } from "./grpc-health.ts";
import { MESSAGE_BYTES_MAX } from "./grpc-limits.ts";
import { listenTls, listenUnix, type Connection, type Security, type SocketListener } from "./grpc-listener.ts";
import { serveReflection } from "./grpc-reflection.ts";
import { ServerByteStream, type BytesDuplex } from "./grpc-server-call.ts";
import { toWireEnd } from "./grpc-status.ts";
import { rpc, RPC_KEYS } from "./load.ts";
import type { CallContext, Caller, Dispatcher, Listener } from "./rpc.ts";

/** Streams and calls in flight on one connection; further ones wait in the client. */
const STREAMS_PER_CONNECTION_MAX = 1024;
/** What a node may send ahead, a stream and in all. */
const MEMBER_WINDOW_BYTES = 1024 * 1024;
/** Between ending the calls and destroying the sockets at close. */
const CLOSE_GRACE_MS = 300;

export type ServeOptions = {
  /** `host:port` (port 0 takes a free one) or `unix:/path`. */
  readonly address: string;
  /** Required for host:port. */
  readonly security?: Security;
  readonly env: Env;
  readonly log: Logger;
  readonly health?: HealthStatus;
};

export async function serveGrpc(dispatcher: Dispatcher, options: ServeOptions): Promise<Listener> {
  const server = new GrpcServer(dispatcher, options);
  await server.listen();
  return server;
}

type AnyCall = {
  readonly metadata: Metadata;
  getPeer(): string;
  getDeadline(): Date | number;
  on(event: "cancelled", listener: () => void): unknown;
};
type Begun = {
  readonly context: CallContext;
  readonly connection: Connection | null;
  /** No abort after it: the call has its answer. */
  finish(): void;
};

class GrpcServer implements Listener {
  readonly #dispatcher: Dispatcher;
  readonly #options: ServeOptions;
  readonly #server: Server;
  readonly #live = new Set<{ cancel(error: AppError): void }>();
  readonly #injector: ReturnType<Server["createConnectionInjector"]>;
  #sockets: SocketListener | null = null;
  #closing: Promise<void> | null = null;

  constructor(dispatcher: Dispatcher, options: ServeOptions) {
    this.#dispatcher = dispatcher;
    this.#options = options;
    this.#server = new Server({
      "grpc.enable_channelz": 0,
      "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
      "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
      "grpc.max_concurrent_streams": STREAMS_PER_CONNECTION_MAX,
    });
    for (const key of RPC_KEYS) this.#register(rpc(key));
    serveHealth(this.#server, dispatcher, options.health ?? new HealthStatus());
    serveReflection(this.#server, (call) => this.#refuseReflection(call));
    // Our listener has done TLS: what it injects is plain HTTP/2 to grpc-js.
    this.#injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
    this.#widenWindows();
  }

  get address(): string {
    return this.#sockets?.address ?? "";
  }

  async listen(): Promise<void> {
    const { address, security, env, log } = this.#options;
    const deps = { env, log, inject: (socket: Socket) => this.#injector.injectConnection(socket) };
    if (address.startsWith("unix:")) {
      this.#sockets = await listenUnix(address.slice("unix:".length), deps);
    } else if (security === undefined) {
      throw new AppError("precondition", `Cannot listen on ${address} without certificates`);
    } else this.#sockets = await listenTls(address, security, deps);
  }

  closeConnectionsOf(nodeId: string): void {
    const reason = new AppError("denied", `Node ${nodeId} is not a member of this cluster any more`);
    for (const connection of this.#sockets?.connections ?? []) {
      if (connection.nodeId === nodeId) drop(connection, reason);
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const reason = new AppError("unavailable", "This node is stopping", { next: "call another manager" });
    const closed = this.#sockets?.close();
    for (const call of this.#live) call.cancel(reason);
    // Lets statuses and answers under way leave before the sockets go.
    this.#injector.destroy();
    const timer = this.#options.env.setTimer(CLOSE_GRACE_MS, () => {
      for (const connection of this.#sockets?.connections ?? []) drop(connection, reason);
    });
    await closed;
    timer.cancel();
    this.#server.forceShutdown();
  }

  /**
   * HTTP/2 lets a client send 64 KiB before it must wait for our event loop; one batch of Raft
   * entries is larger. grpc-js widens clients' windows only, so this goes by its own servers, which
   * it keeps in a map. Members only: a stranger may not make us buffer.
   */
  #widenWindows(): void {
    const servers: unknown = Reflect.get(this.#server, "http2Servers");
    if (!(servers instanceof Map)) return;
    for (const http2Server of servers.keys()) {
      if (!(http2Server instanceof EventEmitter)) continue;
      http2Server.on("session", (session: ServerHttp2Session) => {
        const { remoteAddress, remotePort } = session.socket;
        if (this.#sockets?.find(`${remoteAddress}:${remotePort}`)?.nodeId == null) return;
        session.settings({ initialWindowSize: MEMBER_WINDOW_BYTES });
        session.setLocalWindowSize(MEMBER_WINDOW_BYTES);
      });
    }
  }

  #register({ path, kind }: { path: string; kind: "unary" | "server-stream" | "bidi" }): void {
    if (kind === "unary") {
      const handler = (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void =>
        void this.#unary(path, call, callback);
      this.#server.register<Buffer, Buffer>(path, handler, identity, identity, "unary");
      return;
    }
    const isSingleRequest = kind === "server-stream";
    const handler = (call: BytesDuplex): void => this.#stream(path, call, isSingleRequest);
    this.#server.register<Buffer, Buffer>(path, handler, identity, identity, "bidi");
  }

  async #unary(path: string, call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>): Promise<void> {
    let begun: Begun | null = null;
    try {
      begun = this.#begin(call);
      const response = await this.#dispatcher.dispatchUnary(path, call.request, begun.context);
      begun.finish();
      callback(null, asBuffer(response));
    } catch (error) {
      begun?.finish();
      callback(toWireEnd(explain(AppError.from(error), this.#connectionOf(call))));
    }
  }

  #stream(path: string, call: BytesDuplex, isSingleRequest: boolean): void {
    let begun: Begun;
    try {
      begun = this.#begin(call);
    } catch (error) {
      call.emit("error", toWireEnd(explain(AppError.from(error), this.#connectionOf(call))));
      return;
    }
    const { context, connection, finish } = begun;
    const { env } = this.#options;
    const stream = new ServerByteStream(call, {
      env,
      path,
      connection,
      isSingleRequest,
      deadlineAtMs: context.deadlineMs === undefined ? Infinity : env.now() + context.deadlineMs,
      onClose: () => {
        finish();
        this.#live.delete(stream);
      },
      explain: (error) => explain(error, connection),
    });
    this.#live.add(stream);
    this.#dispatcher.dispatchStream(path, stream, context);
  }

  #connectionOf(call: { getPeer(): string }): Connection | null {
    return this.#sockets?.find(call.getPeer()) ?? null;
  }

  /** @throws AppError when the call may not go on to the dispatcher. */
  #begin(call: AnyCall): Begun {
    const { env } = this.#options;
    if (this.#closing !== null)
      throw new AppError("unavailable", "This node is stopping", { next: "call another manager" });
    const connection = this.#connectionOf(call);
    const peer = this.#callerOf(connection);
    const onBehalfOf = forwardedCaller(call.metadata, peer);
    if (onBehalfOf !== undefined) {
      const refusal = this.#dispatcher.refuse?.(peer) ?? null;
      if (refusal !== null) throw refusedForwarder(refusal);
    }
    const deadline = Number(call.getDeadline());
    const controller = new AbortController();
    let isFinished = false;
    call.on("cancelled", () => {
      if (!isFinished) controller.abort();
    });
    return {
      connection,
      finish: () => (isFinished = true),
      context: {
        caller: onBehalfOf ?? peer,
        signal: controller.signal,
        deadlineMs: deadline === Infinity ? undefined : Math.max(0, deadline - env.wallNow()),
        forwarded: onBehalfOf !== undefined,
      },
    };
  }

  #callerOf(connection: Connection | null): Caller {
    if (this.#options.address.startsWith("unix:")) return { kind: "local" };
    return connection?.callerAt(this.#options.env.wallNow()) ?? { kind: "anonymous" };
  }

  #refuseReflection(call: BytesDuplex): AppError | null {
    const connection = this.#connectionOf(call);
    const caller = this.#callerOf(connection);
    if (caller.kind !== "anonymous") return this.#dispatcher.refuse?.(caller) ?? null;
    return explain(
      new AppError("unauthenticated", "Reflection needs a client certificate of this cluster"),
      connection,
    );
  }
}

/** Says what is wrong with the certificate that was shown. */
function explain(error: AppError, connection: Connection | null): AppError {
  const problem = connection?.problem ?? null;
  if (error.code !== "unauthenticated" || problem === null) return error;
  return new AppError(error.code, `${error.message}: ${problem}`, error.details, error);
}

function drop(connection: Connection, reason: AppError): void {
  connection.closedBecause = reason;
  connection.socket.destroy();
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}
