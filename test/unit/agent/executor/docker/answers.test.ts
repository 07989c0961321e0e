// What the engine's answers mean: states, events, errors, descriptions.
import { expect } from "chai";
import { describeEngine, parseInfo } from "../../../../../src/agent/executor/docker/description.ts";
import { callFailure, statusOf } from "../../../../../src/agent/executor/docker/engine-error.ts";
import { EventLines, type TaskEvent } from "../../../../../src/agent/executor/docker/events.ts";
import {
  isOwned,
  mayHaveRunOutOfMemory,
  portsOf,
  runtimeState,
  type ContainerInfo,
} from "../../../../../src/agent/executor/docker/runtime-state.ts";
import { AppError } from "../../../../../src/util/errors.ts";

const STATE: ContainerInfo["State"] = {
  Status: "running",
  OOMKilled: false,
  ExitCode: 0,
  Error: "",
  StartedAt: "2026-03-01T10:00:00.5Z",
  FinishedAt: "0001-01-01T00:00:00Z",
};

function info(state: Partial<ContainerInfo["State"]>): ContainerInfo {
  return {
    Id: "abc",
    State: { ...STATE, ...state },
    Config: { Labels: {} },
    NetworkSettings: { Ports: { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "32768" }] } },
  };
}

describe("agent/executor/docker/runtime-state", () => {
  it("reads a running container", () => {
    expect(runtimeState("t1", info({}))).to.deep.equal({
      taskId: "t1",
      state: "running",
      runtimeId: "abc",
      health: "none",
      exitCode: null,
      error: "",
      ports: [{ target: 80, published: 32768, protocol: "TCP", hostIp: "" }],
      startedAtMs: Date.parse("2026-03-01T10:00:00.5Z"),
      finishedAtMs: 0,
    });
  });

  const phases = [
    ["created", "created"],
    ["running", "running"],
    ["paused", "running"],
    ["restarting", "running"],
    ["exited", "exited"],
    ["dead", "exited"],
    ["removing", "exited"],
  ] as const;
  for (const [status, state] of phases) {
    it(`takes ${status} for ${state}`, () => {
      expect(runtimeState("t1", info({ Status: status })).state).to.equal(state);
    });
  }

  it("shows an end with code, reason and time, and neither health nor ports", () => {
    const over = { Status: "exited", ExitCode: 137, OOMKilled: true, FinishedAt: "2026-03-01T10:00:02Z" };
    const seen = runtimeState("t1", info({ ...over, Health: { Status: "healthy" } }));
    expect([seen.exitCode, seen.error, seen.health, seen.ports]).to.deep.equal([
      137,
      "killed: out of memory",
      "none",
      [],
    ]);
    expect(seen.finishedAtMs).to.equal(Date.parse("2026-03-01T10:00:02Z"));
  });

  it("does not blame memory for an end by itself after a child was killed for it", () => {
    expect(runtimeState("t1", info({ Status: "exited", ExitCode: 1, OOMKilled: true })).error).to.equal("");
  });

  it("doubts an end by SIGKILL only under a memory limit that is not blamed yet", () => {
    const killed = info({ Status: "exited", ExitCode: 137 });
    const limited = { ...killed, HostConfig: { Memory: 8e6 } };
    expect(mayHaveRunOutOfMemory(limited)).to.equal(true);
    expect(mayHaveRunOutOfMemory(killed)).to.equal(false);
    expect(mayHaveRunOutOfMemory({ ...limited, State: { ...limited.State, OOMKilled: true } })).to.equal(false);
    expect(mayHaveRunOutOfMemory({ ...limited, State: { ...limited.State, ExitCode: 1 } })).to.equal(false);
  });

  it("has not started before it started", () => {
    expect(runtimeState("t1", info({ Status: "created", StartedAt: "0001-01-01T00:00:00Z" })).startedAtMs).to.equal(0);
  });

  it("reports the IPv4 number where the engine chose one per family", () => {
    const bindings = [
      { HostIp: "0.0.0.0", HostPort: "49153" },
      { HostIp: "::", HostPort: "49154" },
    ];
    expect(portsOf({ "53/udp": bindings, "9/sctp": bindings, "80/tcp": null })).to.deep.equal([
      { target: 53, published: 49153, protocol: "UDP", hostIp: "" },
    ]);
  });

  it("owns only what carries both labels", () => {
    const owner = { clusterId: "c", nodeId: "n", nodeName: "" };
    expect(isOwned(owner, { "shoal.cluster": "c", "shoal.node": "n" })).to.equal(true);
    expect(isOwned(owner, { "shoal.cluster": "c", "shoal.node": "m" })).to.equal(false);
    expect(isOwned(owner, { "shoal.node": "n" })).to.equal(false);
    expect(isOwned(owner, null)).to.equal(false);
  });
});

