/**
 * Server reflection v1 and v1alpha, so that generic clients need no files: for callers with an
 * identity of the cluster only. @grpc/reflection costs a third of a second to load and index, so it
 * waits for the first question.
 */
import type { Server } from "@grpc/grpc-js";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";
import { EventEmitter } from "node:events";
import { AppError } from "../util/errors.ts";
import { must } from "../util/assert.ts";
import { healthDefinition } from "./grpc-health.ts";
import type { BytesDuplex } from "./grpc-server-call.ts";
import { toWireEnd } from "./grpc-status.ts";
import { packageDefinition } from "./package.ts";

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

/**
 * proto-loader's descriptors as strict clients (Go, Python, C++) accept them: fields have the names
 * they have in proto/, map entries the names protoc gives, and the extension of
 * google.protobuf.MethodOptions is left out, because no dependency says where that is (and the
 * options' values are not in the descriptors anyway).
 */
function selfContained(): PackageDefinition {
  // Without defaults: an absent oneof_index must not become 0. The file comes with proto-loader.
  const descriptors = loadSync("google/protobuf/descriptor.proto", { enums: String });
  const codec = descriptors["google.protobuf.FileDescriptorProto"] as unknown as {
    deserialize(bytes: Buffer): FileDescriptor;
    serialize(value: FileDescriptor): Buffer;
  };
  const files = new Map<string, Buffer>();
  const seen = new Set<Buffer>();
  for (const entry of [...Object.values(packageDefinition), ...Object.values(healthDefinition)]) {
    // Every kind of definition has the files; the union's service kind hides them from its type.
    const { fileDescriptorProtos } = entry as { fileDescriptorProtos?: Buffer[] };
    for (const bytes of fileDescriptorProtos ?? []) {
      if (seen.has(bytes)) continue;
      seen.add(bytes);
      const { extension: _extension, ...file } = codec.deserialize(bytes);
      if (file.package === "google.protobuf" || files.has(file.name)) continue;
      const messageType = file.messageType?.map((message) => asWritten(message, `.${file.package}`)) ?? [];
      files.set(file.name, codec.serialize({ ...file, messageType }));
    }
  }
  return { files: { fileDescriptorProtos: [...files.values()] } } as unknown as PackageDefinition;
}

type FieldDescriptor = {
  name: string;
  typeName?: string;
  options?: object;
  oneofIndex?: number;
  proto3Optional?: boolean;
};
type MessageDescriptor = {
  name: string;
  field?: FieldDescriptor[];
  nestedType?: MessageDescriptor[];
  oneofDecl?: { name: string }[];
  options?: { mapEntry?: boolean };
};
type FileDescriptor = { name: string; package: string; messageType?: MessageDescriptor[]; extension?: object[] };

function asWritten(message: MessageDescriptor, scope: string): MessageDescriptor {
  const own = `${scope}.${message.name}`;
  const nested = message.nestedType ?? [];
  const entries = new Set(nested.filter(({ options }) => options?.mapEntry === true).map(({ name }) => name));
  const oneofDecl = message.oneofDecl?.map(({ name }) => ({ name: snakeCase(name) })) ?? [];
  const field = (message.field ?? []).map((written): FieldDescriptor => {
    const isEntry = written.typeName !== undefined && entries.has(written.typeName);
    // protoc puts each `optional` into a oneof of its own, named like this.
    const isOptional = oneofDecl[written.oneofIndex ?? -1]?.name === `_${snakeCase(written.name)}`;
    return {
      ...written,
      name: snakeCase(written.name),
      ...(isEntry ? { typeName: `${own}.${written.typeName}Entry` } : {}),
      ...(isOptional ? { proto3Optional: true } : {}),
    };
  });
  const nestedType = nested.map((inner) => {
    const name = entries.has(inner.name) ? `${inner.name}Entry` : inner.name;
    return asWritten({ ...inner, name }, own);
  });
  return { ...message, field, nestedType, oneofDecl };
}

/** Undoes protobufjs's camelCase; our proto files have lower-case names with underscores only. */
function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}
