/**
 * What the process around a Daemon does: signals, fatal errors, crash on assertion. SIGTERM is for a
 * node that goes, whose tasks move at once; SIGHUP for one that is back in a moment.
 */
import { AppError } from "../util/errors.ts";
import type { Logger } from "../util/log.ts";
import { realEnv } from "../util/real-env.ts";
import type { DaemonConfig } from "./config.ts";
import { Daemon } from "./daemon.ts";
import { boundHeapGrowth } from "./heap-growth.ts";

/** Above the agent's own bound on stopping its tasks. */
const STOP_MS_MAX = 14_000;

/** Resolves when the daemon has started, or was told to stop meanwhile. A failure ends the process. */
export async function runProcess(config: DaemonConfig, log: Logger, version: string): Promise<{ isStopping: boolean }> {
  let isStopping = false;
  const fail = (error: unknown): void => {
    const { code, message, details } =
      error instanceof AppError ? error : { code: "bug", message: String(error), details: {} };
    log.error("the daemon cannot go on", { code, message, ...details, error });
    process.exit(1);
  };
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
  boundHeapGrowth(realEnv);
  const daemon = new Daemon(config, { env: realEnv, log, version, onFatal: fail });
  const stop = (signal: string, { goodbye }: { readonly goodbye: boolean }): void => {
    // Asked twice: at once.
    if (isStopping) process.exit(1);
    isStopping = true;
    log.info("stopping", { signal });
    realEnv.setTimer(STOP_MS_MAX, () => {
      log.error("stopping took too long", { ms: STOP_MS_MAX });
      process.exit(1);
    });
    daemon.stop({ goodbye }).then(() => process.exit(0), fail);
  };
  process.on("SIGTERM", () => stop("SIGTERM", { goodbye: true }));
  process.on("SIGINT", () => stop("SIGINT", { goodbye: true }));
  // For a new version of the program, or because a terminal was closed: its tasks go on and wait for it.
  process.on("SIGHUP", () => stop("SIGHUP", { goodbye: false }));
  try {
    await daemon.start();
  } catch (error) {
    if (!isStopping) fail(error);
  }
  return { isStopping };
}
