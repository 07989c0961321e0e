import { expect } from "chai";
import { _shoal_v1_Task_State as NAMES } from "../../../src/proto/gen/Task.ts";
import { codec } from "../../../src/proto/load.ts";
import {
  canRaise,
  endedByItself,
  holdsResources,
  isHealthy,
  isReady,
  isRunningOrLess,
  isTerminal,
  TASK_STATE_NUMBER,
} from "../../../src/model/task-state.ts";
import type { TaskState } from "../../../src/model/index.ts";
import { task } from "../../support/loops/objects.ts";

const STATES = Object.keys(NAMES) as TaskState[];

describe("model/task-state", () => {
  it("has the numbers that are on the wire", () => {
    const { encode, decode } = codec("Task");
    for (const state of STATES) {
      const byNumber = decode(encode({ id: "t", desired: TASK_STATE_NUMBER[state] as never }));
      expect(byNumber.desired).to.equal(state);
    }
    expect(Object.keys(TASK_STATE_NUMBER)).to.have.members(STATES);
  });

  it("splits at RUNNING into what may run and what has ended", () => {
    expect(STATES.filter(isRunningOrLess)).to.deep.equal(STATES.slice(0, STATES.indexOf("RUNNING") + 1));
    for (const state of STATES) expect(isTerminal(state)).to.equal(!isRunningOrLess(state));
  });

  it("only ever raises", () => {
    expect(canRaise("READY", "RUNNING")).to.equal(true);
    expect(canRaise("RUNNING", "RUNNING")).to.equal(false);
    expect(canRaise("SHUTDOWN", "RUNNING")).to.equal(false);
  });

  it("tells ends of a task's own from stops and losses", () => {
    const ended = (state: TaskState): boolean => endedByItself(task("t", { status: { state } }));
    expect(STATES.filter(ended)).to.deep.equal(["COMPLETE", "FAILED", "REJECTED"]);
  });

  it("holds resources from assignment to end", () => {
    expect(holdsResources(task("t", { status: { state: "PENDING" } }))).to.equal(false);
    expect(holdsResources(task("t", { nodeId: "n", status: { state: "ASSIGNED" } }))).to.equal(true);
    expect(holdsResources(task("t", { nodeId: "n", desired: "SHUTDOWN", status: { state: "RUNNING" } }))).to.equal(
      true,
    );
    expect(holdsResources(task("t", { nodeId: "n", status: { state: "FAILED" } }))).to.equal(false);
  });

  it("is healthy only while it runs and its health check passes", () => {
    expect(isHealthy(task("t", { status: { state: "RUNNING", healthy: true } }))).to.equal(true);
    expect(isHealthy(task("t", { status: { state: "RUNNING", healthy: false } }))).to.equal(false);
    expect(isHealthy(task("t", { status: { state: "STARTING", healthy: true } }))).to.equal(false);
  });

  it("is ready only while it runs, is healthy, and its readiness check passes", () => {
    const ready = { state: "RUNNING", healthy: true, ready: true } as const;
    expect(isReady(task("t", { status: ready }))).to.equal(true);
    expect(isReady(task("t", { status: { ...ready, ready: false } }))).to.equal(false);
    expect(isReady(task("t", { status: { ...ready, healthy: false } }))).to.equal(false);
    expect(isReady(task("t", { status: { ...ready, state: "STARTING" } }))).to.equal(false);
    expect(isReady(task("t", { status: { ...ready, state: "FAILED" } }))).to.equal(false);
  });
});
