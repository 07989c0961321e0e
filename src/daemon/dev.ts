/** `shoal dev`: one node, everything in one process, and a context to reach it. */
import { resolve } from "node:path";
import { realEnv } from "../util/real-env.ts";
import { readConfig } from "./config.ts";
import type { DevFlags } from "./commands.ts";
import { makeLogger } from "./logger.ts";
import { runProcess } from "./process.ts";

export async function runDev(flags: DevFlags, version: string): Promise<void> {
  const started = realEnv.now();
  const dataDir = resolve(flags.dataDir);
  const socket = `${dataDir}/shoal.sock`;
  const config = readConfig(
    {
      dataDir,
      socket,
      listen: `127.0.0.1:${flags.port}`,
      advertise: `127.0.0.1:${flags.port}`,
      httpListen: `127.0.0.1:${Number(flags.port) + 1}`,
      executor: flags.executor,
      nodeName: "dev",
      init: "1",
      logLevel: flags.logLevel,
    },
    {},
    "",
  );
  const { isStopping } = await runProcess(config, makeLogger(config.logLevel, { node: "dev" }), version);
  if (isStopping) return;
  process.stdout.write(
    `Ready in ${((realEnv.now() - started) / 1000).toFixed(1)} s: one node on 127.0.0.1:${flags.port}. Ctrl-C stops it and its tasks.\n`,
  );
  process.stdout.write(`In another terminal:\n  export SHOAL_HOST=unix:${socket}\n  shoal node ls\n`);
}
