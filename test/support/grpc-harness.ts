/** A cluster's certificates and a real TLS gRPC server on loopback, for tests of the transport. */
import { identify } from "../../src/pki/identity.ts";
import { RotatingCredentials } from "../../src/pki/credentials.ts";
import { rootSigner } from "../../src/pki/root-ca.ts";
import { createCsr, createKeyPair, createRoot } from "../../src/pki/x509.ts";
import type { CertificateSigner, CredentialFiles, NodeRoleName } from "../../src/pki/types.ts";
import { GrpcDialer } from "../../src/proto/grpc-client.ts";
import { serveGrpc, type ServeOptions } from "../../src/proto/grpc-server.ts";
import type { ByteStream, Dispatcher, Listener, StreamEnd } from "../../src/proto/rpc.ts";
import type { Env } from "../../src/util/env.ts";
import { newId } from "../../src/util/id.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";

export type TestAuthority = {
  readonly clusterId: string;
  readonly rootCertificatePem: string;
  readonly rootKeyPem: string;
  readonly signer: CertificateSigner;
};

export async function testAuthority(env: Env = realEnv): Promise<TestAuthority> {
  const clusterId = newId(env);
  const root = await createRoot(env, clusterId);
  return {
    clusterId,
    rootCertificatePem: root.certificatePem,
    rootKeyPem: root.keyPem,
    signer: await rootSigner(root, env),
  };
}

export async function nodeFiles(ca: TestAuthority, role: NodeRoleName, nodeId: string): Promise<CredentialFiles> {
  const { keyPem } = await createKeyPair();
  const csr = await createCsr(keyPem, nodeId);
  const certificatePem = await ca.signer.signNode(csr, { clusterId: ca.clusterId, nodeId, role });
  return { certificatePem, keyPem, rootCertificatePem: ca.rootCertificatePem };
}

export async function adminFiles(ca: TestAuthority, name: string): Promise<CredentialFiles> {
  const { keyPem } = await createKeyPair();
  const certificatePem = await ca.signer.signContext(await createCsr(keyPem, name), { clusterId: ca.clusterId, name });
  return { certificatePem, keyPem, rootCertificatePem: ca.rootCertificatePem };
}

export function dialerWith(files: CredentialFiles): GrpcDialer {
  return new GrpcDialer({ credentials: new RotatingCredentials(files), env: realEnv, log: silentLogger });
}

export async function serveTls(
  dispatcher: Dispatcher,
  credentials: RotatingCredentials,
  options: Partial<ServeOptions> = {},
): Promise<Listener> {
  return await serveGrpc(dispatcher, {
    address: "127.0.0.1:0",
    security: { credentials, identify },
    env: realEnv,
    log: silentLogger,
    ...options,
  });
}

/** What to undo after a test, last first. */
export class Cleanup {
  readonly #tasks: (() => void | Promise<void>)[] = [];

  add<T extends { close(): void | Promise<void> }>(closable: T): T {
    this.#tasks.push(() => closable.close());
    return closable;
  }

  async run(): Promise<void> {
    for (const task of this.#tasks.splice(0).reverse()) await task();
  }
}

export type SeenEnd = { readonly end: StreamEnd; readonly atMs: number };

/** A stream's other side, watched: its messages, and a promise of its end. */
export function watchStream(
  stream: ByteStream,
  onMessage: (bytes: Uint8Array) => void = () => undefined,
): { readonly ended: Promise<SeenEnd>; readonly messages: Uint8Array[]; readonly first: Promise<void> } {
  const messages: Uint8Array[] = [];
  let resolveFirst: () => void = () => undefined;
  const first = new Promise<void>((resolve) => (resolveFirst = resolve));
  const ended = new Promise<SeenEnd>((resolve) =>
    stream.attach({
      onMessage: (bytes) => {
        messages.push(bytes);
        resolveFirst();
        onMessage(bytes);
      },
      onClose: (end) => resolve({ end, atMs: performance.now() }),
    }),
  );
  return { ended, messages, first };
}
