/**
 * The client's TLS under a gRPC channel. grpc-js hands every fresh TCP socket to a "secure
 * connector"; ours reads the credentials at that moment (so a renewed certificate is used without a
 * restart), checks the name the peer must prove, and remembers how the socket ended: by the peer's
 * FIN or RST, or by us (keepalive, close). grpc-js reports both as "Connection dropped".
 *
 * `_createSecureConnector` is not documented API: grpc-js is pinned, and test/integration/grpc-*
 * fails when it changes.
 */
import { CallCredentials, ChannelCredentials } from "@grpc/grpc-js";
import type { Socket } from "node:net";
import { connect, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import type { Caller, PeerName } from "./rpc.ts";

export type TlsIdentity = { readonly certificatePem: string; readonly keyPem: string };

export type TlsMaterial = {
  /** null: whoever answers is accepted. Only for fetching the root whose digest a token holds. */
  readonly rootCertificatePem: string | null;
  /** null: no certificate of our own yet. */
  readonly identity: TlsIdentity | null;
};

/** Where credentials come from, now and after each renewal. */
export interface TlsSource {
  current(): TlsMaterial;
  /** @returns a function that ends the subscription. */
  onChange(listener: () => void): () => void;
}

/** What a verified certificate says. */
export type PeerIdentity = { readonly caller: Caller; readonly expiresAtMs: number };

export const TLS_VERSION_MIN = "TLSv1.2";
export const ALPN = "h2";

/** The DNS name in the certificate the dialled end must show. */
export function certificateName(peer: PeerName): string {
  return peer.kind === "manager" ? "manager.shoal" : `${peer.nodeId}.node.shoal`;
}

/** Tells a peer that went away from a connection we gave up. */
export class SocketFate {
  #isPeerClosed = false;

  /** True once the peer's kernel has answered with FIN or RST. */
  get isPeerClosed(): boolean {
    return this.#isPeerClosed;
  }

  /** Listens from now on. ETIMEDOUT and unreachable networks are silence, not an answer. */
  watch(socket: Socket): void {
    socket.prependListener("end", () => (this.#isPeerClosed = true));
    socket.prependListener("error", (error: Error) => {
      if (isReset(error)) this.#isPeerClosed = true;
    });
  }
}

const RESET_CODES: ReadonlySet<unknown> = new Set(["ECONNRESET", "EPIPE", "ECONNREFUSED"]);

function isReset(error: Error): boolean {
  return "code" in error && RESET_CODES.has(error.code);
}

/** Base of the two kinds of client credentials: both follow the fate of their newest socket. */
export abstract class TrackedCredentials extends ChannelCredentials {
  readonly #sockets = new Set<Socket>();
  #fate: SocketFate | null = null;

  /** How the newest established connection fares; null before the first. */
  get fate(): SocketFate | null {
    return this.#fate;
  }

  /** A kernel has answered: a TCP connection is there, whatever TLS and HTTP/2 have got to. */
  get hasSocket(): boolean {
    return this.#sockets.size > 0;
  }

  /** What peers have sent on the connections that are open: grows while a handshake makes progress. */
  get bytesRead(): number {
    let bytes = 0;
    for (const socket of this.#sockets) bytes += socket.bytesRead;
    return bytes;
  }

  /** Destroys what hangs in a handshake: grpc-js forgets such sockets and would leak them. */
  abandon(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(
    _target: unknown,
    _options: unknown,
    callCredentials?: CallCredentials,
  ): ReturnType<ChannelCredentials["_createSecureConnector"]> {
    const credentials = callCredentials ?? CallCredentials.createEmpty();
    return {
      connect: async (socket) => {
        const fate = new SocketFate();
        this.#sockets.add(socket);
        socket.once("close", () => this.#sockets.delete(socket));
        const secured = await this.secure(socket, fate);
        this.#fate = fate;
        return { socket: secured, secure: this._isSecure() };
      },
      waitForReady: async () => {},
      getCallCredentials: () => credentials,
      destroy: () => undefined,
    };
  }

  protected abstract secure(socket: Socket, fate: SocketFate): Promise<Socket>;
}

export class TlsCredentials extends TrackedCredentials {
  readonly #contexts: ContextCache;
  readonly #peer: PeerName;

  constructor(contexts: ContextCache, peer: PeerName) {
    super();
    this.#contexts = contexts;
    this.#peer = peer;
  }

  override _isSecure(): boolean {
    return true;
  }

  protected override async secure(socket: Socket, fate: SocketFate): Promise<Socket> {
    return await handshake(socket, fate, { ...this.#contexts.current(), servername: certificateName(this.#peer) });
  }
}

/** For unix sockets: the file's permissions are the authentication. */
export class LocalCredentials extends TrackedCredentials {
  override _isSecure(): boolean {
    return false;
  }

  protected override secure(socket: Socket, fate: SocketFate): Promise<Socket> {
    fate.watch(socket);
    return Promise.resolve(socket);
  }
}

type ClientContext = { readonly secureContext: SecureContext; readonly rejectUnauthorized: boolean };

/** Parsing keys and certificates costs milliseconds: once for each renewal, not for each connection. */
export class ContextCache {
  readonly #source: TlsSource;
  #context: ClientContext | null = null;

  constructor(source: TlsSource) {
    this.#source = source;
    source.onChange(() => (this.#context = null));
  }

  current(): ClientContext {
    if (this.#context === null) {
      const { rootCertificatePem, identity } = this.#source.current();
      const secureContext = createSecureContext({
        ...(rootCertificatePem === null ? {} : { ca: rootCertificatePem }),
        ...(identity === null ? {} : { cert: identity.certificatePem, key: identity.keyPem }),
        minVersion: TLS_VERSION_MIN,
      });
      this.#context = { secureContext, rejectUnauthorized: rootCertificatePem !== null };
    }
    return this.#context;
  }
}

function handshake(
  socket: Socket,
  fate: SocketFate,
  options: ClientContext & { readonly servername: string },
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secured = connect({ socket, ALPNProtocols: [ALPN], ...options }, () => resolve(secured));
    fate.watch(secured);
    // For the socket's whole life: one without an error listener ends the process.
    secured.on("error", reject);
    secured.once("close", () => reject(new Error("Socket closed during the TLS handshake")));
  });
}
