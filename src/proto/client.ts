/** Typed calls over a Channel. */
import { rpc, type KeysOf, type RequestInput, type Response, type RpcKey } from "./load.ts";
import type { CallOptions, Channel, StreamEnd, StreamOptions } from "./rpc.ts";

export async function call<K extends KeysOf<"unary">>(
  channel: Channel,
  key: K,
  request: RequestInput<K>,
  options: CallOptions,
): Promise<Response<K>> {
  const definition = rpc(key);
  const bytes = await channel.unary(definition.path, definition.encodeRequest(request), options);
  return definition.decodeResponse(bytes) as Response<K>;
}

/** The client's end of a typed stream. */
export type ClientStream<K extends RpcKey> = {
  write(message: RequestInput<K>): boolean;
  end(): void;
  cancel(): void;
  pause(): void;
  resume(): void;
};

export type ClientHandlers<K extends RpcKey> = {
  onMessage(message: Response<K>): void;
  onDrain?(): void;
  onClose(end: StreamEnd): void;
};

/** For a server stream write the one request, then `end()`; `openStream` does both when given it. */
export function openStream<K extends KeysOf<"bidi" | "server-stream">>(
  channel: Channel,
  key: K,
  handlers: ClientHandlers<K>,
  { request, ...options }: StreamOptions & { request?: RequestInput<K> } = {},
): ClientStream<K> {
  const definition = rpc(key);
  const stream = channel.stream(definition.path, options);
  const { onDrain } = handlers;
  stream.attach({
    onMessage: (bytes) => handlers.onMessage(definition.decodeResponse(bytes) as Response<K>),
    ...(onDrain === undefined ? {} : { onDrain: () => onDrain() }),
    onClose: (end) => handlers.onClose(end),
  });
  if (request !== undefined) {
    stream.write(definition.encodeRequest(request));
    stream.end();
  }
  return {
    write: (message) => stream.write(definition.encodeRequest(message)),
    end: () => stream.end(),
    cancel: () => stream.cancel(),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
  };
}
