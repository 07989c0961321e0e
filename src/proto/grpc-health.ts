/** grpc.health.v1 for the server and each of its services: open to anyone, like a knock on the door. */
import type { Server } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { AppError } from "../util/errors.ts";
import type { BytesDuplex } from "./grpc-server-call.ts";
import { toWireEnd } from "./grpc-status.ts";
import { RPC_KEYS } from "./load.ts";
import { LOAD_OPTIONS, PROTO_ROOT } from "./package.ts";
import type { Dispatcher } from "./rpc.ts";

/** Open to anyone, so bounded for all together. */
export const HEALTH_WATCHES_MAX = 256;

/** `set` overrides what is otherwise known from the registered paths. "" is the whole server. */
export class HealthStatus {
  readonly #set = new Map<string, boolean>();
  readonly #listeners = new Set<() => void>();

  set(service: string, isServing: boolean): void {
    this.#set.set(service, isServing);
    for (const listener of this.#listeners) listener();
  }

  get(service: string): boolean | undefined {
    return this.#set.get(service);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

type Answer = "SERVING" | "NOT_SERVING" | "SERVICE_UNKNOWN";

const definition = loadSync("grpc/health/v1/health.proto", { ...LOAD_OPTIONS, includeDirs: [PROTO_ROOT] });
export const healthDefinition = definition;

type Method = {
  requestDeserialize(bytes: Buffer): { service: string };
  responseSerialize(value: { status: Answer }): Buffer;
};
// proto-loader's definitions have no types of their own; names and shapes are those of health.proto.
const methods = definition["grpc.health.v1.Health"] as unknown as { Check: Method };
const { requestDeserialize, responseSerialize } = methods.Check;

const OWN_SERVICES: ReadonlySet<string> = new Set(RPC_KEYS.map((key) => `shoal.v1.${key.split(".")[0]}`));

export function serveHealth(server: Server, dispatcher: Dispatcher, health: HealthStatus): void {
  const answer = (service: string): Answer => {
    const set = health.get(service);
    if (set !== undefined) return set ? "SERVING" : "NOT_SERVING";
    if (service === "" || service === "grpc.health.v1.Health") return "SERVING";
    if (dispatcher.paths.some(({ path }) => path.startsWith(`/${service}/`))) return "SERVING";
    return OWN_SERVICES.has(service) ? "NOT_SERVING" : "SERVICE_UNKNOWN";
  };
  server.register<Buffer, Buffer>(
    "/grpc.health.v1.Health/Check",
    (call: { request: Buffer }, callback: (error: object | null, value?: Buffer) => void) => {
      const service = parse(call.request);
      if (service instanceof AppError) return callback(toWireEnd(service));
      const status = answer(service);
      if (status !== "SERVICE_UNKNOWN") return callback(null, responseSerialize({ status }));
      callback(toWireEnd(new AppError("not-found", `This server has no service "${service}"`)));
    },
    identity,
    identity,
    "unary",
  );
  let watches = 0;
  server.register<Buffer, Buffer>(
    "/grpc.health.v1.Health/Watch",
    (call: BytesDuplex) => {
      if (watches >= HEALTH_WATCHES_MAX) {
        call.emit("error", toWireEnd(new AppError("exhausted", `More than ${HEALTH_WATCHES_MAX} health watches`)));
        return;
      }
      watches += 1;
      call.once("cancelled", () => (watches -= 1));
      call.once("data", (request: Buffer) => watch(call, request, { health, answer }));
    },
    identity,
    identity,
    "bidi",
  );
}

function watch(
  call: BytesDuplex,
  request: Buffer,
  { health, answer }: { health: HealthStatus; answer: (service: string) => Answer },
): void {
  const service = parse(request);
  if (service instanceof AppError) {
    call.emit("error", toWireEnd(service));
    return;
  }
  let last: Answer | undefined;
  const send = (): void => {
    const status = answer(service);
    if (status === last) return;
    last = status;
    call.write(responseSerialize({ status }));
  };
  const unsubscribe = health.onChange(send);
  call.once("cancelled", unsubscribe);
  send();
}

function parse(request: Buffer): string | AppError {
  try {
    return requestDeserialize(request).service;
  } catch {
    return new AppError("invalid", "The request is not a valid HealthCheckRequest");
  }
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}
