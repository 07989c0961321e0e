/** The Rpc seam's dialling half over grpc-js: unary calls and streams of bytes, on raw calls of the channel. */
import { status as Status } from "@grpc/grpc-js";
import { AppError, cancelled } from "../util/errors.ts";
import { assert } from "../util/assert.ts";
import { GrpcConnection, type ConnectionDeps, type GrpcJsCall } from "./grpc-connection.ts";
import { forwardingMetadata } from "./grpc-forward.ts";
import { MESSAGE_BYTES_MAX, WriteBudget } from "./grpc-limits.ts";
import { SENT_MAYBE } from "./grpc-status.ts";
import { ContextCache } from "./grpc-tls.ts";
import type {
  ByteStream,
  CallOptions,
  Channel,
  ChannelProfile,
  Dialer,
  PeerName,
  StreamEnd,
  StreamHandlers,
  StreamOptions,
} from "./rpc.ts";

export class GrpcDialer implements Dialer {
  readonly #deps: ConnectionDeps;
  /** `control` connections, by address and peer, with their number of users. */
  readonly #shared = new Map<string, { readonly connection: GrpcConnection; users: number }>();

  constructor(deps: Omit<ConnectionDeps, "contexts">) {
    this.#deps = { ...deps, contexts: new ContextCache(deps.credentials) };
  }

  dial(address: string, { peer, profile }: { readonly peer: PeerName; readonly profile: ChannelProfile }): Channel {
    if (profile !== "control") {
      const connection = new GrpcConnection(this.#deps, { address, peer, profile });
      return new GrpcChannel(connection, () => connection.close());
    }
    const key = `${address} ${peer.kind === "manager" ? "" : peer.nodeId}`;
    const known = this.#shared.get(key);
    const entry = known ?? { connection: new GrpcConnection(this.#deps, { address, peer, profile }), users: 0 };
    entry.users += 1;
    this.#shared.set(key, entry);
    return new GrpcChannel(entry.connection, () => {
      entry.users -= 1;
      if (entry.users > 0) return;
      this.#shared.delete(key);
      entry.connection.close();
    });
  }
}

class GrpcChannel implements Channel {
  readonly #connection: GrpcConnection;
  readonly #release: () => void;
  readonly #live = new Set<{ cancel(): void }>();
  #isClosed = false;

  constructor(connection: GrpcConnection, release: () => void) {
    this.#connection = connection;
    this.#release = release;
  }

  unary(path: string, request: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const { signal } = options;
      if (this.#isClosed || signal?.aborted === true) {
        reject(cancelled(path));
        return;
      }
      checkSize(path, request);
      let response: Uint8Array | undefined;
      const settle = (error: AppError | null): void => {
        signal?.removeEventListener("abort", onAbort);
        this.#live.delete(handle);
        if (error !== null) reject(error);
        else if (response === undefined) reject(new AppError("internal", `${path} ended without an answer`));
        else resolve(response);
      };
      const call = this.#start(path, options, {
        onMessage: (bytes) => {
          response = bytes;
          call.startRead();
        },
        onEnd: ({ error }) => settle(error === null ? null : explainDeadline(error, path, options.deadlineMs)),
      });
      const onAbort = (): void => {
        settle(cancelled(path));
        call.cancelWithStatus(Status.CANCELLED, "Cancelled");
      };
      const handle = { cancel: onAbort };
      this.#live.add(handle);
      signal?.addEventListener("abort", onAbort, { once: true });
      call.sendMessageWithContext({}, asBuffer(request));
      call.halfClose();
      call.startRead();
    });
  }

  stream(path: string, options: StreamOptions): ByteStream {
    if (this.#isClosed) throw cancelled(path);
    const stream = new ClientByteStream(path);
    const { signal } = options;
    const onAbort = (): void => stream.cancel(cancelled(path));
    const call = this.#start(path, options, {
      onMessage: (bytes) => stream.receive(bytes),
      onEnd: (end) => stream.finish(end),
    });
    this.#live.add(stream);
    stream.open(call, () => {
      signal?.removeEventListener("abort", onAbort);
      this.#live.delete(stream);
    });
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
    return stream;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const call of this.#live) call.cancel();
    this.#release();
  }

  #start(
    path: string,
    { deadlineMs, onBehalfOf }: StreamOptions,
    handlers: Parameters<GrpcConnection["start"]>[1],
  ): GrpcJsCall {
    const metadata = forwardingMetadata(onBehalfOf);
    return this.#connection.start({ path, deadlineMs: deadlineMs ?? Infinity, metadata }, handlers);
  }
}

