// Startup, readiness and liveness checks through the whole agent, on a fake engine in simulated time.
import { expect } from "chai";
import { PROBES_MAX } from "../../../src/agent/probe-places.ts";
import type { TaskSpec, TaskStatus } from "../../../src/model/index.ts";
import type { CheckInput } from "../../../src/proto/gen/Check.ts";
import type { TaskChecksInput } from "../../../src/proto/gen/TaskChecks.ts";
import { aSpec, anAssignment, completeSet } from "../../support/agent-fixtures.ts";
import { WorkerHarness } from "../../support/agent-harness.ts";
import type { FakeProbe } from "../../support/fake-engine.ts";

const STARTUP_PORT = 1;
const READY_PORT = 2;
const LIVE_PORT = 3;

function every(port: number, part: CheckInput = {}): CheckInput {
  return { tcp: { port }, intervalMs: 1_000, timeoutMs: 500, failures: 2, successes: 1, ...part };
}

const ALL: TaskChecksInput = {
  startup: every(STARTUP_PORT),
  readiness: every(READY_PORT),
  liveness: every(LIVE_PORT),
};

function checked(checks: TaskChecksInput, restart: TaskSpec["restart"] = null): TaskSpec {
  return aSpec({ checks, restart });
}

/** A worker whose tasks answer by port as `answers` says; everything else is good. */
async function aWorker(answers: Record<number, FakeProbe>): Promise<WorkerHarness> {
  const h = new WorkerHarness(1, { probe: (_, { tcp }) => answers[tcp?.port ?? 0] ?? { isOk: true } });
  await h.start();
  return h;
}

const bad = (message = "refused"): FakeProbe => ({ isOk: false, message });
const status = (h: WorkerHarness, id = "a"): TaskStatus => h.worker.statusOf(id)!;

async function untilStatus(h: WorkerHarness, part: Partial<TaskStatus>, id = "a"): Promise<void> {
  const is = (): boolean =>
    Object.entries(part).every(([key, value]) =>
      Object.entries(status(h, id)).some(([k, v]) => k === key && v === value),
    );
  await h.sim.runUntil(is, { timeoutMs: 30_000, what: JSON.stringify(part) });
}

function run(h: WorkerHarness, spec: TaskSpec, ...ids: string[]): void {
  h.apply(completeSet((ids.length === 0 ? ["a"] : ids).map((id) => anAssignment(id, {}, spec))));
}

