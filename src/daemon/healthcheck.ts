/** Asks the local /healthz, for container health checks. */
import { get } from "node:http";
import type { DaemonConfig } from "./config.ts";

const TIMEOUT_MS = 2000;

export async function checkHealth(config: DaemonConfig): Promise<void> {
  const port = config.httpListen.slice(config.httpListen.lastIndexOf(":") + 1);
  const ok = await new Promise<boolean>((resolve) => {
    const request = get({ host: "127.0.0.1", port, path: "/healthz", timeout: TIMEOUT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on("error", () => resolve(false));
    request.on("timeout", () => {
      request.destroy();
      resolve(false);
    });
  });
  process.exitCode = ok ? 0 : 1;
}
