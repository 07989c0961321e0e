import { expect } from "chai";
import fc from "fast-check";
import { NOT_CHECKED_YET, UNCHECKED, type CheckVerdicts } from "../../../src/agent/check-set.ts";
import type { RuntimeState } from "../../../src/agent/executor/executor.ts";
import { HEALTH_CHECK_FAILED, nextStep, RETRY_MS, type StepInput, type TaskOp } from "../../../src/agent/task.ts";
import { compareStates, isTerminal, TASK_STATE_NUMBER } from "../../../src/model/task-state.ts";
import type { TaskState, TaskStatus } from "../../../src/model/index.ts";
import { AppError } from "../../../src/util/errors.ts";
import { aCheckedSpec, aSpec, aStatus } from "../../support/agent-fixtures.ts";

function runtime(change: Partial<RuntimeState>): RuntimeState {
  return {
    taskId: "t1",
    state: "running",
    runtimeId: "c1",
    health: "none",
    exitCode: null,
    error: "",
    ports: [],
    startedAtMs: 1000,
    finishedAtMs: 0,
    ...change,
  };
}

function step(change: Partial<Omit<StepInput, "status">> & { state: TaskState; status?: Partial<TaskStatus> }): {
  state: TaskState;
  error: string;
  message: string;
  op: TaskOp;
  retryInMs: number | null;
  status: TaskStatus;
} {
  const { state, status: more, ...rest } = change;
  const before = { ...aStatus({ state }), ...more };
  const result = nextStep({
    desired: "RUNNING",
    spec: aSpec(),
    runtime: "unknown",
    checks: UNCHECKED,
    failure: null,
    engineWasAway: false,
    isHeld: false,
    ending: "",
    ...rest,
    status: before,
  });
  const after = result.status ?? before;
  const { op, retryInMs } = result;
  return { state: after.state, error: after.error, message: after.message, op, retryInMs, status: after };
}

const exited = (exitCode: number | null, error = ""): RuntimeState =>
  runtime({ state: "exited", exitCode, error, finishedAtMs: 2000 });
const created = runtime({ state: "created", startedAtMs: 0 });

