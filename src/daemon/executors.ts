/** Chooses the executor: what the operator said, or what this machine has. */
import { existsSync } from "node:fs";
import { arch } from "node:os";
import { DockerExecutor } from "../agent/executor/docker/docker-executor.ts";
import type { Executor } from "../agent/executor/executor.ts";
import { NoneExecutor } from "../agent/executor/none.ts";
import { ProcessExecutor } from "../agent/executor/process/process-executor.ts";
import type { Env } from "../util/env.ts";
import type { Logger } from "../util/log.ts";
import type { DaemonConfig } from "./config.ts";

export function chooseExecutor(config: DaemonConfig, env: Env, log: Logger): Executor {
  const kind = config.executor === "auto" ? (existsSync(config.dockerHost) ? "docker" : "process") : config.executor;
  switch (kind) {
    case "docker":
      return new DockerExecutor({ env, log, socketPath: config.dockerHost });
    case "process":
      return new ProcessExecutor({ env, log, dataDir: config.dataDir });
    case "none":
      return new NoneExecutor({ os: "linux", architecture: arch() === "x64" ? "x86_64" : arch() });
  }
}
