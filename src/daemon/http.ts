/** Port 7378: /healthz and /metrics. Loopback is plain; elsewhere a client certificate is needed unless told otherwise. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import { AppError } from "../util/errors.ts";
import type { Logger } from "../util/log.ts";
import type { CredentialFiles } from "../pki/types.ts";

export type Health = { readonly ok: boolean; readonly detail: Readonly<Record<string, unknown>> };

export type HttpDeps = {
  readonly log: Logger;
  readonly health: () => Health;
  readonly metrics: () => Promise<string>;
  readonly credentials: () => CredentialFiles | null;
};

export type HttpOptions = { readonly listen: string; readonly plain: boolean };

export type HttpListener = {
  readonly address: string;
  /** The credentials have changed: connections from now on get the new ones. */
  refresh(): void;
  close(): Promise<void>;
};

/** Bounds on what a stranger can hold open. */
const REQUEST_MS_MAX = 5000;
const CONNECTIONS_CHECKED_EVERY_MS = 1000;
const CONNECTIONS_MAX = 100;
const BOUNDS = {
  requestTimeout: REQUEST_MS_MAX,
  headersTimeout: REQUEST_MS_MAX,
  connectionsCheckingInterval: CONNECTIONS_CHECKED_EVERY_MS,
};

/** Beyond loopback it takes a certificate, which a node has only once it is in a cluster. */
export function canServeHttp(deps: Pick<HttpDeps, "credentials">, options: HttpOptions): boolean {
  return isPlain(options) || deps.credentials() !== null;
}

/** @throws AppError precondition */
export async function serveHttp(deps: HttpDeps, options: HttpOptions): Promise<HttpListener> {
  const { host, port } = splitAddress(options.listen);
  const handle = (request: IncomingMessage, response: ServerResponse): void => void answer(deps, request, response);
  const secure = isPlain(options) ? null : createTlsServer({ ...BOUNDS, ...tlsOptions(deps) }, handle);
  const server: Server = secure ?? createServer(BOUNDS, handle);
  server.maxConnections = CONNECTIONS_MAX;
  await listen(server, host, port);
  server.on("error", (error) => deps.log.warn("HTTP listener", { error }));
  return {
    address: `${options.listen.slice(0, options.listen.lastIndexOf(":"))}:${boundPort(server)}`,
    refresh: () => secure?.setSecureContext(tlsOptions(deps)),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function isPlain({ listen, plain }: HttpOptions): boolean {
  const { host } = splitAddress(listen);
  return plain || host === "127.0.0.1" || host === "::1" || host === "localhost";
}

export function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(":");
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ""), port: Number(address.slice(at + 1)) };
}

function tlsOptions({ credentials }: HttpDeps): Parameters<TlsServer["setSecureContext"]>[0] & object {
  const files = credentials();
  if (files === null) {
    throw new AppError("precondition", "HTTP beyond loopback needs the node's certificate", {
      path: "http-listen",
      next: "listen on 127.0.0.1, or give --http-plain",
    });
  }
  const { keyPem: key, certificatePem: cert, rootCertificatePem: ca } = files;
  const options = { key, cert, ca, requestCert: true, rejectUnauthorized: true };
  return options;
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void =>
      reject(
        new AppError("precondition", `Cannot listen on ${host}:${port}: ${error.message}`, {
          path: "http-listen",
          next: "stop what listens there, or choose another --http-listen",
        }),
      );
    server.once("error", onError);
    server.listen(port, host, () => {
      server.off("error", onError);
      resolve();
    });
  });
}

function boundPort(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function answer(deps: HttpDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const path = (request.url ?? "").replace(/\?.*$/s, "");
    if (request.method !== "GET") send(response, 405, "text/plain", "only GET\n");
    else if (path === "/healthz") {
      const { ok, detail } = deps.health();
      send(response, ok ? 200 : 503, "application/json", `${JSON.stringify({ ok, ...detail })}\n`);
    } else if (path === "/metrics") send(response, 200, "text/plain; version=0.0.4", await deps.metrics());
    else send(response, 404, "text/plain", "there is /healthz and /metrics\n");
  } catch (error) {
    deps.log.error("HTTP request failed", { path: request.url ?? "", error });
    send(response, 500, "text/plain", "internal error\n");
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  if (response.headersSent) return;
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
