/**
 * Between a transport and the handlers: who may call what, strictness of mutations, forwarding to
 * the leader once, and one place where unknown errors become `internal`.
 */
import { rpc, type KeysOf, type Request, type ResponseInput, type RpcDefinition, type RpcKey } from "./load.ts";
import type { ByteStream, CallContext, Caller, Dispatcher, StreamEnd } from "./rpc.ts";
import { refuseUnknownFields } from "./strict.ts";
import { AppError, isAppError } from "../util/errors.ts";
import { must } from "../util/assert.ts";
import type { Logger } from "../util/log.ts";

export type UnaryHandler<K extends RpcKey> = (request: Request<K>, context: CallContext) => Promise<ResponseInput<K>>;

/** The server's end of a typed stream. */
export type ServerStream<K extends RpcKey> = {
  attach(handlers: {
    onMessage(message: Request<K>): void;
    onEnd?(): void;
    onDrain?(): void;
    onClose(end: StreamEnd): void;
  }): void;
  write(message: ResponseInput<K>): boolean;
  end(): void;
  cancel(error?: AppError): void;
  pause(): void;
  resume(): void;
};

export type StreamHandler<K extends RpcKey> = (stream: ServerStream<K>, context: CallContext) => void;
/** Messages as encoded bytes, for services with codecs of their own (Raft). */
export type RawStreamHandler = (stream: ByteStream, context: CallContext) => void;

/** Where calls that need the leader go. */
export interface LeaderRoute {
  /** True when this process may serve leader calls now. */
  isLeader(): boolean;
  /** @throws AppError `unavailable` when no leader is known. */
  forward(path: string, request: Uint8Array, context: CallContext): Promise<Uint8Array>;
}

/** Says whether an identity still belongs to the cluster; checked again on each call. `key`: the RPC, null for what is none. */
export type IdentityCheck = (caller: Caller, key: RpcKey | null) => AppError | null;

type Registration = {
  readonly definition: RpcDefinition;
  readonly unary?: UnaryHandler<RpcKey>;
  readonly stream?: RawStreamHandler;
};

export class Router implements Dispatcher {
  readonly #registrations = new Map<string, Registration>();
  readonly #log: Logger;
  #route: LeaderRoute | null = null;
  #checkIdentity: IdentityCheck = () => null;

  constructor(log: Logger) {
    this.#log = log;
  }

