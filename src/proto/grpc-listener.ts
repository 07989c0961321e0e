/**
 * The sockets under a gRPC server. We own them and inject each connection into grpc-js, because
 * that is the way to know, before any call, who is at the other end; to rotate certificates; to
 * tell a peer that closed from one we dropped; and to close one node's connections.
 */
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server as NetServer, type Socket } from "node:net";
import {
  createServer as createTlsServer,
  type PeerCertificate,
  type SecureContextOptions,
  type TLSSocket,
} from "node:tls";
import type { Env } from "../util/env.ts";
import { AppError, invalid } from "../util/errors.ts";
import type { Logger } from "../util/log.ts";
import { ALPN, SocketFate, TLS_VERSION_MIN, type PeerIdentity, type TlsSource } from "./grpc-tls.ts";
import { Strangers } from "./grpc-strangers.ts";
import type { Caller } from "./rpc.ts";

/** Sockets of one listener: far above a cluster of hundreds of nodes, far below the file limit. */
export const CONNECTIONS_MAX = 8192;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** The kernel probes silent peers from here on, so that dead clients do not stay for hours. */
const TCP_KEEPALIVE_MS = 10_000;
const UNIX_PROBE_TIMEOUT_MS = 1000;
/** `sun_path` less its end; a longer one is cut by Node, which then listens at another path. */
const UNIX_PATH_BYTES_MAX = 107;
const UNIX_UMASK = 0o117;
const UNIX_MODE = 0o660;

/** One accepted connection and who is at its other end. */
export class Connection {
  readonly socket: Socket;
  readonly fate = new SocketFate();
  /** Why the peer has no identity although it showed a certificate; for its error messages. */
  readonly problem: string | null;
  readonly #identity: PeerIdentity;
  /** Set when we close it, so that its streams end with the reason instead of a mere break. */
  closedBecause: AppError | null = null;

  constructor(socket: Socket, identity: PeerIdentity, problem: string | null) {
    this.socket = socket;
    this.#identity = identity;
    this.problem = problem;
    this.fate.watch(socket);
  }

  /** Asked at each call: a certificate may expire under a connection that stays. */
  callerAt(wallMs: number): Caller {
    return wallMs < this.#identity.expiresAtMs ? this.#identity.caller : ANONYMOUS;
  }

  /** Showed no certificate of this cluster. */
  get isStranger(): boolean {
    return this.#identity.caller.kind === "anonymous";
  }

  get nodeId(): string | null {
    const { caller } = this.#identity;
    return caller.kind === "node" ? caller.nodeId : null;
  }
}

const ANONYMOUS: Caller = { kind: "anonymous" };
const NOBODY: PeerIdentity = { caller: ANONYMOUS, expiresAtMs: Infinity };

export type Security = {
  readonly credentials: TlsSource;
  /** Reads a certificate that TLS has verified against the cluster's root. */
  identify(certificate: PeerCertificate): PeerIdentity;
};

export type SocketListener = {
  readonly address: string;
  /** The connection a call came by, by what grpc-js says of its peer; null once it is gone. */
  find(peer: string): Connection | null;
  readonly connections: ReadonlySet<Connection>;
  /** No new connections; resolves when the last one is closed. */
  close(): Promise<void>;
};

type Deps = { readonly env: Env; readonly log: Logger; inject(socket: Socket): void };

export async function listenTls(address: string, security: Security, deps: Deps): Promise<SocketListener> {
  const { host, port } = parseAddress(address);
  const { credentials, identify } = security;
  const registry = new Registry(deps);
  const server = createTlsServer({
    ...secureContext(credentials),
    // Asked for and verified, but not required: two RPCs exist to get one. Who has none is anonymous.
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: [ALPN],
    minVersion: TLS_VERSION_MIN,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEPALIVE_MS,
  });
  const strangers = new Strangers(deps);
  server.on("connection", (socket: Socket) => strangers.begin(socket));
  server.on("secureConnection", (socket) => {
    strangers.end(socket);
    const connection = identified(socket, identify);
    if (connection.isStranger) strangers.add(connection);
    registry.add(connection);
  });
  server.on("tlsClientError", (error, socket) => {
    deps.log.debug("TLS handshake failed", { peer: socket.remoteAddress, error: error.message });
    socket.destroy();
  });
  const unsubscribe = credentials.onChange(() => server.setSecureContext(secureContext(credentials)));
  server.once("close", unsubscribe);
  await listen(server, { host, port }, `${host}:${port}`);
  return registry.listener(server, boundAddress(server));
}

export async function listenUnix(path: string, deps: Deps): Promise<SocketListener> {
  const bytes = Buffer.byteLength(path);
  if (bytes > UNIX_PATH_BYTES_MAX) {
    throw new AppError(
      "precondition",
      `Cannot listen on ${path}: a socket's path may have ${UNIX_PATH_BYTES_MAX} bytes, not ${bytes}`,
      {
        path: "socket",
        next: "give a shorter one: --socket, or for shoal dev --data-dir",
      },
    );
  }
  const registry = new Registry(deps);
  const server = createServer((socket) => registry.add(new Connection(socket, LOCAL, null)));
  try {
    await listenUnixOnce(server, path);
  } catch (error) {
    if (codeOf(error) !== "EADDRINUSE") throw cannotListen(path, error);
    await removeStale(path, deps.env);
    await listenUnixOnce(server, path).catch((again: unknown) => {
      throw cannotListen(path, again);
    });
  }
  return registry.listener(server, path);
}

