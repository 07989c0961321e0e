// The simulator's executor must keep the promises of the real ones, or simulations prove nothing.
import { codec } from "../../src/proto/load.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { aTask, type Behaviour, type Harness } from "../suites/executor-harness.ts";
import { executorSuite } from "../suites/executor.ts";
import { FakeEngine, FakeExecutor } from "../support/fake-executor.ts";

const NEVER_MS = 3_600_000;

async function makeHarness(): Promise<Harness> {
  const engine = new FakeEngine(realEnv, { prepareMs: 2, startMs: 2 });
  const behaviours = new Map<string, Behaviour>();
  engine.behaviour.probe = (task, { command, http, tcp }) => {
    const isWeb = behaviours.get(task.id)?.kind === "web";
    if (http) return { isOk: isWeb && http.path === "/ready", message: "status 404" };
    if (tcp) return { isOk: isWeb && tcp.port === 8080, message: "connection refused" };
    const [file = "", ...args] = command?.command ?? [];
    if (file === "sleep") return { isOk: true, tookMs: Number(args[0]) * 1_000 };
    return file === "true" ? { isOk: true } : { isOk: false, message: "it exited with code 3: broken" };
  };
  const acted = new Map<string, number>();
  engine.onEvent((event) => {
    if (event.kind !== "task") return;
    const container = engine.container(event.taskId);
    const behaviour = behaviours.get(event.taskId);
    if (container?.state.state !== "running" || behaviour === undefined) return;
    if (acted.get(event.taskId) === container.starts) return;
    acted.set(event.taskId, container.starts);
    void act(event.taskId, behaviour);
  });

  async function act(taskId: string, behaviour: Behaviour): Promise<void> {
    if (behaviour.kind === "exit") {
      await pause(behaviour.afterMs);
      engine.exit(taskId, behaviour.code);
    } else if (behaviour.kind === "print") {
      for (const output of behaviour.output) {
        if (typeof output === "number") await pause(output);
        else engine.log(taskId, output.text, output.stream);
      }
      engine.exit(taskId, 0);
    } else if (behaviour.kind === "flood") {
      engine.logSteadily(taskId, { bytesPerSecond: 20_000_000, lineBytes: 100 });
    }
  }

  return {
    owner: { clusterId: "cluster-a", nodeId: "node-a", nodeName: "a" },
    executor: async (owner) => {
      const executor = new FakeExecutor(realEnv, engine);
      await executor.start(owner);
      return executor;
    },
    task: (id, behaviour, { ports = [], graceMs = 2_000 } = {}) => {
      behaviours.set(id, behaviour);
      engine.behaviour.stopMs = behaviour.kind === "stubborn" ? NEVER_MS : 5;
      return aTask(id, (spec) => ({
        ...spec,
        runtime: "container",
        ports: ports.map((published) => ({ target: 8080, published, protocol: "TCP", hostIp: "" })),
        container: {
          ...codec("ContainerSpec").decode(new Uint8Array()),
          image: "fake",
          stopGraceMs: graceMs,
          health:
            behaviour.kind === "checked"
              ? { test: ["CMD", "true"], intervalMs: 0, timeoutMs: 0, retries: 0, startPeriodMs: 0, startIntervalMs: 0 }
              : null,
        },
      }));
    },
    obeyedCode: 143,
    isReady: () => Promise.resolve(),
    killOutside: async ({ taskId }) => engine.kill(taskId),
    loseHealth: async ({ taskId }) => engine.setHealth(taskId, "unhealthy"),
    missing: () => {
      throw new Error("the fake has no images");
    },
    outage: (kind) => engine.setOutage(kind === "cut" ? "refused" : kind),
    dispose: () => Promise.resolve(),
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void realEnv.setTimer(ms, resolve));
}

executorSuite("support/fake-executor", makeHarness, ["missing", "long lines"]);
