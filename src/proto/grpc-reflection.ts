/**
 * Server reflection v1 and v1alpha, so that generic clients need no files: for callers with an
 * identity of the cluster only. @grpc/reflection costs a third of a second to load and index, so it
 * waits for the first question.
 */
import type { Server } from "@grpc/grpc-js";
import type { PackageDefinition } from "@grpc/proto-loader";
import { EventEmitter } from "node:events";
import { AppError } from "../util/errors.ts";
import { must } from "../util/assert.ts";
import { healthDefinition } from "./grpc-health.ts";
import type { BytesDuplex } from "./grpc-server-call.ts";
import { toWireEnd } from "./grpc-status.ts";
import { packageDefinition } from "./load.ts";

const METHOD = "ServerReflectionInfo";
const PATHS = ["/grpc.reflection.v1.ServerReflection/", "/grpc.reflection.v1alpha.ServerReflection/"].map(
  (service) => `${service}${METHOD}`,
);

/** @param admit @returns why this call is refused, or null. */
export function serveReflection(server: Server, admit: (call: BytesDuplex) => AppError | null): void {
  for (const path of PATHS) {
    server.register<Buffer, Buffer>(path, (call: BytesDuplex) => answer(call, path, admit), identity, identity, "bidi");
  }
}

function answer(call: BytesDuplex, path: string, admit: (call: BytesDuplex) => AppError | null): void {
  const refusal = admit(call);
  if (refusal !== null) {
    call.emit("error", toWireEnd(refusal));
    return;
  }
  loadHandlers().then(
    (handlers) => converse(call, must(handlers.get(path), `reflection serves ${path}`)),
    (error: unknown) => call.emit("error", toWireEnd(AppError.from(error))),
  );
}

/** The library's handler as it sits in a service definition. */
type Handler = {
  readonly method: { requestDeserialize(bytes: Buffer): object; responseSerialize(value: object): Buffer };
  readonly run: (stream: EventEmitter & { write(value: object): void; end(): void }) => void;
};

function converse(call: BytesDuplex, { method, run }: Handler): void {
  const stream = Object.assign(new EventEmitter(), {
    write: (value: object): void => {
      // One answer a question: a client that asks without reading is made to wait.
      if (!call.write(method.responseSerialize(value))) call.pause();
    },
    end: () => call.end(),
  });
  run(stream);
  call.on("drain", () => call.resume());
  call.on("data", (bytes: Buffer) => {
    try {
      stream.emit("data", method.requestDeserialize(bytes));
    } catch {
      call.emit("error", toWireEnd(new AppError("invalid", "The request is not a valid ServerReflectionRequest")));
    }
  });
  call.on("end", () => stream.emit("end"));
}

let loading: Promise<ReadonlyMap<string, Handler>> | undefined;

function loadHandlers(): Promise<ReadonlyMap<string, Handler>> {
  return (loading ??= indexDefinitions());
}

async function indexDefinitions(): Promise<ReadonlyMap<string, Handler>> {
  const { ReflectionService } = await import("@grpc/reflection");
  const handlers = new Map<string, Handler>();
  const collector = {
    addService: (
      definition: Record<string, { path: string } & Handler["method"]>,
      implementation: Record<string, Handler["run"]>,
    ) => {
      const method = must(definition[METHOD], "the reflection service has one method");
      handlers.set(method.path, { method, run: must(implementation[METHOD], "and its handler") });
    },
  };
  // It only calls addService; the real server must not get handlers without the identity check.
  new ReflectionService(selfContained()).addToServer(collector as unknown as Server);
  return handlers;
}

const GOOGLE_FILE = "google_protobuf.proto";
const FIELD_NAME = 1;
const FIELD_EXTENSION = 7;

/**
 * proto-loader's descriptors name no dependencies, so our extension of google.protobuf.MethodOptions
 * would not resolve in strict clients (Go, Python). The option's values are not in them anyway:
 * without the extension each file stands alone.
 */
function selfContained(): PackageDefinition {
  const files = new Map<string, Buffer>();
  for (const entry of [...Object.values(packageDefinition), ...Object.values(healthDefinition)]) {
    // Every kind of definition has the files; the union's service kind hides them from its type.
    const { fileDescriptorProtos } = entry as { fileDescriptorProtos?: Buffer[] };
    for (const file of fileDescriptorProtos ?? []) {
      const fields = [...topLevelFields(file)];
      const name = fields.find(({ number }) => number === FIELD_NAME)?.content.toString() ?? "";
      if (name === GOOGLE_FILE || files.has(name)) continue;
      const kept = fields.filter(({ number }) => number !== FIELD_EXTENSION).map(({ whole }) => whole);
      files.set(name, Buffer.concat(kept));
    }
  }
  return { files: { fileDescriptorProtos: [...files.values()] } } as unknown as PackageDefinition;
}

/** Every field of FileDescriptorProto that protobufjs writes is length-delimited. */
function* topLevelFields(bytes: Buffer): Generator<{ number: number; content: Buffer; whole: Buffer }> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = must(bytes[at], "a descriptor ends with a whole field");
      at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const start = at;
    const tag = varint();
    const length = tag % 8 === 2 ? varint() : 0;
    if (tag % 8 === 0) varint();
    const content = bytes.subarray(at, at + length);
    at += length;
    yield { number: Math.floor(tag / 8), content, whole: bytes.subarray(start, at) };
  }
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}
