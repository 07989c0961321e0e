/** `shoal daemon`. */
import type { DaemonConfig } from "./config.ts";
import { makeLogger } from "./logger.ts";
import { runProcess } from "./process.ts";

export async function runDaemon(read: () => DaemonConfig, version: string): Promise<void> {
  const config = read();
  await runProcess(config, makeLogger(config.logLevel, { node: config.nodeName }), version);
}
