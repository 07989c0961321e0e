// A client that knows nothing of Shoal: plain grpc-js, and what server reflection tells it. As any generic tool sees us.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import {
  Client,
  credentials as grpcCredentials,
  type ChannelOptions,
  type ClientDuplexStream,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";

import type { CredentialFiles } from "../../src/pki/types.ts";

export type Info = {
  listServicesResponse?: { service: { name: string }[] };
  fileDescriptorResponse?: { fileDescriptorProto: Buffer[] };
  errorResponse?: { errorCode: number; errorMessage: string };
};

/** A client that has nothing of Shoal but an address, a root and a certificate: plain grpc-js. */
export class GenericClient {
  readonly #client: Client;

  constructor(address: string, { rootCertificatePem, keyPem, certificatePem }: CredentialFiles, isAnonymous = false) {
    const pem = (text: string): Buffer => Buffer.from(text);
    const channelOptions: ChannelOptions = { "grpc.ssl_target_name_override": "manager.shoal" };
    const tls = isAnonymous
      ? grpcCredentials.createSsl(pem(rootCertificatePem))
      : grpcCredentials.createSsl(pem(rootCertificatePem), pem(keyPem), pem(certificatePem));
    this.#client = new Client(address, tls, channelOptions);
  }

  close(): void {
    this.#client.close();
  }

  unary(
    definition: PackageDefinition,
    service: string,
    method: string,
    request: object,
  ): Promise<Record<string, unknown>> {
    const { path, requestSerialize, responseDeserialize } = methodOf(definition, service, method);
    return new Promise((resolve, reject) =>
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        { deadline: Date.now() + 5000 } as never,
        (error: ServiceError | null, value?: object) =>
          error === null ? resolve(value as Record<string, unknown>) : reject(error),
      ),
    );
  }

  stream(definition: PackageDefinition, service: string, method: string): ClientDuplexStream<object, object> {
    const { path, requestSerialize, responseDeserialize } = methodOf(definition, service, method);
    return this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  }

  /** One question to server reflection. */
  async ask(version: "v1" | "v1alpha", question: object): Promise<Info> {
    const stream = this.stream(
      reflectionDefinition(version),
      `grpc.reflection.${version}.ServerReflection`,
      "ServerReflectionInfo",
    );
    return await new Promise((resolve, reject) => {
      stream.on("data", (info: Info) => {
        resolve(info);
        stream.end();
      });
      stream.on("error", reject);
      stream.write(question);
    });
  }
}

type Method = {
  path: string;
  requestSerialize(value: object): Buffer;
  responseDeserialize(bytes: Buffer): object;
};

function methodOf(definition: PackageDefinition, service: string, method: string): Method {
  const found = (definition[service] as unknown as Record<string, Method> | undefined)?.[method];
  if (found === undefined) throw new Error(`no ${service}/${method}`);
  return found;
}

function reflectionDefinition(version: string): PackageDefinition {
  const root = dirname(createRequire(import.meta.url).resolve("@grpc/reflection/package.json"));
  return loadSync(join(root, `build/proto/grpc/reflection/${version}/reflection.proto`), { oneofs: true });
}

/** The file descriptors of an answer as a FileDescriptorSet: field 1, repeated. */
export function descriptorSet(files: readonly Buffer[]): Buffer {
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
  return Buffer.concat(files.flatMap((file) => [Buffer.from([10, ...varint(file.length)]), file]));
}