const LOCAL: PeerIdentity = { caller: { kind: "local" }, expiresAtMs: Infinity };

class Registry {
  readonly #deps: Deps;
  readonly #connections = new Set<Connection>();
  readonly #byPeer = new Map<string, Connection>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  add(connection: Connection): void {
    const { socket } = connection;
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#connections.add(connection);
    this.#byPeer.set(peer, connection);
    socket.on("error", (error) => this.#deps.log.debug("connection broke", { peer, error: error.message }));
    socket.once("close", () => {
      this.#connections.delete(connection);
      if (this.#byPeer.get(peer) === connection) this.#byPeer.delete(peer);
    });
    if (socket.destroyed) {
      this.#connections.delete(connection);
      return;
    }
    this.#deps.inject(socket);
  }

  listener(server: NetServer, address: string): SocketListener {
    server.maxConnections = CONNECTIONS_MAX;
    server.on("error", (error) => this.#deps.log.error("listener failed", { address, error }));
    let closing: Promise<void> | undefined;
    return {
      address,
      connections: this.#connections,
      find: (peer) => this.#byPeer.get(peer) ?? null,
      close: () => (closing ??= new Promise((resolve) => server.close(() => resolve()))),
    };
  }
}

function identified(socket: TLSSocket, identify: Security["identify"]): Connection {
  const certificate = socket.getPeerCertificate();
  const isPresent = Buffer.isBuffer(certificate.raw);
  if (!isPresent) return new Connection(socket, NOBODY, null);
  if (!socket.authorized) {
    return new Connection(socket, NOBODY, refusalText(String(socket.authorizationError), certificate));
  }
  const identity = identify(certificate);
  return new Connection(socket, identity, `the certificate is valid until ${certificate.valid_to}`);
}

function refusalText(reason: string, certificate: PeerCertificate): string {
  if (reason.includes("EXPIRED")) return `the certificate expired at ${certificate.valid_to}`;
  if (reason.includes("NOT_YET_VALID")) return `the certificate is not valid before ${certificate.valid_from}`;
  return `the certificate was not issued by this cluster (${reason})`;
}

function secureContext(credentials: TlsSource): SecureContextOptions {
  const { rootCertificatePem, identity } = credentials.current();
  if (identity === null || rootCertificatePem === null) {
    throw new AppError("precondition", "Cannot serve TLS without a certificate of the cluster");
  }
  return { ca: rootCertificatePem, cert: identity.certificatePem, key: identity.keyPem };
}

function listen(server: NetServer, where: { host: string; port: number }, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => reject(cannotListen(what, error));
    server.once("error", onError);
    server.listen(where, () => {
      server.removeListener("error", onError);
      resolve();
    });
  });
}

/** The socket is made inside `listen()`, in this turn, so the mask makes it private from its first moment. */
function listenUnixOnce(server: NetServer, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const mask = process.umask(UNIX_UMASK);
    try {
      server.listen(path, () => {
        server.removeListener("error", reject);
        chmodSync(path, UNIX_MODE);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
}

/** Removes the socket file of a daemon that died. @throws `precondition` when somebody answers there. */
async function removeStale(path: string, env: Env): Promise<void> {
  if (!lstatSync(path).isSocket()) {
    throw new AppError("precondition", `Cannot listen on ${path}: it exists and is not a socket`, {
      next: "remove it, or choose another path",
    });
  }
  const isAnswered = await new Promise<boolean>((resolve) => {
    const probe = connect({ path });
    const timer = env.setTimer(UNIX_PROBE_TIMEOUT_MS, () => probe.destroy(new Error("No answer")));
    probe.once("close", () => timer.cancel());
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    // Only a refusal proves that nobody listens: a full queue or a slow owner is somebody.
    probe.once("error", (error) => resolve(codeOf(error) !== "ECONNREFUSED"));
  });
  if (isAnswered) {
    throw new AppError("precondition", `Cannot listen on ${path}: another daemon is listening there`, {
      next: "stop it first, or choose another path",
    });
  }
  unlinkSync(path);
}

function parseAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw invalid("listen", `"${address}" is not host:port`, "write it like 0.0.0.0:7377");
  return { host: match[1] ?? match[2] ?? "", port };
}

function boundAddress(server: NetServer): string {
  const bound: AddressInfo | string | null = server.address();
  if (bound === null || typeof bound === "string") throw new AppError("internal", "The listener has no address");
  return bound.family === "IPv6" ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`;
}

function cannotListen(what: string, error: unknown): AppError {
  const reason = error instanceof Error ? error.message : String(error);
  const next = codeOf(error) === "EADDRINUSE" ? "stop what listens there, or choose another address" : undefined;
  return new AppError("precondition", `Cannot listen on ${what}: ${reason}`, next === undefined ? {} : { next }, error);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