describe("agent/task", () => {
  const table: [name: string, input: Parameters<typeof step>[0], state: TaskState, op: TaskOp][] = [
    ["accepts what is assigned", { state: "ASSIGNED" }, "ACCEPTED", "none"],
    ["begins to prepare", { state: "ACCEPTED" }, "PREPARING", "none"],
    ["looks before it prepares", { state: "PREPARING" }, "PREPARING", "inspect"],
    ["prepares what does not exist", { state: "PREPARING", runtime: null }, "PREPARING", "prepare"],
    ["is ready once created", { state: "PREPARING", runtime: created }, "READY", "none"],
    ["waits in READY while no more is wanted", { state: "READY", runtime: created, desired: "READY" }, "READY", "none"],
    ["leaves READY when RUNNING is wanted", { state: "READY", runtime: created }, "STARTING", "none"],
    ["prepares again what vanished before its start", { state: "READY", runtime: null }, "READY", "prepare"],
    ["starts what is created", { state: "STARTING", runtime: created }, "STARTING", "start"],
    ["runs once started without a check", { state: "STARTING", runtime: runtime({}) }, "RUNNING", "none"],
    ["waits for health", { state: "STARTING", runtime: runtime({ health: "starting" }) }, "STARTING", "none"],
    ["runs once healthy", { state: "STARTING", runtime: runtime({ health: "healthy" }) }, "RUNNING", "none"],
    ["completes on exit 0", { state: "RUNNING", runtime: exited(0) }, "COMPLETE", "none"],
    ["fails on another exit", { state: "RUNNING", runtime: exited(3) }, "FAILED", "none"],
    [
      "fails on exit 0 with an error",
      { state: "RUNNING", runtime: exited(0, "killed: out of memory") },
      "FAILED",
      "none",
    ],
    ["fails when the exit code is unknown", { state: "RUNNING", runtime: exited(null) }, "FAILED", "none"],
    ["fails when it vanished", { state: "RUNNING", runtime: null }, "FAILED", "none"],
    ["fails when it vanished while starting", { state: "STARTING", runtime: null }, "FAILED", "none"],
    [
      "stops what is unhealthy first",
      { state: "RUNNING", runtime: runtime({ health: "unhealthy" }) },
      "RUNNING",
      "stop",
    ],
    [
      "stops what never got healthy",
      { state: "STARTING", runtime: runtime({ health: "unhealthy" }) },
      "STARTING",
      "stop",
    ],
    ["stops what runs when told", { state: "RUNNING", runtime: runtime({}), desired: "SHUTDOWN" }, "RUNNING", "stop"],
    ["is shut down once exited", { state: "RUNNING", runtime: exited(143), desired: "SHUTDOWN" }, "SHUTDOWN", "none"],
    ["is shut down when nothing exists", { state: "ASSIGNED", runtime: null, desired: "SHUTDOWN" }, "SHUTDOWN", "none"],
    ["is shut down when it never started", { state: "READY", runtime: created, desired: "REMOVE" }, "SHUTDOWN", "none"],
    ["looks before it says shut down", { state: "PREPARING", desired: "SHUTDOWN" }, "PREPARING", "inspect"],
    ["looks whether what is over still runs", { state: "FAILED" }, "FAILED", "inspect"],
    ["stops what runs although it is over", { state: "FAILED", runtime: runtime({}) }, "FAILED", "stop"],
    ["leaves what is over alone", { state: "FAILED", runtime: exited(1) }, "FAILED", "none"],
    [
      "starts again what the engine stopped",
      { state: "RUNNING", runtime: exited(137), engineWasAway: true },
      "RUNNING",
      "start",
    ],
    [
      "starts again what stopped in order",
      { state: "RUNNING", runtime: exited(0), engineWasAway: true },
      "RUNNING",
      "start",
    ],
    [
      "makes again what the engine lost",
      { state: "RUNNING", runtime: null, engineWasAway: true },
      "RUNNING",
      "prepare",
    ],
    ["starts what it made again", { state: "RUNNING", runtime: created, engineWasAway: true }, "RUNNING", "start"],
    [
      "keeps what survived the engine",
      { state: "RUNNING", runtime: runtime({}), engineWasAway: true },
      "RUNNING",
      "none",
    ],
    [
      "starts nothing while held",
      { state: "RUNNING", runtime: exited(0), engineWasAway: true, isHeld: true },
      "RUNNING",
      "none",
    ],
    ["prepares nothing while held", { state: "PREPARING", runtime: null, isHeld: true }, "PREPARING", "none"],
    ["rejects a task without a spec", { state: "ACCEPTED", spec: null }, "REJECTED", "none"],
  ];
  for (const [name, input, state, op] of table) {
    it(name, () => {
      expect(step(input)).to.include({ state, op });
    });
  }

  it("records id, ports and start of what runs", () => {
    const ports = [{ target: 80, published: 30001, protocol: "TCP" as const, hostIp: "" }];
    const { status } = step({ state: "STARTING", runtime: runtime({ ports }) });
    expect(status).to.deep.include({ runtimeId: "c1", ports, startedAtMs: 1000, healthy: true, message: "running" });
  });

  it("says nothing new of a task that goes on as before", () => {
    const running = step({ state: "STARTING", runtime: runtime({}) }).status;
    const input: StepInput = {
      desired: "RUNNING",
      spec: aSpec(),
      status: running,
      runtime: runtime({}),
      checks: UNCHECKED,
      failure: null,
      engineWasAway: false,
      isHeld: false,
      ending: "",
    };
    expect(nextStep(input)).to.deep.equal({ status: null, op: "none", retryInMs: null });
  });

  it("reports that a running task's check fails no longer, without changing its state", () => {
    const starting = step({ state: "RUNNING", runtime: runtime({ health: "starting" }), spec: aCheckedSpec() });
    expect(starting.status).to.include({ state: "RUNNING", healthy: false });
    const healthy = step({ state: "RUNNING", status: starting.status, runtime: runtime({ health: "healthy" }) });
    expect(healthy.status).to.include({ state: "RUNNING", healthy: true });
  });

  it("gives exit code, reason and end of what failed", () => {
    const { status } = step({ state: "RUNNING", runtime: exited(137, "killed: out of memory") });
    expect(status).to.include({
      exitCode: 137,
      finishedAtMs: 2000,
      healthy: false,
      error: "exited with code 137: killed: out of memory",
    });
  });

  it("fails an unhealthy task for its health, whatever its exit code", () => {
    const doomed = step({ state: "RUNNING", runtime: runtime({ health: "unhealthy" }) });
    expect(doomed.status).to.include({ state: "RUNNING", error: HEALTH_CHECK_FAILED, healthy: false });
    const again = step({ state: "RUNNING", status: doomed.status, runtime: runtime({ health: "healthy" }) });
    expect(again.op, "a check that passes during the stop saves nothing").to.equal("stop");
    const after = step({ state: "RUNNING", status: doomed.status, runtime: exited(0), engineWasAway: true });
    expect(after).to.include({ state: "FAILED", error: HEALTH_CHECK_FAILED });
  });

  it("waits for the startup check before it counts as running", () => {
    const message = "startup check: refused";
    const waiting = step({ state: "STARTING", runtime: runtime({}), checks: { ...NOT_CHECKED_YET, message } });
    expect(waiting.status).to.include({ state: "STARTING", healthy: false, ready: false, checkMessage: message });
    const up = step({ state: "STARTING", status: waiting.status, runtime: runtime({}) });
    expect(up.status).to.include({ state: "RUNNING", healthy: true, ready: true, checkMessage: "" });
  });

  it("is healthy and not ready while only its readiness check fails", () => {
    const checks = { isStarted: true, isReady: false, doom: "", message: "readiness check: status 503" };
    const { status } = step({ state: "STARTING", runtime: runtime({}), checks });
    expect(status).to.include({ state: "RUNNING", healthy: true, ready: false, checkMessage: checks.message });
  });

  it("fails a task for the check that doomed it, whatever its exit code", () => {
    const doom = "liveness check failed: status 500";
    const doomed = step({ state: "RUNNING", runtime: runtime({}), checks: { ...UNCHECKED, doom } });
    expect(doomed).to.include({ state: "RUNNING", error: doom, op: "stop" });
    expect(doomed.status.ready).to.equal(false);
    const after = step({ state: "RUNNING", status: doomed.status, runtime: exited(0), engineWasAway: true });
    expect(after).to.include({ state: "FAILED", error: doom });
    const gone = step({ state: "RUNNING", status: doomed.status, runtime: null, engineWasAway: true });
    expect(gone).to.include({ state: "FAILED", error: doom, op: "none" });
  });

  it("tells honestly that something else removed a running container", () => {
    expect(step({ state: "RUNNING", runtime: null }).error).to.equal(
      "Its container is gone: something other than shoal removed it",
    );
  });

  for (const state of ["PREPARING", "READY", "STARTING", "RUNNING"] as const) {
    it(`does not fail a task in ${state} for an engine that does not answer`, () => {
      for (const op of ["inspect", "prepare", "start", "stop"] as const) {
        const failure = { op, error: new AppError("unavailable", "no answer") };
        expect(step({ state, failure }), op).to.include({ state, op: "none", retryInMs: RETRY_MS });
      }
    });
  }

  it("rejects before STARTING and fails from there on", () => {
    const error = new AppError("not-found", "No such image: nope");
    expect(step({ state: "PREPARING", failure: { op: "prepare", error } })).to.include({
      state: "REJECTED",
      error: error.message,
    });
    expect(step({ state: "READY", failure: { op: "prepare", error } })).to.include({ state: "REJECTED" });
    expect(step({ state: "STARTING", failure: { op: "start", error } })).to.include({
      state: "FAILED",
      error: error.message,
    });
    expect(step({ state: "RUNNING", failure: { op: "prepare", error } })).to.include({ state: "FAILED" });
  });

  it("tries a stop again for ever: what runs is never called shut down", () => {
    const failure = { op: "stop" as const, error: new AppError("internal", "busy") };
    const result = step({ state: "RUNNING", desired: "SHUTDOWN", failure });
    expect(result).to.include({
      state: "RUNNING",
      op: "none",
      retryInMs: RETRY_MS,
      message: "cannot stop it yet: busy",
    });
  });

  it("does not reject what is to be shut down for a prepare that failed", () => {
    const failure = { op: "prepare" as const, error: new AppError("not-found", "No such image") };
    expect(step({ state: "PREPARING", desired: "SHUTDOWN", failure })).to.include({
      state: "PREPARING",
      op: "inspect",
    });
  });

  it("does not repeat a task that is to run once, although the engine was away", () => {
    const once = aSpec({ restart: { condition: "NONE" } });
    const onFailure = aSpec({ restart: { condition: "ON_FAILURE" } });
    const away = { state: "RUNNING", engineWasAway: true } as const;
    expect(step({ ...away, spec: once, runtime: exited(137) })).to.include({ state: "FAILED", op: "none" });
    expect(step({ ...away, spec: once, runtime: null })).to.include({ state: "FAILED", op: "none" });
    expect(step({ ...away, spec: onFailure, runtime: exited(0) })).to.include({ state: "COMPLETE", op: "none" });
    expect(step({ ...away, spec: onFailure, runtime: exited(137) })).to.include({ state: "RUNNING", op: "start" });
  });
});

