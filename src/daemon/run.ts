/** `shoal daemon`: the process around a Daemon: signals, fatal errors, crash on assertion. */
import { AppError } from "../util/errors.ts";
import { realEnv } from "../util/real-env.ts";
import type { DaemonConfig } from "./config.ts";
import { Daemon } from "./daemon.ts";
import { makeLogger } from "./logger.ts";

/** Above the agent's own bound on stopping its tasks. */
const STOP_MS_MAX = 14_000;

export async function runDaemon(read: () => DaemonConfig, version: string): Promise<void> {
  const config = read();
  const log = makeLogger(config.logLevel, { node: config.nodeName });
  let isStopping = false;
  const fail = (error: unknown): void => {
    const { code, message, details } =
      error instanceof AppError ? error : { code: "bug", message: String(error), details: {} };
    log.error("the daemon cannot go on", { code, message, ...details, error });
    process.exit(1);
  };
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
  const daemon = new Daemon(config, { env: realEnv, log, version, onFatal: fail });
  const stop = (signal: string): void => {
    if (isStopping) process.exit(1);
    isStopping = true;
    log.info("stopping", { signal });
    realEnv.setTimer(STOP_MS_MAX, () => process.exit(1));
    daemon.stop({ goodbye: true }).then(() => process.exit(0), fail);
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));
  try {
    await daemon.start();
  } catch (error) {
    if (!isStopping) fail(error);
  }
}
