/** Chooses the executor: what the operator said, or what this machine has. Loads only the chosen one. */
import { existsSync } from "node:fs";
import { arch } from "node:os";
import type { Executor } from "../agent/executor/executor.ts";
import type { Env } from "../util/env.ts";
import type { Logger } from "../util/log.ts";
import type { DaemonConfig } from "./config.ts";

export async function chooseExecutor(config: DaemonConfig, env: Env, log: Logger): Promise<Executor> {
  const kind = config.executor === "auto" ? (existsSync(config.dockerHost) ? "docker" : "process") : config.executor;
  switch (kind) {
    case "docker": {
      const { DockerExecutor } = await import("../agent/executor/docker/docker-executor.ts");
      return new DockerExecutor({ env, log, socketPath: config.dockerHost });
    }
    case "process": {
      const { ProcessExecutor } = await import("../agent/executor/process/process-executor.ts");
      return new ProcessExecutor({ env, log, dataDir: config.dataDir });
    }
    case "none": {
      const { NoneExecutor } = await import("../agent/executor/none.ts");
      return new NoneExecutor({ os: "linux", architecture: arch() === "x64" ? "x86_64" : arch() });
    }
  }
}
