// An engine that goes down ends its containers while it still answers. An executor must not report that as an end of
// their own: whoever looks gets "unavailable" until the engine is back, and only then sees what ended.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { waitFor } from "../../scripts/lib/run.ts";
import { DockerExecutor } from "../../src/agent/executor/docker/docker-executor.ts";
import type { ExecutorTask } from "../../src/agent/executor/executor.ts";
import { codec } from "../../src/proto/load.ts";
import { isAppError } from "../../src/util/errors.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { aTask, firstLine, until, untilHealth } from "../suites/executor-harness.ts";
import { ensureWorkloadImage, requireHosts, WORKLOAD_IMAGE } from "../support/engine.ts";
import { startHosts, type Host } from "../support/hosts.ts";

const signal = new AbortController().signal;
const ENGINE_STOP_MS = 30_000;

describe("agent/executor/docker and an engine that restarts", function () {
  this.timeout(180_000);

  before(async function () {
    await requireHosts(this);
    await ensureWorkloadImage();
  });

  // The first dies within milliseconds of the engine's SIGTERM, the second only by its SIGKILL.
  const tasks = ["trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done", "trap '' TERM; echo ready; sleep 600"];

  for (const how of ["is stopped", "is killed"] as const) {
    it(`shows no end of a container while its engine ${how}, and starts it again in place`, async () => {
      await using net = await startHosts(1, { images: [WORKLOAD_IMAGE] });
      const [host] = net.hosts;
      if (host === undefined) throw new Error("one host was asked for");
      const executor = new DockerExecutor({
        env: realEnv,
        log: silentLogger,
        socketPath: join(host.folder, "docker.sock"),
      });
      try {
        await executor.start({ clusterId: "c", nodeId: "n", nodeName: "n" });
        for (const [at, command] of tasks.entries()) await start(executor, make(`t${at}`, command));
        const seen: string[] = [];
        executor.onTaskEvent((taskId) => void look(executor, taskId, seen));
        const ids = (await executor.list(signal)).map(({ runtimeId }) => runtimeId).toSorted();
        const away = untilHealth(executor, false, ENGINE_STOP_MS);
        await takeDown(host, how);
        await away;
        expect(seen.filter((state) => state.includes("exited"))).to.deep.equal([]);

        await host.startEngine();
        await untilHealth(executor, true, ENGINE_STOP_MS);
        for (const [at, command] of tasks.entries()) {
          await until(executor, `t${at}`, (state) => state?.state === "exited");
          await executor.startTask(make(`t${at}`, command), signal);
        }
        const after = await executor.list(signal);
        expect(after.map(({ state }) => state)).to.deep.equal(["running", "running"]);
        expect(after.map(({ runtimeId }) => runtimeId).toSorted()).to.deep.equal(ids);
      } finally {
        await executor.stop();
      }
    });
  }
});

async function start(executor: DockerExecutor, task: ExecutorTask): Promise<void> {
  await executor.prepareTask(task, signal);
  await executor.startTask(task, signal);
  await firstLine(executor, task.id);
}

/** As the agent does at an event. */
async function look(executor: DockerExecutor, taskId: string, seen: string[]): Promise<void> {
  try {
    seen.push(`${taskId} ${(await executor.inspect(taskId, signal))?.state ?? "gone"}`);
  } catch (error) {
    if (!isAppError(error, "unavailable")) throw error;
    seen.push(`${taskId} unavailable`);
  }
}

async function takeDown(host: Host, how: "is stopped" | "is killed"): Promise<void> {
  if (how === "is stopped") {
    const pid = Number(await readFile(join(host.folder, "pid"), "utf8"));
    process.kill(pid, "SIGTERM");
    await waitFor("the engine's end", ENGINE_STOP_MS, () => (isRunning(pid) ? undefined : true));
  }
  await host.killEngine();
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function make(id: string, command: string): ExecutorTask {
  return aTask(id, (spec) => ({
    ...spec,
    runtime: "container",
    container: {
      ...codec("ContainerSpec").decode(new Uint8Array()),
      image: WORKLOAD_IMAGE,
      command: ["sh", "-c", command],
      stopGraceMs: 2_000,
    },
  }));
}