describe("agent/task properties", () => {
  const states = Object.keys(TASK_STATE_NUMBER) as TaskState[];
  const inputs: fc.Arbitrary<StepInput> = fc.record({
    desired: fc.constantFrom<TaskState>("READY", "RUNNING", "COMPLETE", "SHUTDOWN", "REMOVE"),
    spec: fc.constantFrom(aSpec(), aCheckedSpec(), aSpec({ restart: { condition: "NONE" } }), null),
    status: fc
      .record({ state: fc.constantFrom(...states), error: fc.constantFrom("", HEALTH_CHECK_FAILED) })
      .map(aStatus),
    checks: fc.constantFrom<CheckVerdicts>(
      UNCHECKED,
      NOT_CHECKED_YET,
      { isStarted: true, isReady: false, doom: "", message: "readiness check: no" },
      { isStarted: true, isReady: true, doom: "liveness check failed", message: "" },
    ),
    runtime: fc.oneof(
      fc.constant<"unknown">("unknown"),
      fc.constant(null),
      fc
        .record({
          state: fc.constantFrom("created" as const, "running" as const, "exited" as const),
          health: fc.constantFrom("none" as const, "starting" as const, "healthy" as const, "unhealthy" as const),
          exitCode: fc.constantFrom(null, 0, 1, 137),
        })
        .map(runtime),
    ),
    failure: fc.oneof(
      fc.constant(null),
      fc.record({
        op: fc.constantFrom<TaskOp>("inspect", "prepare", "start", "stop"),
        error: fc
          .constantFrom("unavailable" as const, "not-found" as const, "cancelled" as const)
          .map((code) => new AppError(code, "x")),
      }),
    ),
    engineWasAway: fc.boolean(),
    isHeld: fc.boolean(),
    ending: fc.constantFrom("", "no manager was in reach"),
  });

  it("never lowers the observed state", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const { status } = nextStep(input);
        if (status !== null) expect(compareStates(status.state, input.status.state)).to.be.at.least(0);
      }),
      { numRuns: 3000 },
    );
  });

  it("settles: a chain of statuses without an operation ends", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        let current = input;
        for (let at = 0; at < 10; at++) {
          const { status, op, retryInMs } = nextStep(current);
          if (status === null || op !== "none" || retryInMs !== null) return;
          current = { ...current, status, failure: null };
        }
        expect.fail("it did not settle");
      }),
      { numRuns: 3000 },
    );
  });

  it("starts nothing that is over, unwanted or held, and stops nothing that is wanted and healthy", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const { op } = nextStep(input);
        const isUnwanted =
          compareStates(input.desired, "SHUTDOWN") >= 0 ||
          isTerminal(input.status.state) ||
          input.isHeld ||
          input.ending !== "";
        if (op === "prepare" || op === "start") expect(isUnwanted).to.equal(false);
        if (op !== "stop" || input.runtime === "unknown" || input.runtime === null) return;
        const { health } = input.runtime;
        const isDoomed = health === "unhealthy" || input.checks.doom !== "" || input.status.error !== "";
        const isOver = compareStates(input.desired, "SHUTDOWN") >= 0 || isTerminal(input.status.state);
        expect(isDoomed || isOver || input.ending !== "").to.equal(true);
      }),
      { numRuns: 3000 },
    );
  });

  it("never fails a task for what it has not seen", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        if (input.failure !== null || input.spec === null || input.runtime !== "unknown") return;
        const { status } = nextStep(input);
        if (status !== null && !isTerminal(input.status.state)) expect(isTerminal(status.state)).to.equal(false);
      }),
      { numRuns: 2000 },
    );
  });
});