describe("agent: checks of tasks", () => {
  it("hold a task in STARTING until it has started, and unready until it is ready", async () => {
    const answers = { [STARTUP_PORT]: bad("not yet"), [READY_PORT]: bad("status 503") };
    const h = await aWorker(answers);
    run(h, checked({ ...ALL, startup: every(STARTUP_PORT, { failures: 20 }) }));
    await untilStatus(h, { checkMessage: "startup check: not yet" });
    await h.sim.run(5_000);
    expect(status(h)).to.include({ state: "STARTING", healthy: false, ready: false });
    answers[STARTUP_PORT] = { isOk: true };
    await untilStatus(h, { state: "RUNNING", healthy: true });
    expect(status(h).ready).to.equal(false);
    await untilStatus(h, { checkMessage: "readiness check: status 503" });
    answers[READY_PORT] = { isOk: true };
    await untilStatus(h, { ready: true, checkMessage: "" });
    expect(status(h)).to.include({ state: "RUNNING", error: "" });
    await h.stop();
  });

  it("without one leave a task as it was: ready as soon as it runs", async () => {
    const h = await aWorker({});
    run(h, aSpec());
    await h.until("a", "RUNNING");
    expect(status(h)).to.include({ healthy: true, ready: true });
    const { calls } = h.engine;
    await h.sim.run(10_000);
    expect(h.engine.calls - calls, "nothing is asked of it").to.equal(0);
    await h.stop();
  });

  it("take a task out of the ready ones and back, and leave it running", async () => {
    const answers: Record<number, FakeProbe> = {};
    const h = await aWorker(answers);
    run(h, checked({ readiness: every(READY_PORT) }));
    await untilStatus(h, { ready: true });
    answers[READY_PORT] = bad();
    await untilStatus(h, { ready: false, checkMessage: "readiness check: refused" });
    answers[READY_PORT] = { isOk: true };
    await untilStatus(h, { ready: true });
    expect(h.engine.container("a")?.starts).to.equal(1);
    expect(status(h).state).to.equal("RUNNING");
    await h.stop();
  });

  for (const [name, port, answer, says] of [
    ["startup", STARTUP_PORT, bad(), "startup check failed: refused"],
    ["liveness", LIVE_PORT, bad("status 500"), "liveness check failed: status 500"],
    ["liveness", LIVE_PORT, { isOk: true, tookMs: 60_000 }, "liveness check failed: no answer within 500 ms"],
  ] as const) {
    it(`end a task that fails its ${name} check, and say so: ${says}`, async () => {
      const h = await aWorker({ [port]: answer });
      run(h, checked(ALL));
      await h.until("a", "FAILED");
      expect(status(h)).to.include({ error: says, healthy: false, ready: false, checkMessage: "", exitCode: 143 });
      expect(h.engine.container("a")?.state.state).to.equal("exited");
      const { calls } = h.engine;
      await h.sim.run(10_000);
      expect(h.engine.calls - calls, "it is not asked any more").to.equal(0);
      await h.stop();
    });
  }

  it("say nothing of a task while its engine does not answer", async () => {
    const h = await aWorker({});
    run(h, checked(ALL));
    await untilStatus(h, { ready: true });
    for (const outage of ["hung", "refused"] as const) {
      h.engine.setOutage(outage);
      await h.sim.run(20_000);
      h.engine.setOutage("none");
      await h.sim.run(5_000);
      expect(status(h), outage).to.include({ state: "RUNNING", ready: true, error: "" });
    }
    expect(h.engine.container("a")?.starts).to.equal(1);
    await h.stop();
  });

  it("begin anew with a container that is started again after the engine was away", async () => {
    const answers: Record<number, FakeProbe> = {};
    const h = await aWorker(answers);
    run(h, checked({ ...ALL, startup: every(STARTUP_PORT, { failures: 60 }) }));
    await untilStatus(h, { ready: true });
    answers[STARTUP_PORT] = bad("not yet");
    h.engine.restart(3_000);
    await untilStatus(h, { ready: false, checkMessage: "startup check: not yet" });
    expect(status(h)).to.include({ state: "RUNNING", healthy: false, error: "" });
    expect(h.engine.container("a")?.starts).to.equal(2);
    answers[STARTUP_PORT] = { isOk: true };
    await untilStatus(h, { healthy: true, ready: true });
    await h.stop();
  });

  it("that fail because the engine goes down end nothing: its containers end first", async () => {
    const h = await aWorker({});
    run(h, checked({ liveness: every(LIVE_PORT, { intervalMs: 100 }) }));
    await untilStatus(h, { ready: true });
    // Ports are not asked through the engine: they are closed before it says a word.
    let refused = 0;
    h.run.executor.probe = async ({ taskId }) => {
      const isOk = h.engine.container(taskId)?.state.state === "running";
      if (!isOk) refused += 1;
      return { isOk, message: isOk ? "" : "connection refused" };
    };
    h.engine.behaviour.noticeMs = 2_000;
    h.engine.restart(3_000);
    await h.sim.run(20_000);
    expect(refused).to.be.at.least(2);
    expect(status(h)).to.include({ state: "RUNNING", ready: true, error: "" });
    expect(h.engine.container("a")?.starts).to.equal(2);
    await h.stop();
  });

  it("go on after a restart of the agent: a ready task stays ready, a started one is not asked whether it has", async () => {
    const answers: Record<number, FakeProbe> = {};
    const h = await aWorker(answers);
    run(h, checked(ALL));
    await untilStatus(h, { ready: true });
    await h.sim.run(100);
    h.crash();
    answers[STARTUP_PORT] = bad();
    await h.restart();
    await h.sim.run(10_000);
    expect(status(h)).to.include({ state: "RUNNING", healthy: true, ready: true });
    expect(h.run.reports.every(({ status: told }) => told?.ready === true)).to.equal(true);
    answers[LIVE_PORT] = bad();
    await h.until("a", "FAILED");
    await h.stop();
  });

  it("of many tasks are made a few at once, and each has its whole time", async () => {
    const h = await aWorker({ [READY_PORT]: { isOk: true, tookMs: 400 } });
    const ids = Array.from({ length: 3 * PROBES_MAX }, (_, at) => `task${at}`);
    let underWay = 0;
    let most = 0;
    const { probe } = h.run.executor;
    h.run.executor.probe = async (...args) => {
      underWay += 1;
      most = Math.max(most, underWay);
      return await probe.apply(h.run.executor, args).finally(() => (underWay -= 1));
    };
    run(h, checked({ readiness: every(READY_PORT, { failures: 1 }) }), ...ids);
    for (const id of ids) await untilStatus(h, { ready: true }, id);
    await h.sim.run(10_000);
    expect(most).to.equal(PROBES_MAX);
    expect(h.run.reports.every(({ status: told }) => told?.checkMessage === "")).to.equal(true);
    await h.stop();
  });

  it("of a service that all hang delay nobody else's", async () => {
    const [hanging, timeoutMs] = [2 * PROBES_MAX, 60_000];
    const h = await aWorker({ [LIVE_PORT]: { isOk: true, tookMs: 2 * timeoutMs } });
    const stuck = checked({ liveness: every(LIVE_PORT, { timeoutMs }) });
    const stuckOnes = Array.from({ length: hanging }, (_, at) => anAssignment(`stuck${at}`, {}, stuck));
    h.apply(completeSet(stuckOnes));
    for (let at = 0; at < hanging; at += 1) await h.until(`stuck${at}`, "RUNNING");
    await h.sim.run(2_000);
    const other = checked({ readiness: every(READY_PORT), liveness: every(STARTUP_PORT) });
    const others = ["a", "b"].map((id) => anAssignment(id, { serviceId: "other" }, other));
    h.apply(completeSet([...stuckOnes, ...others]));
    for (const id of ["a", "b"]) await h.until(id, "RUNNING");
    const runningAt = h.sim.now;
    for (const id of ["a", "b"]) await untilStatus(h, { ready: true }, id);
    expect(h.sim.now - runningAt).to.be.below(timeoutMs / 20);
    await h.stop();
  });

  it("do not keep a task from being stopped, and end with it", async () => {
    const h = await aWorker({ [READY_PORT]: { isOk: true, tookMs: 400 } });
    run(h, checked({ readiness: every(READY_PORT) }));
    await h.until("a", "RUNNING");
    h.apply(completeSet([anAssignment("a", { desired: "SHUTDOWN" }, checked(ALL))]));
    await h.until("a", "SHUTDOWN");
    expect(status(h)).to.include({ healthy: false, ready: false });
    const { calls } = h.engine;
    await h.sim.run(10_000);
    expect(h.engine.calls - calls).to.equal(0);
    await h.stop();
  });
});
