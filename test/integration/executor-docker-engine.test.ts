// What only an engine has: its id, names and memory of its own, terminals, events after an absence.
import { expect } from "chai";
import { run, runOk } from "../../scripts/lib/run.ts";
import { LABELS } from "../../src/agent/executor/container-spec.ts";
import { containerName } from "../../src/model/naming.ts";
import { DockerExecutor } from "../../src/agent/executor/docker/docker-executor.ts";
import { grantedSpec } from "../../src/agent/executor/granted.ts";
import type { ExecutorOwner, ExecutorTask } from "../../src/agent/executor/executor.ts";
import type { ContainerSpec, TaskSpec } from "../../src/model/index.ts";
import { codec } from "../../src/proto/load.ts";
import { isAppError } from "../../src/util/errors.ts";
import { newId } from "../../src/util/id.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { aTask, readLogs, texts, untilExited } from "../suites/executor-harness.ts";
import { ensureWorkloadImage, requireEngine, WORKLOAD_IMAGE } from "../support/engine.ts";

const SOCKET = "/var/run/docker.sock";
const signal = new AbortController().signal;

describe("agent/executor/docker on an engine", function () {
  this.timeout(60_000);
  const owner: ExecutorOwner = { clusterId: newId(realEnv), nodeId: newId(realEnv), nodeName: "a" };
  let executor: DockerExecutor;

  before(async function () {
    this.timeout(120_000);
    await requireEngine(this);
    await ensureWorkloadImage();
  });
  beforeEach(async () => {
    executor = await open(owner);
  });
  afterEach(async () => {
    await executor.stop();
    const left = await run(["docker", "ps", "-aq", "--filter", `label=${LABELS.cluster}=${owner.clusterId}`]);
    const ids = left.stdout.split("\n").filter((id) => id !== "");
    if (ids.length > 0) await run(["docker", "rm", "-f", ...ids]);
  });

  async function open(who: ExecutorOwner): Promise<DockerExecutor> {
    const opened = new DockerExecutor({ env: realEnv, log: silentLogger, socketPath: SOCKET });
    await opened.start(who);
    return opened;
  }

  function make(command: string, container: Partial<ContainerSpec> = {}, spec: Partial<TaskSpec> = {}): ExecutorTask {
    return aTask(newId(realEnv), (empty) => ({
      ...empty,
      ...spec,
      runtime: "container",
      container: {
        ...codec("ContainerSpec").decode(new Uint8Array()),
        image: WORKLOAD_IMAGE,
        command: ["sh", "-c", command],
        ...container,
      },
    }));
  }

  async function start(task: ExecutorTask): Promise<void> {
    await executor.prepareTask(task, signal);
    await executor.startTask(task, signal);
  }

  it("agrees with every other agent of the engine on the engine's id", async () => {
    const others = await Promise.all([1, 2, 3].map(() => open({ ...owner, nodeId: newId(realEnv) })));
    const ids = new Set([executor, ...others].map((one) => one.describe().engineId));
    for (const other of others) await other.stop();
    expect(ids.size).to.equal(1);
    expect([...ids][0]).to.not.equal("");
    const { resources, os, engineVersion } = executor.describe();
    expect(resources.nanoCpus).to.be.greaterThan(0);
    expect(resources.memoryBytes).to.be.greaterThan(0);
    expect([os, engineVersion === ""]).to.deep.equal(["linux", false]);
  });

  it("leaves a stranger alone that has the name of its container", async () => {
    const task = make("sleep 60");
    const name = containerName(task);
    const stranger = await runOk(["docker", "run", "-d", "--name", name, WORKLOAD_IMAGE, "sleep", "60"]);
    try {
      const error: unknown = await executor.prepareTask(task, signal).then(
        () => null,
        (failure: unknown) => failure,
      );
      expect(isAppError(error, "precondition"), String(error)).to.equal(true);
      await executor.stopTask(task, signal);
      await executor.removeTask(task.id, signal);
      const seen = await runOk(["docker", "inspect", "--format", "{{.State.Running}} {{.Id}}", name]);
      expect(seen.trim()).to.equal(`true ${stranger.trim()}`);
    } finally {
      await run(["docker", "rm", "-f", name]);
    }
  });

  it("says when memory was what it ended of", async () => {
    const resources = {
      limits: { nanoCpus: 0, memoryBytes: 16 * 2 ** 20, generic: [] },
      reservations: null,
      pidsLimit: 0,
    };
    const task = make("exec tail -c 1000000000 /dev/zero", {}, { resources });
    await start(task);
    const state = await untilExited(executor, task.id);
    expect([state.exitCode, state.error]).to.deep.equal([137, "killed: out of memory"]);
  });

  it("names the field and the program when a container cannot start", async () => {
    const task = make("", { command: ["no-such-program"] });
    await executor.prepareTask(task, signal);
    const error: unknown = await executor.startTask(task, signal).then(
      () => null,
      (failure: unknown) => failure,
    );
    if (!isAppError(error)) return expect.fail(String(error));
    expect(error.code).to.not.equal("unavailable");
    expect(error.message).to.include("no-such-program");
  });

  it("hands devices of the node over under their new names, and tells a task what it reserved", async () => {
    const devices = [{ source: "/dev/null", target: "/dev/nothing", permissions: "r" }];
    const command = "test -c /dev/nothing; echo $? $DOCKER_RESOURCE_GPU";
    const task = make(command, { devices });
    const generic = [{ kind: "gpu", count: 0, names: ["UUID1", "UUID2"] }];
    const granted = { ...task, spec: grantedSpec(task.spec, { ports: [], generic }) };
    await start(granted);
    expect((await untilExited(executor, task.id)).exitCode).to.equal(0);
    expect(texts(await readLogs(executor, task.id))).to.deep.equal(["0 UUID1,UUID2"]);
  });

  it("says which device of the node is not there, and that there are no GPUs", async () => {
    const missing = [{ source: "/dev/no-such-thing", target: "", permissions: "" }];
    const gpus = { count: -1, deviceIds: [], capabilities: [], driver: "no-such-driver" };
    for (const [container, words] of [
      [{ devices: missing }, "/dev/no-such-thing"],
      [{ gpus }, "no-such-driver"],
    ] as const) {
      const error: unknown = await start(make("true", container as Partial<ContainerSpec>)).then(
        () => null,
        (failure: unknown) => failure,
      );
      if (!isAppError(error)) return expect.fail(String(error));
      expect(error.message).to.include(words);
    }
  });

  it("refuses a mount of a folder that is not there", async () => {
    const mount = {
      type: "BIND",
      source: "/no/such/folder",
      target: "/x",
      readOnly: false,
      tmpfsSizeBytes: 0,
      shared: false,
      driver: "",
      driverOptions: {},
      local: false,
    } as const;
    const error: unknown = await executor.prepareTask(make("true", { mounts: [mount] }), signal).then(
      () => null,
      (failure: unknown) => failure,
    );
    if (!isAppError(error, "invalid")) return expect.fail(String(error));
    expect(error.message).to.include("/no/such/folder");
    expect(error.details.path).to.equal("spec.task.container");
  });

  it("reads the logs of a terminal", async () => {
    const task = make("echo one; echo two", { tty: true });
    await start(task);
    const lines = await readLogs(executor, task.id, { follow: true });
    expect(texts(lines)).to.deep.equal(["one", "two"]);
    expect(lines.every(({ timeUs }) => timeUs > 0)).to.equal(true);
  });

  it("uses the stop signal of the spec, and of the container for a task whose spec is gone", async () => {
    for (const keepSpec of [true, false]) {
      const task = make("trap 'exit 4' USR1; echo ready; while :; do sleep 0.05; done", { stopSignal: "SIGUSR1" });
      await start(task);
      const source = executor.logs(task.id, { follow: true, tail: null, sinceMs: 0 });
      await new Promise<void>((resolve) => source.attach({ onLine: () => resolve(), onEnd: () => undefined }));
      source.cancel();
      await executor.stopTask(keepSpec ? task : aTask(task.id, (spec) => spec), signal);
      expect((await executor.inspect(task.id, signal))?.exitCode).to.equal(4);
    }
  });

  it("tells every task to look again once it is connected", async () => {
    const task = make("sleep 60");
    await start(task);
    await executor.stop();
    executor = new DockerExecutor({ env: realEnv, log: silentLogger, socketPath: SOCKET });
    const told: string[] = [];
    executor.onTaskEvent((taskId) => told.push(taskId));
    await executor.start(owner);
    expect(told).to.include(task.id);
  });

  it("starts where no engine is, and says so", async () => {
    const lost = new DockerExecutor({ env: realEnv, log: silentLogger, socketPath: "/no/such/socket" });
    await lost.start(owner);
    expect(lost.health().ok).to.equal(false);
    expect(lost.health().message).to.include("engine not answering");
    const error: unknown = await lost.list(signal).catch((failure: unknown) => failure);
    expect(isAppError(error, "unavailable")).to.equal(true);
    await lost.stop();
  });
});
