// What every executor must do, whatever is below it. Tasks get new ids per test, and are removed after it.
import { expect } from "chai";
import { LOG_BUFFER_BYTES_MAX, LOG_LINE_BYTES_MAX } from "../../src/agent/executor/executor.ts";
import type { Executor, ExecutorTask, Probe, ProbeOutcome } from "../../src/agent/executor/executor.ts";
import { sleep } from "../../src/util/env.ts";
import { isAppError } from "../../src/util/errors.ts";
import { newId } from "../../src/util/id.ts";
import { realEnv } from "../../src/util/real-env.ts";
import {
  readLogs,
  STARTUP_MS,
  texts,
  until,
  untilExited,
  untilHealth,
  type Behaviour,
  type Harness,
  type Lack,
  type TaskOptions,
} from "./executor-harness.ts";

const signal = new AbortController().signal;
/** From the end of a process to the report of it, on a machine that does other things too. */
const NOTICE_MS = 3_000;

export function executorSuite(
  name: string,
  makeHarness: (context: Mocha.Context) => Promise<Harness>,
  lacks: readonly Lack[] = [],
): void {
  describe(name, function () {
    this.timeout(60_000);
    let harness: Harness;
    let executor: Executor;
    const started: Executor[] = [];
    const made: string[] = [];

    before(async function () {
      harness = await makeHarness(this);
    });
    beforeEach(async () => {
      executor = await open();
    });
    afterEach(async () => {
      harness.outage("none");
      await untilHealth(executor, true);
      for (const id of made.splice(0)) await executor.removeTask(id, signal);
      for (const one of started.splice(0)) await one.stop();
    });
    after(async () => {
      await harness?.dispose();
    });

    async function open(owner = harness.owner): Promise<Executor> {
      const opened = await harness.executor(owner);
      started.push(opened);
      return opened;
    }

    function aTask(behaviour: Behaviour, options?: TaskOptions): ExecutorTask {
      const id = newId(realEnv);
      made.push(id);
      return harness.task(id, behaviour, options);
    }

    async function running(behaviour: Behaviour, options?: TaskOptions): Promise<ExecutorTask> {
      const task = aTask(behaviour, options);
      await executor.prepareTask(task, signal);
      await executor.startTask(task, signal);
      return task;
    }

    lifecycle();
    restarts();
    logs();
    if (!lacks.includes("long lines")) longLines();
    logsBackPressure();
    healthAndPorts();
    probes();
    ownership();
    if (!lacks.includes("outage")) outages();

    function lifecycle(): void {
      it("prepares once, however often it is asked to", async () => {
        const task = aTask({ kind: "serve" });
        await executor.prepareTask(task, signal);
        await executor.prepareTask(task, signal);
        const listed = (await executor.list(signal)).filter(({ taskId }) => taskId === task.id);
        expect(listed.map(({ state }) => state)).to.deep.equal(["created"]);
      });

      it("starts once, however often it is asked to", async () => {
        const task = await running({ kind: "serve" });
        const first = await executor.inspect(task.id, signal);
        await executor.startTask(task, signal);
        await executor.prepareTask(task, signal);
        const second = await executor.inspect(task.id, signal);
        expect(first?.state).to.equal("running");
        expect(first?.runtimeId).to.not.equal("");
        expect(first?.startedAtMs).to.be.greaterThan(0);
        expect([second?.runtimeId, second?.startedAtMs]).to.deep.equal([first?.runtimeId, first?.startedAtMs]);
      });

      it("refuses to start what was not prepared", async () => {
        const error = await rejected(executor.startTask(aTask({ kind: "serve" }), signal));
        expect(isAppError(error, "not-found"), String(error)).to.equal(true);
      });

      for (const code of [0, 7]) {
        it(`reports an end by itself with exit code ${code}`, async () => {
          const task = await running({ kind: "exit", code, afterMs: 200 });
          const state = await untilExited(executor, task.id);
          expect([state.exitCode, state.error]).to.deep.equal([code, ""]);
          expect(state.finishedAtMs).to.be.at.least(state.startedAtMs);
        });
      }

      it("stops by signal within the grace, and again without an error", async () => {
        const task = await running({ kind: "serve" }, { graceMs: 20_000 });
        await harness.isReady(executor, task.id);
        await executor.stopTask(task, signal);
        const state = await executor.inspect(task.id, signal);
        expect([state?.state, state?.exitCode]).to.deep.equal(["exited", harness.obeyedCode]);
        await executor.stopTask(task, signal);
      });

      it("kills after the grace, not before", async () => {
        const graceMs = 700;
        const task = await running({ kind: "stubborn" }, { graceMs });
        await harness.isReady(executor, task.id);
        const before = realEnv.now();
        await executor.stopTask(task, signal);
        expect(realEnv.now() - before).to.be.at.least(graceMs - 1);
        expect((await executor.inspect(task.id, signal))?.exitCode).to.equal(137);
      });

      it("sees a kill from outside at once", async () => {
        const task = await running({ kind: "serve" });
        const before = await executor.inspect(task.id, signal);
        const seen = untilExited(executor, task.id);
        if (before !== null) await harness.killOutside(before);
        const killedAt = realEnv.now();
        const state = await seen;
        expect(realEnv.now() - killedAt).to.be.lessThan(NOTICE_MS);
        expect(state.exitCode).to.equal(137);
      });

      it("starts again what ended", async () => {
        const task = await running({ kind: "exit", code: 1, afterMs: 1_000 });
        const first = await untilExited(executor, task.id);
        await executor.startTask(task, signal);
        const again = await executor.inspect(task.id, signal);
        expect(again?.state).to.equal("running");
        expect(again?.startedAtMs).to.be.greaterThan(first.startedAtMs);
        expect((await untilExited(executor, task.id)).exitCode).to.equal(1);
      });

      it("removes what runs and what ended, and nothing twice", async () => {
        const tasks = [await running({ kind: "serve" }), await running({ kind: "exit", code: 0, afterMs: 0 })];
        for (const task of tasks) {
          await executor.removeTask(task.id, signal);
          expect(await executor.inspect(task.id, signal)).to.equal(null);
          await executor.removeTask(task.id, signal);
        }
      });

      it("says nothing of a task it never had", async () => {
        const task = aTask({ kind: "serve" });
        expect(await executor.inspect(task.id, signal)).to.equal(null);
        await executor.stopTask(task, signal);
        await executor.removeTask(task.id, signal);
      });

      if (lacks.includes("missing")) return;
      it("names what is missing and what to do when it cannot prepare", async () => {
        const id = newId(realEnv);
        const { task, names } = harness.missing(id);
        const error = await rejected(executor.prepareTask(task, signal));
        if (!isAppError(error)) return expect.fail(String(error));
        expect(error.code).to.not.equal("unavailable");
        expect(error.message).to.include(names);
        expect(error.details.next ?? "").to.not.equal("");
        expect(await executor.inspect(id, signal)).to.equal(null);
      });
    }

    function restarts(): void {
      it("leaves what runs running when it stops, and finds it again", async () => {
        const task = await running({ kind: "serve" });
        const before = await executor.inspect(task.id, signal);
        await executor.stop();
        executor = await open();
        expect(await executor.inspect(task.id, signal)).to.deep.equal(before);
        const seen = untilExited(executor, task.id);
        if (before !== null) await harness.killOutside(before);
        expect((await seen).exitCode).to.equal(137);
      });

      it("knows the exit code of what ended while it was away", async () => {
        const task = await running({ kind: "exit", code: 9, afterMs: 300 });
        await executor.stop();
        await new Promise((resolve) => setTimeout(resolve, 800));
        executor = await open();
        expect((await untilExited(executor, task.id)).exitCode).to.equal(9);
      });
    }

    function logs(): void {
      const output = [
        { stream: "stdout", text: "one" },
        200,
        { stream: "stderr", text: "two" },
        200,
        { stream: "stdout", text: "three" },
      ] as const;

      it("has every line once, in order, with its stream and time", async () => {
        const before = realEnv.wallNow();
        const task = await running({ kind: "print", output });
        await untilExited(executor, task.id);
        const lines = await readLogs(executor, task.id, { follow: true });
        expect(texts(lines)).to.deep.equal(["one", "two", "three"]);
        expect(lines.map(({ stream }) => stream)).to.deep.equal(["stdout", "stderr", "stdout"]);
        expect(lines.every(({ partial }) => !partial)).to.equal(true);
        const times = lines.map(({ timeUs }) => timeUs / 1000);
        expect(times).to.deep.equal(times.toSorted((a, b) => a - b));
        expect(times[0]).to.be.within(before - 1_000, realEnv.wallNow());
      });

      it("begins where tail or since say", async () => {
        const task = await running({ kind: "print", output });
        await untilExited(executor, task.id);
        const all = await readLogs(executor, task.id, { follow: true });
        expect(texts(await readLogs(executor, task.id, { tail: 1 }))).to.deep.equal(["three"]);
        expect(texts(await readLogs(executor, task.id, { tail: 2 }))).to.deep.equal(["two", "three"]);
        expect(texts(await readLogs(executor, task.id, { tail: 9 }))).to.deep.equal(["one", "two", "three"]);
        const sinceMs = Math.floor((all[2]?.timeUs ?? 0) / 1000);
        expect(texts(await readLogs(executor, task.id, { sinceMs }))).to.deep.equal(["three"]);
      });

      it("follows from before the start to the end of the task", async () => {
        const task = aTask({ kind: "print", output });
        await executor.prepareTask(task, signal);
        const following = readLogs(executor, task.id, { follow: true });
        await executor.startTask(task, signal);
        expect(texts(await following)).to.deep.equal(["one", "two", "three"]);
      });

      it("ends with an error for a task it does not have, and with silence after a cancel", async () => {
        const error = await rejected(readLogs(executor, newId(realEnv)));
        expect(error).to.be.instanceOf(Error);
        const task = await running({ kind: "serve" });
        const source = executor.logs(task.id, { follow: true, tail: null, sinceMs: 0 });
        source.attach({ onLine: () => undefined, onEnd: () => expect.fail("no callbacks after a cancel") });
        source.cancel();
        await executor.stopTask(task, signal);
      });
    }

    function longLines(): void {
      it("cuts long lines into pieces", async () => {
        const text = "0123456789".repeat(4_000);
        const task = await running({ kind: "print", output: [{ stream: "stdout", text }] });
        await untilExited(executor, task.id);
        const lines = await readLogs(executor, task.id, { follow: true });
        expect(texts(lines).join("")).to.equal(text);
        expect(lines.every(({ data }) => data.length <= LOG_LINE_BYTES_MAX)).to.equal(true);
        expect(lines.map(({ partial }) => partial)).to.deep.equal([...lines.slice(1).map(() => true), false]);
      });
    }

    function logsBackPressure(): void {
      it("reads nothing while paused, stays bounded, and goes on where it was", async () => {
        const task = await running({ kind: "flood" });
        const source = executor.logs(task.id, { follow: true, tail: null, sinceMs: 0 });
        let bytes = 0;
        let wake = (): void => undefined;
        const received = async (count: number): Promise<void> => {
          while (bytes < count) await new Promise<void>((resolve) => (wake = resolve));
        };
        source.attach({
          onLine: ({ data }) => {
            bytes += data.length;
            wake();
          },
          onEnd: () => undefined,
        });
        await received(100_000);
        source.pause();
        const atPause = bytes;
        const before = memoryUsed();
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        expect(bytes).to.equal(atPause);
        expect(memoryUsed() - before).to.be.lessThan(8 * LOG_BUFFER_BYTES_MAX);
        source.resume();
        await received(atPause + 5_000_000);
        source.cancel();
      });
    }

    function healthAndPorts(): void {
      it("tells of health as it changes", async () => {
        const task = await running({ kind: "checked" });
        const healthy = await until(executor, task.id, (state) => state?.health === "healthy");
        if (healthy !== null) await harness.loseHealth(healthy);
        const state = await until(executor, task.id, (seen) => seen?.health === "unhealthy");
        expect(state?.state).to.equal("running");
      });

      it("takes a free port for 0, reports it, and refuses one that is taken", async () => {
        const task = await running({ kind: "serve" }, { ports: [0] });
        const [port] = (await executor.inspect(task.id, signal))?.ports ?? [];
        expect([port?.target, port?.protocol]).to.deep.equal([8080, "TCP"]);
        const published = port?.published ?? 0;
        expect(published).to.be.greaterThan(0);
        const other = aTask({ kind: "serve" }, { ports: [published] });
        await executor.prepareTask(other, signal);
        const error = await rejected(executor.startTask(other, signal));
        expect(isAppError(error, "precondition"), String(error)).to.equal(true);
        expect((await executor.inspect(other.id, signal))?.state).to.not.equal("running");
      });
    }

    function probes(): void {
      async function ask(task: ExecutorTask, probe: Probe, timeoutMs = 5_000): Promise<ProbeOutcome> {
        const runtime = await executor.inspect(task.id, signal);
        if (runtime === null) return expect.fail("it was started");
        return await executor.probe(runtime, probe, { timeoutMs, signal });
      }

      /** The server may take a while to listen. */
      async function untilOk(task: ExecutorTask, probe: Probe): Promise<void> {
        const until = realEnv.now() + STARTUP_MS;
        let outcome = await ask(task, probe);
        while (!outcome.isOk && realEnv.now() < until) {
          await sleep(realEnv, 50);
          outcome = await ask(task, probe);
        }
        expect(outcome.isOk, outcome.message).to.equal(true);
      }

      it("probes by HTTP and by connecting, and says what was wrong", async () => {
        const task = await running({ kind: "web" }, { ports: [0] });
        const http = { port: 8080, path: "/ready", headers: {} };
        await untilOk(task, { http });
        expect((await ask(task, { tcp: { port: 8080 } })).isOk).to.equal(true);
        const missing = await ask(task, { http: { ...http, path: "/nothing" } });
        expect(missing).to.deep.include({ isOk: false });
        expect(missing.message).to.include("404");
        const closed = await ask(task, { tcp: { port: 9 } });
        expect(closed.isOk).to.equal(false);
        expect(closed.message).to.include("refused");
      });

      it("probes by a command, and says how it ended", async () => {
        const task = await running({ kind: "serve" });
        const command = (...words: string[]): Probe => ({ command: { command: words } });
        expect((await ask(task, command("true"))).isOk).to.equal(true);
        const broken = await ask(task, command("sh", "-c", "echo broken; exit 3"));
        expect(broken.isOk).to.equal(false);
        expect(broken.message).to.include("code 3").and.include("broken");
        expect((await ask(task, command("no-such-program"))).isOk).to.equal(false);
      });

      it("gives up a probe that takes too long", async () => {
        const task = await running({ kind: "serve" });
        for (let times = 0; times < 2; times++) {
          const slow = await ask(task, { command: { command: ["sleep", "30"] } }, 300);
          expect(slow.isOk, "a second one does not wait for the first").to.equal(false);
        }
      });

      it("has a probe of what ended fail, whatever it asks", async () => {
        const task = await running({ kind: "web" }, { ports: [0] });
        const runtime = await executor.inspect(task.id, signal);
        if (runtime === null) return expect.fail("it was started");
        await harness.killOutside(runtime);
        await untilExited(executor, task.id);
        for (const probe of [{ tcp: { port: 8080 } }, { command: { command: ["true"] } }]) {
          const outcome = await executor.probe(runtime, probe, { timeoutMs: 1_000, signal });
          expect(outcome.isOk, JSON.stringify(outcome)).to.equal(false);
        }
      });
    }

    function ownership(): void {
      it("neither sees nor touches what another node or cluster owns", async () => {
        const task = await running({ kind: "serve" });
        for (const owner of [
          { ...harness.owner, nodeId: `${harness.owner.nodeId}x` },
          { ...harness.owner, clusterId: `${harness.owner.clusterId}x` },
        ]) {
          const stranger = await open(owner);
          expect((await stranger.list(signal)).map(({ taskId }) => taskId)).to.not.include(task.id);
          expect(await stranger.inspect(task.id, signal)).to.equal(null);
          await stranger.stopTask(task, signal);
          await stranger.removeTask(task.id, signal);
        }
        expect((await executor.inspect(task.id, signal))?.state).to.equal("running");
      });
    }

    function outages(): void {
      for (const kind of ["hung", "cut"] as const) {
        it(`an engine that is ${kind} makes calls unavailable, and nothing else`, async () => {
          const task = await running({ kind: "serve" });
          const before = await executor.inspect(task.id, signal);
          harness.outage(kind);
          await untilHealth(executor, false);
          expect(executor.health().message).to.not.equal("");
          if (before === null) return expect.fail("it was started");
          const probe = { command: { command: ["true"] } };
          for (const call of [
            executor.probe(before, probe, { timeoutMs: 1_000, signal }),
            executor.inspect(task.id, signal),
            executor.list(signal),
            executor.startTask(task, signal),
            executor.stopTask(task, signal),
          ]) {
            const error = await rejected(call);
            expect(isAppError(error, "unavailable"), String(error)).to.equal(true);
          }
          const told = until(executor, task.id, (state) => state?.state === "running");
          harness.outage("none");
          await untilHealth(executor, true);
          expect(await told).to.deep.equal(before);
        });
      }

      it("tells of what ended while the engine did not answer", async () => {
        const task = await running({ kind: "exit", code: 5, afterMs: 1_500 });
        harness.outage("cut");
        await untilHealth(executor, false);
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        const seen = untilExited(executor, task.id, STARTUP_MS);
        harness.outage("none");
        expect((await seen).exitCode).to.equal(5);
      });
    }
  });
}

async function rejected(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    () => expect.fail("it was expected to fail"),
    (error: unknown) => error,
  );
}

function memoryUsed(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