  get paths(): Dispatcher["paths"] {
    return [...this.#registrations.values()].map(({ definition }) => ({
      path: definition.path,
      kind: definition.kind,
    }));
  }

  setLeaderRoute(route: LeaderRoute | null): void {
    this.#route = route;
  }

  setIdentityCheck(check: IdentityCheck): void {
    this.#checkIdentity = check;
  }

  refuse(caller: Caller): AppError | null {
    return this.#checkIdentity(caller, null);
  }

  /** Registering again replaces: a node becomes a manager while its port is open. */
  unary<K extends KeysOf<"unary">>(key: K, handler: UnaryHandler<K>): void {
    const definition = rpc(key);
    this.#registrations.set(definition.path, { definition, unary: handler as unknown as UnaryHandler<RpcKey> });
  }

  /** @param options.messageBytesMax a larger message ends its stream as `invalid`, undecoded. */
  stream<K extends KeysOf<"bidi" | "server-stream">>(
    key: K,
    handler: StreamHandler<K>,
    { messageBytesMax = Infinity }: { readonly messageBytesMax?: number } = {},
  ): void {
    const definition = rpc(key);
    this.#registrations.set(definition.path, {
      definition,
      stream: (bytes, context) => handler(typedServerStream<K>(definition, bytes, messageBytesMax), context),
    });
  }

  rawStream(key: KeysOf<"bidi" | "server-stream">, handler: RawStreamHandler): void {
    const definition = rpc(key);
    this.#registrations.set(definition.path, { definition, stream: handler });
  }

  unregister(key: RpcKey): void {
    this.#registrations.delete(rpc(key).path);
  }

  /** One of `paths`, for who registers much and leaves with all of it. */
  unregisterPath(path: string): void {
    this.#registrations.delete(path);
  }

  async dispatchUnary(path: string, request: Uint8Array, context: CallContext): Promise<Uint8Array> {
    try {
      const { definition, unary } = this.#find(path);
      this.#authorize(definition, context.caller);
      // Forwarded ones too: a follower of a later version knows fields that this one would drop.
      if (definition.access.mutation) refuseUnknownFields(definition.requestType, request);
      if (definition.access.leader && this.#route !== null && !this.#route.isLeader()) {
        if (context.forwarded) throw new AppError("not-leader", "This manager is not the leader any more");
        return await this.#route.forward(path, request, context);
      }
      try {
        const response = await must(unary, `${path} is unary`)(decode(definition, request) as Request<RpcKey>, context);
        return definition.encodeResponse(response);
      } catch (error) {
        // Deposed while serving: `not-leader` says that the change is certainly not made, so the new leader may be asked.
        const route = definition.access.leader && !context.forwarded ? this.#route : null;
        if (route === null || !isAppError(error, "not-leader")) throw error;
        return await route.forward(path, request, context);
      }
    } catch (error) {
      throw this.#report(path, error);
    }
  }

  dispatchStream(path: string, stream: ByteStream, context: CallContext): void {
    try {
      const { definition, stream: handler } = this.#find(path);
      this.#authorize(definition, context.caller);
      must(handler, `${path} is a stream`)(stream, context);
    } catch (error) {
      const reported = this.#report(path, error);
      stream.attach({ onMessage: () => undefined, onClose: () => undefined });
      stream.cancel(reported);
    }
  }

  #find(path: string): Registration {
    const registration = this.#registrations.get(path);
    if (registration !== undefined) return registration;
    throw new AppError("unsupported", `${path} is not served by this node`, { next: "call a manager" });
  }

  #authorize(definition: RpcDefinition, caller: Caller): void {
    const { allow } = definition.access;
    if (allow.includes("ANYONE")) return;
    if (caller.kind === "anonymous") {
      throw new AppError("unauthenticated", `${definition.key} needs a client certificate of this cluster`, {
        next: "use a context (shoal context import), or a certificate the cluster issued",
      });
    }
    if (!allow.some((kind) => permits(kind, caller))) {
      throw new AppError("denied", `${definition.key} may not be called by ${describeCaller(caller)}`, {
        next: allow.includes("ADMIN")
          ? "use an administrator's certificate (shoal context import)"
          : `it is for ${allow.join(" and ").toLowerCase()} callers only`,
      });
    }
    const refusal = this.#checkIdentity(caller, definition.key);
    if (refusal !== null) throw refusal;
  }

  #report(path: string, error: unknown): AppError {
    const reported = AppError.from(error);
    if (reported.code === "internal") this.#log.error("call failed", { path, error });
    return reported;
  }
}

function permits(kind: string, caller: Caller): boolean {
  switch (caller.kind) {
    case "anonymous":
      return false;
    case "local":
      return kind === "LOCAL" || kind === "ADMIN";
    case "admin":
      return kind === "ADMIN";
    case "node":
      return kind === (caller.role === "manager" ? "MANAGER" : "WORKER");
  }
}

/** The actor written into causes and request records. */
export function describeCaller(caller: Caller): string {
  switch (caller.kind) {
    case "anonymous":
      return "anonymous";
    case "local":
      return "user:local";
    case "admin":
      return `user:${caller.name}`;
    case "node":
      return `node:${caller.nodeId}`;
  }
}

function decode(definition: RpcDefinition, bytes: Uint8Array): object {
  try {
    return definition.decodeRequest(bytes);
  } catch (error) {
    throw new AppError(
      "invalid",
      `The request of ${definition.key} is not a valid ${definition.requestType}`,
      {},
      error,
    );
  }
}

function oversized({ key }: RpcDefinition, bytes: number, max: number): AppError {
  return new AppError("invalid", `A message of ${key} has ${bytes} bytes, at most ${max} are taken`, {
    next: "say it in smaller messages",
  });
}

function typedServerStream<K extends RpcKey>(
  definition: RpcDefinition,
  stream: ByteStream,
  messageBytesMax: number,
): ServerStream<K> {
  return {
    attach: (handlers) =>
      stream.attach({
        ...handlers,
        onMessage: (bytes) => {
          let message: Request<K>;
          try {
            if (bytes.length > messageBytesMax) throw oversized(definition, bytes.length, messageBytesMax);
            message = decode(definition, bytes) as Request<K>;
          } catch (error) {
            stream.cancel(AppError.from(error));
            return;
          }
          handlers.onMessage(message);
        },
      }),
    write: (message) => stream.write(definition.encodeResponse(message)),
    end: () => stream.end(),
    cancel: (error) => stream.cancel(error),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
  };
}
