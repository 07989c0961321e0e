// The conformance suite on a real engine, through a socket between them that a test can cut or stop.
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanupOnce } from "../../scripts/lib/interruption.ts";
import { run, runOk } from "../../scripts/lib/run.ts";
import { LABELS } from "../../src/agent/executor/container-spec.ts";
import { DockerExecutor } from "../../src/agent/executor/docker/docker-executor.ts";
import { codec } from "../../src/proto/load.ts";
import { newId } from "../../src/util/id.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { aTask, checkedBy, firstLine, script, type Harness } from "../suites/executor-harness.ts";
import { executorSuite } from "../suites/executor.ts";
import { ensureWorkloadImage, requireEngine, WORKLOAD_IMAGE } from "../support/engine.ts";

const ENGINE_SOCKET = "/var/run/docker.sock";
const HEALTH_FILE = "/tmp/healthy";

/** Passes bytes on, holds them ("hung"), or drops every connection and takes none ("cut"). */
class EngineProxy {
  readonly #path: string;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #server: Server | null = null;
  #isHung = false;

  constructor(path: string) {
    this.#path = path;
  }

  async open(): Promise<void> {
    const server = createServer((near) => this.#pair(near));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#path, resolve));
  }

  set(kind: "hung" | "cut" | "none"): void {
    this.#isHung = kind === "hung";
    for (const pair of this.#pairs) {
      for (const socket of pair) {
        if (kind === "cut") socket.destroy();
        else if (kind === "hung") socket.pause();
        else socket.resume();
      }
    }
    if (kind === "cut") this.close();
    else if (this.#server === null) void this.open();
  }

  close(): void {
    this.#server?.close();
    this.#server = null;
    for (const [near, far] of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  #pair(near: Socket): void {
    const far = connect(ENGINE_SOCKET);
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("data", (chunk: Buffer) => {
        if (!to.write(chunk)) from.pause();
      });
      to.on("drain", () => {
        if (!this.#isHung) from.resume();
      });
      from.on("error", () => undefined);
      from.on("close", () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    }
    if (this.#isHung) for (const socket of pair) socket.pause();
  }
}

async function makeHarness(context: Mocha.Context): Promise<Harness> {
  context.timeout(120_000);
  await requireEngine(context);
  await ensureWorkloadImage();
  const folder = await mkdtemp(join(tmpdir(), "shoal-docker-"));
  const socketPath = join(folder, "engine.sock");
  const proxy = new EngineProxy(socketPath);
  await proxy.open();
  const owner = { clusterId: newId(realEnv), nodeId: newId(realEnv), nodeName: "a" };
  return {
    owner,
    executor: async (who) => {
      const executor = new DockerExecutor(
        { env: realEnv, log: silentLogger, socketPath },
        { pingEveryMs: 200, pingMs: 1_500 },
      );
      await executor.start(who);
      return executor;
    },
    task: (id, behaviour, { ports = [], graceMs = 2_000 } = {}) =>
      aTask(id, (spec) => ({
        ...spec,
        runtime: "container",
        ports: ports.map((published) => ({ target: 8080, published, protocol: "TCP", hostIp: "" })),
        container: {
          ...codec("ContainerSpec").decode(new Uint8Array()),
          image: WORKLOAD_IMAGE,
          command: ["sh", "-c", script(behaviour, HEALTH_FILE)],
          stopGraceMs: graceMs,
          health: behaviour.kind === "checked" ? checkedBy(HEALTH_FILE) : null,
        },
      })),
    obeyedCode: 3,
    isReady: firstLine,
    killOutside: async ({ runtimeId }) => {
      await runOk(["docker", "kill", runtimeId]);
    },
    loseHealth: async ({ runtimeId }) => {
      await runOk(["docker", "exec", runtimeId, "rm", HEALTH_FILE]);
    },
    missing: (id) => ({
      names: "no-such-image:1",
      task: aTask(id, (spec) => ({
        ...spec,
        runtime: "container",
        container: {
          ...codec("ContainerSpec").decode(new Uint8Array()),
          image: "no-such-image:1",
          pullPolicy: "NEVER",
        },
      })),
    }),
    outage: (kind) => proxy.set(kind),
    dispose: cleanupOnce(async () => {
      proxy.close();
      const left = await run(["docker", "ps", "-aq", "--filter", `label=${LABELS.cluster}=${owner.clusterId}`]);
      const ids = left.stdout.split("\n").filter((id) => id !== "");
      if (ids.length > 0) await run(["docker", "rm", "-f", ...ids]);
      await rm(folder, { recursive: true, force: true });
    }),
  };
}

executorSuite("agent/executor/docker", makeHarness);
