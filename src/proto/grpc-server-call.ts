/** One inbound call of grpc-js as the Rpc seam knows it: a context, and for streams a ByteStream. */
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { constants } from "node:http2";
import type { Env } from "../util/env.ts";
import { AppError, cancelled } from "../util/errors.ts";
import { assert } from "../util/assert.ts";
import type { Connection } from "./grpc-listener.ts";
import { WriteBudget } from "./grpc-limits.ts";
import { toWireEnd } from "./grpc-status.ts";
import type { ByteStream, StreamEnd, StreamHandlers } from "./rpc.ts";

export type BytesDuplex = ServerDuplexStream<Buffer, Buffer>;

/** How long the status of a cancelled stream may wait behind what the peer has not read. */
const CANCEL_FLUSH_MS = 1000;

/** grpc-js's timer and our clock round differently. */
const DEADLINE_SLACK_MS = 5;

type Setup = {
  readonly env: Env;
  readonly path: string;
  readonly connection: Connection | null;
  /** A server stream: exactly one message comes in. */
  readonly isSingleRequest: boolean;
  /** Env time of the caller's deadline; Infinity without one. */
  readonly deadlineAtMs: number;
  readonly onClose: () => void;
  /** Adds what the connection knows to an error for the peer. */
  readonly explain: (error: AppError) => AppError;
};

export class ServerByteStream implements ByteStream {
  readonly #call: BytesDuplex;
  readonly #setup: Setup;
  readonly #budget = new WriteBudget();
  #handlers: StreamHandlers | null = null;
  #received = 0;
  #isEnded = false;
  #isClosed = false;

  constructor(call: BytesDuplex, setup: Setup) {
    this.#call = call;
    this.#setup = setup;
    // Always the last event of a call: after our own status too.
    call.on("cancelled", () => this.#close(this.#isEnded ? { error: null, reset: false } : this.#whyBroken()));
  }

  attach(handlers: StreamHandlers): void {
    assert(this.#handlers === null, "a stream has one set of handlers");
    this.#handlers = handlers;
    this.#call.on("data", (bytes: Buffer) => this.#receive(bytes));
    this.#call.on("end", () => {
      if (!this.#isClosed) this.#handlers?.onEnd?.();
    });
  }

  write(data: Uint8Array): boolean {
    if (this.#isClosed || this.#isEnded) return true;
    const message = Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const isWritable = this.#budget.add(message.length);
    if (this.#budget.isOverrun) {
      this.cancel(new AppError("exhausted", `${this.#setup.path} buffers too much: its writer ignores back-pressure`));
      return false;
    }
    this.#call.write(message, () => {
      if (this.#budget.release(message.length) && !this.#isClosed && !this.#isEnded) this.#handlers?.onDrain?.();
    });
    return isWritable;
  }

  end(): void {
    if (this.#isEnded || this.#isClosed) return;
    this.#isEnded = true;
    this.#call.end();
  }

  cancel(error: AppError = cancelled(this.#setup.path)): void {
    if (this.#isClosed) return;
    // grpc-js sends the status after what was written; a peer that does not read would hold it for ever.
    const timer = this.#setup.env.setTimer(CANCEL_FLUSH_MS, () => resetStream(this.#call));
    this.#call.on("cancelled", () => timer.cancel());
    if (!this.#isEnded) this.#call.emit("error", toWireEnd(this.#setup.explain(error)));
    this.#isEnded = true;
    this.#close({ error, reset: false });
  }

  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  #receive(bytes: Buffer): void {
    if (this.#isClosed) return;
    this.#received += 1;
    if (this.#setup.isSingleRequest && this.#received > 1) {
      this.cancel(new AppError("invalid", `${this.#setup.path} takes one request`));
      return;
    }
    this.#handlers?.onMessage(bytes);
  }

  #close(end: StreamEnd): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#setup.onClose();
    this.#handlers?.onClose(end);
  }

  #whyBroken(): StreamEnd {
    const { connection, path, env, deadlineAtMs } = this.#setup;
    if (connection?.closedBecause) return { error: connection.closedBecause, reset: false };
    if (connection?.fate.isPeerClosed === true) {
      return { error: new AppError("unavailable", `The peer of ${path} closed its connection`), reset: true };
    }
    if (connection?.socket.destroyed === true) {
      return { error: new AppError("unavailable", `The connection of ${path} was lost`), reset: false };
    }
    if (env.now() >= deadlineAtMs - DEADLINE_SLACK_MS)
      return { error: new AppError("deadline", `${path} reached its deadline`), reset: false };
    return { error: cancelled(path), reset: false };
  }
}

/** RST_STREAM, by way of grpc-js's own fields: it offers no call for it. The version is pinned and a test covers it. */
function resetStream(call: BytesDuplex): void {
  const inner: unknown = Reflect.get(call, "call");
  const http2Stream: unknown = typeof inner === "object" && inner !== null ? Reflect.get(inner, "stream") : null;
  const isStream = typeof http2Stream === "object" && http2Stream !== null && "close" in http2Stream;
  if (isStream && typeof http2Stream.close === "function") http2Stream.close(constants.NGHTTP2_CANCEL);
}
