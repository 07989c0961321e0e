/**
 * The Rpc seam: calls over encoded bytes, with deadlines, cancellation and back-pressure. The real
 * one is gRPC over TLS (grpc-client.ts, grpc-server.ts); the simulator has its own. Nothing above
 * this seam knows which it is.
 */
import type { AppError } from "../util/errors.ts";

/** Who is at the other end of an inbound call, as proved by its certificate or socket. */
export type Caller =
  | { readonly kind: "anonymous" }
  | { readonly kind: "node"; readonly nodeId: string; readonly role: "worker" | "manager"; readonly clusterId: string }
  | { readonly kind: "admin"; readonly name: string; readonly clusterId: string }
  /** The unix socket: an administrator of this machine. */
  | { readonly kind: "local" };

export type CallContext = {
  readonly caller: Caller;
  /** Aborts when the caller goes away, cancels, or its deadline passes. */
  readonly signal: AbortSignal;
  /** Milliseconds left of the caller's deadline at arrival; undefined without one. */
  readonly deadlineMs: number | undefined;
  /** The call came through another manager, once already. */
  readonly forwarded: boolean;
};

export type CallOptions = {
  /** Every unary call has a deadline. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
  /** Set when forwarding: the identity on whose behalf this manager calls. */
  readonly onBehalfOf?: Caller;
};

export type StreamOptions = {
  readonly signal?: AbortSignal;
  readonly deadlineMs?: number;
  readonly onBehalfOf?: Caller;
};

/** Why a stream ended, seen from one end. */
export type StreamEnd = {
  /** null: the other side ended it in order. */
  readonly error: AppError | null;
  /** The connection broke by reset or unannounced close: the peer's kernel answered, its process is gone or left. */
  readonly reset: boolean;
};

export type StreamHandlers = {
  onMessage(data: Uint8Array): void;
  /** The other side will send no more (half-close). */
  onEnd?(): void;
  /** Writable again after `write` returned false. */
  onDrain?(): void;
  /** Exactly once, last. */
  onClose(end: StreamEnd): void;
};

/** One end of a stream of messages. Handlers are attached once, in the turn the stream is obtained. */
export interface ByteStream {
  attach(handlers: StreamHandlers): void;
  /** @returns false when the peer reads slower than we write: stop until `onDrain`. */
  write(data: Uint8Array): boolean;
  /** Half-close: nothing more from here. On the server it ends the call without error. */
  end(): void;
  /** Ends the call at once; on the server with this error as status. */
  cancel(error?: AppError): void;
  pause(): void;
  resume(): void;
}

/** A connection (kept up and reconnected by the implementation) to one address. */
export interface Channel {
  unary(path: string, request: Uint8Array, options: CallOptions): Promise<Uint8Array>;
  stream(path: string, options: StreamOptions): ByteStream;
  /** Ends every call with `cancelled`. Idempotent. */
  close(): void;
}

/** Which identity the dialled end must prove. */
export type PeerName = { readonly kind: "manager" } | { readonly kind: "node"; readonly nodeId: string };

/**
 * `raft`: one connection per peer of its own, quick reconnects, no sharing. `bulk`: large window,
 * of its own. `logs`: small window, of its own. `control`: shared, for everything else.
 */
export type ChannelProfile = "raft" | "bulk" | "logs" | "control";

export interface Dialer {
  dial(address: string, options: { readonly peer: PeerName; readonly profile: ChannelProfile }): Channel;
}

/** What a server implementation calls for inbound work; router.ts implements it. */
export interface Dispatcher {
  /** Paths served, so that unknown ones are refused by the transport. */
  readonly paths: readonly { readonly path: string; readonly kind: "unary" | "server-stream" | "bidi" }[];
  dispatchUnary(path: string, request: Uint8Array, context: CallContext): Promise<Uint8Array>;
  /** For server streams the single request arrives as the first message. */
  dispatchStream(path: string, stream: ByteStream, context: CallContext): void;
  /** Why this verified identity is not welcome any more; asked for those who forward, and for reflection. */
  refuse?(caller: Caller): AppError | null;
}

export interface Listener {
  /** The address actually bound, host:port or unix path. */
  readonly address: string;
  /** Closes connections of this identity (a removed node's). */
  closeConnectionsOf(nodeId: string): void;
  /** Stops accepting, ends calls, resolves when closed. */
  close(): Promise<void>;
}