/**
 * grpc-js takes one message at a time and calls back when it is with the kernel, so the queue of
 * what waits is here, counted in bytes.
 */
class ClientByteStream implements ByteStream {
  readonly #path: string;
  readonly #budget = new WriteBudget();
  readonly #queue: Buffer[] = [];
  #call: GrpcJsCall | null = null;
  #onFinished: () => void = () => undefined;
  #handlers: StreamHandlers | null = null;
  #isSending = false;
  #isEnded = false;
  #isPaused = false;
  #isReading = false;
  #isFinished = false;

  constructor(path: string) {
    this.#path = path;
  }

  open(call: GrpcJsCall, onFinished: () => void): void {
    this.#call = call;
    this.#onFinished = onFinished;
  }

  attach(handlers: StreamHandlers): void {
    assert(this.#handlers === null, "a stream has one set of handlers");
    this.#handlers = handlers;
    this.#read();
  }

  write(data: Uint8Array): boolean {
    if (this.#isFinished || this.#isEnded) return true;
    checkSize(this.#path, data);
    const message = asBuffer(data);
    const isWritable = this.#budget.add(message.length);
    if (this.#budget.isOverrun) {
      this.cancel(new AppError("exhausted", `${this.#path} buffers too much: its writer ignores back-pressure`));
      return false;
    }
    this.#queue.push(message);
    this.#send();
    return isWritable;
  }

  end(): void {
    if (this.#isEnded || this.#isFinished) return;
    this.#isEnded = true;
    if (!this.#isSending) this.#call?.halfClose();
  }

  cancel(error: AppError = cancelled(this.#path)): void {
    if (this.#isFinished) return;
    this.#call?.cancelWithStatus(Status.CANCELLED, "Cancelled");
    this.finish({ error, reset: false });
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#read();
  }

  receive(bytes: Uint8Array): void {
    this.#isReading = false;
    if (this.#isFinished) return;
    this.#handlers?.onMessage(bytes);
    this.#read();
  }

  finish(end: StreamEnd): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#queue.length = 0;
    this.#onFinished();
    // In order means that the server sent all it wanted; only then does its half-close mean something.
    if (end.error === null) this.#handlers?.onEnd?.();
    this.#handlers?.onClose(end);
  }

  #read(): void {
    if (this.#isPaused || this.#isReading || this.#isFinished || this.#handlers === null) return;
    this.#isReading = true;
    this.#call?.startRead();
  }

  #send(): void {
    if (this.#isSending || this.#isFinished) return;
    const message = this.#queue.shift();
    if (message === undefined) {
      if (this.#isEnded) this.#call?.halfClose();
      return;
    }
    this.#isSending = true;
    this.#call?.sendMessageWithContext({ callback: () => this.#onSent(message.length) }, message);
  }

  #onSent(bytes: number): void {
    this.#isSending = false;
    const isDrained = this.#budget.release(bytes);
    this.#send();
    if (isDrained && !this.#isFinished) this.#handlers?.onDrain?.();
  }
}

function checkSize(path: string, message: Uint8Array): void {
  if (message.length <= MESSAGE_BYTES_MAX) return;
  throw new AppError(
    "exhausted",
    `A message of ${message.length} bytes to ${path} is too large: at most ${MESSAGE_BYTES_MAX}`,
    { next: "make it smaller, or send it in several messages" },
  );
}

function explainDeadline(error: AppError, path: string, deadlineMs: number): AppError {
  if (error.code !== "deadline") return error;
  return new AppError("deadline", `${path} was not answered within ${Math.round(deadlineMs)} ms`, {
    sent: SENT_MAYBE,
    ...error.details,
  });
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