describe("agent/executor/docker/events", () => {
  const event = (taskId: string): string =>
    `${JSON.stringify({ Type: "container", Action: "die", Actor: { ID: "abc", Attributes: { "shoal.task": taskId } } })}\n`;

  it("reads events however the bytes arrive, and skips what names no task", () => {
    const bytes = Buffer.from(`${event("t1")}not json\n{"Action":"die"}\n${event("t2")}`);
    for (let size = 1; size < bytes.length; size += 7) {
      const seen: TaskEvent[] = [];
      const lines = new EventLines((one) => seen.push(one));
      for (let at = 0; at < bytes.length; at += size) lines.push(bytes.subarray(at, at + size));
      expect(seen.map(({ taskId }) => taskId)).to.deep.equal(["t1", "t2"]);
    }
  });

  it("gives up on a line without end", () => {
    const lines = new EventLines(() => undefined);
    expect(lines.push(Buffer.alloc(512 * 1024, "x"))).to.equal(true);
    expect(lines.push(Buffer.alloc(600 * 1024, "x"))).to.equal(false);
  });
});

describe("agent/executor/docker/engine-error", () => {
  function answered(statusCode: number, message: string): Error {
    return Object.assign(new Error(`(HTTP code ${statusCode}) server error - ${message} `), { statusCode });
  }

  const cases: readonly [string, Error, string][] = [
    ["a refused connection", Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }), "unavailable"],
    ["a deadline", new AppError("deadline", "it took too long"), "unavailable"],
    ["a cancel", new AppError("cancelled", "enough"), "cancelled"],
    ["status 400", answered(400, "invalid mount"), "invalid"],
    ["status 404", answered(404, "No such image"), "not-found"],
    ["status 409", answered(409, "name in use"), "conflict"],
    ["status 500", answered(500, "port is already allocated"), "precondition"],
    ["status 503", answered(503, "busy"), "unavailable"],
    ["an engine going down", answered(500, "daemon is shutting down"), "unavailable"],
    ["a containerd going down", answered(500, "ttrpc: closed: unknown"), "unavailable"],
  ];
  for (const [what, error, code] of cases) {
    it(`takes ${what} for ${code}`, () => {
      expect(callFailure("Creating", error).code).to.equal(code);
    });
  }

  it("keeps the engine's words without the library's, and its status", () => {
    const failure = callFailure("Starting", answered(500, "port is already allocated"));
    expect(failure.message).to.equal("Starting: port is already allocated");
    expect(statusOf(failure)).to.equal(500);
    expect(statusOf(new Error("none"))).to.equal(null);
  });
});

describe("agent/executor/docker/description", () => {
  it("describes the engine in our units", () => {
    const answer = {
      NCPU: 4,
      MemTotal: 8e9,
      OSType: "linux",
      Architecture: "x86_64",
      ServerVersion: "20.10.24",
      Labels: ["disk=ssd", "gpu"],
      GenericResources: [
        { NamedResourceSpec: { Kind: "gpu", Value: "UUID1" } },
        { NamedResourceSpec: { Kind: "gpu", Value: "UUID2" } },
        { DiscreteResourceSpec: { Kind: "licence", Value: 3 } },
      ],
      Runtimes: { runc: {}, nvidia: {} },
      DiscoveredDevices: [
        { Source: "cdi", ID: "nvidia.com/gpu=0" },
        { Source: "cdi", ID: "nvidia.com/gpu=1" },
      ],
      Plugins: { Log: ["json-file", "fluentd"] },
    };
    expect(describeEngine(parseInfo(answer), "e1")).to.deep.equal({
      runtimes: ["container"],
      resources: {
        nanoCpus: 4e9,
        memoryBytes: 8e9,
        generic: [
          { kind: "gpu", count: 0, names: ["UUID1", "UUID2"] },
          { kind: "licence", count: 3, names: [] },
        ],
      },
      os: "linux",
      architecture: "x86_64",
      engineId: "e1",
      engineVersion: "20.10.24",
      engineLabels: { disk: "ssd", gpu: "" },
      deviceDrivers: ["nvidia", "nvidia.com/gpu"],
      logDrivers: ["fluentd", "json-file"],
    });
  });

  const found: readonly [what: string, ids: string[], names: string[]][] = [
    [
      "one name a GPU, by its index",
      ["gpu=1", "gpu=GPU-b", "gpu=10", "gpu=GPU-a", "gpu=0", "gpu=all"],
      ["0", "1", "10"],
    ],
    ["ids where there is no index", ["gpu=all", "gpu=GPU-b", "gpu=GPU-a"], ["GPU-a", "GPU-b"]],
    ["none where only all of them have a name", ["gpu=all", "mem=0"], []],
  ];
  for (const [what, ids, names] of found) {
    it(`counts the GPUs that the engine has found: ${what}`, () => {
      const DiscoveredDevices = ids.map((id) => ({ Source: "cdi", ID: `nvidia.com/${id}` }));
      const { resources } = describeEngine(parseInfo({ DiscoveredDevices }), "e1");
      expect(resources.generic).to.deep.equal(names.length === 0 ? [] : [{ kind: "gpu", count: 0, names }]);
    });
  }

  it("counts no GPUs where those of two vendors may have one name", () => {
    const DiscoveredDevices = [{ ID: "nvidia.com/gpu=0" }, { ID: "amd.com/gpu=0" }];
    expect(describeEngine(parseInfo({ DiscoveredDevices }), "e1").resources.generic).to.deep.equal([]);
  });

  it("survives an answer that is none", () => {
    const { resources, deviceDrivers, logDrivers } = describeEngine(parseInfo("no"), "e1");
    expect(resources).to.deep.equal({ nanoCpus: 0, memoryBytes: 0, generic: [] });
    expect([deviceDrivers, logDrivers]).to.deep.equal([[], []]);
  });
});
