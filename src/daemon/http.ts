/** Port 7378: /healthz and /metrics. Loopback is plain; elsewhere a client certificate is needed unless told otherwise. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { AppError } from "../util/errors.ts";
import type { CredentialFiles } from "../pki/types.ts";

export type Health = { readonly ok: boolean; readonly detail: Readonly<Record<string, unknown>> };

export type HttpDeps = {
  readonly health: () => Health;
  readonly metrics: () => Promise<string>;
  readonly credentials: () => CredentialFiles | null;
};

export type HttpOptions = { readonly listen: string; readonly plain: boolean };

export type HttpListener = { readonly address: string; close(): Promise<void> };

/** Bounds on what a stranger can hold open. */
const REQUEST_MS_MAX = 5000;
const CONNECTIONS_MAX = 100;

export async function serveHttp(deps: HttpDeps, options: HttpOptions): Promise<HttpListener> {
  const at = options.listen.lastIndexOf(":");
  const host = options.listen.slice(0, at).replace(/^\[|\]$/g, "");
  const isLoopback = host === "127.0.0.1" || host === "::1" || host === "localhost";
  const handle = (request: IncomingMessage, response: ServerResponse): void => void answer(deps, request, response);
  const server = isLoopback || options.plain ? createServer(handle) : secureServer(deps, handle);
  server.maxConnections = CONNECTIONS_MAX;
  server.requestTimeout = REQUEST_MS_MAX;
  server.headersTimeout = REQUEST_MS_MAX;
  await listen(server, host, Number(options.listen.slice(at + 1)));
  const bound = server.address() as AddressInfo;
  return {
    address: `${host}:${bound.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function secureServer(deps: HttpDeps, handle: (request: IncomingMessage, response: ServerResponse) => void): Server {
  const credentials = deps.credentials();
  if (credentials === null) {
    throw new AppError("precondition", "HTTP beyond loopback needs the node's certificate", {
      path: "http-listen",
      next: "listen on 127.0.0.1, or give --http-plain",
    });
  }
  return createTlsServer(
    {
      key: credentials.keyPem,
      cert: credentials.certificatePem,
      ca: credentials.rootCertificatePem,
      requestCert: true,
      rejectUnauthorized: true,
    },
    handle,
  );
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        new AppError("unavailable", `Cannot listen on ${host}:${port}: ${error.message}`, { path: "http-listen" }),
      ),
    );
    server.listen(port, host, () => resolve());
  });
}

async function answer(deps: HttpDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    if (request.method !== "GET") send(response, 405, "text/plain", "only GET\n");
    else if (request.url === "/healthz") {
      const { ok, detail } = deps.health();
      send(response, ok ? 200 : 503, "application/json", `${JSON.stringify({ ok, ...detail })}\n`);
    } else if (request.url === "/metrics") send(response, 200, "text/plain; version=0.0.4", await deps.metrics());
    else send(response, 404, "text/plain", "there is /healthz and /metrics\n");
  } catch {
    send(response, 500, "text/plain", "internal error\n");
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
