// The conformance suite on plain processes of this machine, and what only they have.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ProcessExecutor } from "../../src/agent/executor/process/process-executor.ts";
import { codec } from "../../src/proto/load.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { aTask, checkedBy, firstLine, script, type Harness } from "../suites/executor-harness.ts";
import { executorSuite } from "../suites/executor.ts";

const WEB = [
  process.execPath,
  "-e",
  `require("node:http").createServer((request, response) => {
    response.writeHead(request.url === "/ready" ? 200 : 404).end();
  }).listen(Number(process.env.SHOAL_PORT_8080))`,
];

async function makeHarness(): Promise<Harness> {
  const dataDir = await mkdtemp(join(tmpdir(), "shoal-process-"));
  const healthFile = (taskId: string): string => join(dataDir, `health-${taskId}`);
  return {
    owner: { clusterId: "cluster-a", nodeId: "node-a", nodeName: "a" },
    executor: async (owner) => {
      const executor = new ProcessExecutor({ env: realEnv, log: silentLogger, dataDir });
      await executor.start(owner);
      return executor;
    },
    task: (id, behaviour, { ports = [], graceMs = 2_000 } = {}) =>
      aTask(id, (spec) => ({
        ...spec,
        runtime: "process",
        ports: ports.map((published) => ({ target: 8080, published, protocol: "TCP", hostIp: "" })),
        process: {
          ...codec("ProcessSpec").decode(new Uint8Array()),
          command: behaviour.kind === "web" ? WEB : ["sh", "-c", script(behaviour, healthFile(id))],
          stopGraceMs: graceMs,
          health: behaviour.kind === "checked" ? checkedBy(healthFile(id)) : null,
        },
      })),
    obeyedCode: 3,
    isReady: firstLine,
    killOutside: async ({ runtimeId }) => {
      process.kill(Number(runtimeId), "SIGKILL");
    },
    loseHealth: async ({ taskId }) => {
      await rm(healthFile(taskId));
    },
    missing: (id) => ({
      names: "no-such-program",
      task: aTask(id, (spec) => ({
        ...spec,
        runtime: "process",
        process: { ...codec("ProcessSpec").decode(new Uint8Array()), command: ["no-such-program"] },
      })),
    }),
    outage: () => undefined,
    dispose: async () => {
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

executorSuite("agent/executor/process", makeHarness, ["outage"]);
