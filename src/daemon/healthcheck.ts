/** Asks the local /healthz, for container health checks. */
import { get } from "node:http";
import { get as getSecure } from "node:https";
import type { RequestOptions } from "node:https";
import { Keystore } from "../pki/keystore.ts";
import type { DaemonConfig } from "./config.ts";
import { isPlain, splitAddress } from "./http.ts";

const TIMEOUT_MS = 2000;
const ANY_HOST = new Set(["0.0.0.0", "::", ""]);

export async function checkHealth(config: DaemonConfig): Promise<void> {
  process.exitCode = (await isHealthy(config)) ? 0 : 1;
}

/** False when nothing answers within 2 s, too. */
export async function isHealthy(config: DaemonConfig): Promise<boolean> {
  const { host, port } = splitAddress(config.httpListen);
  const where = { host: ANY_HOST.has(host) ? "127.0.0.1" : host, port, path: "/healthz", timeout: TIMEOUT_MS };
  if (isPlain({ listen: config.httpListen, plain: config.httpPlain })) return await ask(get, where);
  const stored = await new Keystore(config.dataDir).load().catch(() => undefined);
  if (stored === undefined) return false;
  const { keyPem: key, certificatePem: cert, rootCertificatePem: ca } = stored.files;
  // Certificates of nodes name the node, not an address; the root is what is trusted.
  return await ask(getSecure, { ...where, key, cert, ca, checkServerIdentity: () => undefined });
}

function ask(send: typeof getSecure, options: RequestOptions): Promise<boolean> {
  return new Promise<boolean>((resolve) => {
    const request = send(options, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on("error", () => resolve(false));
    request.on("timeout", () => {
      request.destroy();
      resolve(false);
    });
  });
}
