import { expect } from "chai";
import { Deaths } from "../../../../../src/agent/executor/docker/deaths.ts";
import type { TaskEvent } from "../../../../../src/agent/executor/docker/events.ts";
import type { ContainerInfo } from "../../../../../src/agent/executor/docker/runtime-state.ts";

const STARTED = Date.parse("2026-03-01T10:00:00Z");

function info(status: string, memory = 0): ContainerInfo {
  return {
    Id: "c1",
    State: {
      Status: status,
      OOMKilled: false,
      ExitCode: 0,
      Error: "",
      StartedAt: "2026-03-01T10:00:00Z",
      FinishedAt: "0001-01-01T00:00:00Z",
    },
    Config: { Labels: null },
    HostConfig: { Memory: memory },
    NetworkSettings: {},
  };
}

function event(action: string, more: Partial<TaskEvent> = {}): TaskEvent {
  return { taskId: "t1", containerId: "c1", action, exitCode: null, timeMs: STARTED + 5_000, ...more };
}

const died = event("die", { exitCode: 137 });

function running(memory = 0): Deaths {
  const deaths = new Deaths();
  deaths.inspected("t1", info("running", memory));
  return deaths;
}

describe("agent/executor/docker/deaths", () => {
  it("knows the end of a container that was seen running, by the event alone", () => {
    const deaths = running();
    deaths.event(died);
    expect(deaths.of("t1")).to.deep.include({
      state: "exited",
      runtimeId: "c1",
      exitCode: 137,
      startedAtMs: STARTED,
      finishedAtMs: STARTED + 5_000,
      health: "none",
      ports: [],
    });
  });

  const asked: [string, (deaths: Deaths) => void][] = [
    ["it was not seen running", (deaths) => (deaths.inspected("t1", info("created")), deaths.event(died))],
    ["another container of the task died", (deaths) => deaths.event({ ...died, containerId: "c0" })],
    ["the event has no exit code", (deaths) => deaths.event(event("die"))],
    ["it was started again since", (deaths) => (deaths.event(died), deaths.event(event("start")))],
    ["it was inspected since", (deaths) => (deaths.event(died), deaths.inspected("t1", info("running")))],
    ["it was removed", (deaths) => (deaths.event(died), deaths.forget("t1"))],
    ["the engine was away since", (deaths) => (deaths.event(died), deaths.clear())],
  ];
  for (const [why, happens] of asked) {
    it(`leaves it to an inspect when ${why}`, () => {
      const deaths = running();
      happens(deaths);
      expect(deaths.of("t1")).to.equal(null);
    });
  }

  it("leaves it to an inspect whether a container with a memory limit ran out of it", () => {
    const deaths = running(64 * 1024 * 1024);
    deaths.event(died);
    expect(deaths.of("t1")).to.equal(null);
  });
});
