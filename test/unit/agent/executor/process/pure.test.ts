// The pure parts of the process executor: what it refuses, what a process gets, who is alive, what health is.
import { expect } from "chai";
import { healthCommand, healthRule } from "../../../../../src/agent/executor/process/health.ts";
import { addressOf } from "../../../../../src/agent/executor/process/probe.ts";
import {
  isAlive,
  parseIdentity,
  parseStat,
  readBoot,
  readStat,
} from "../../../../../src/agent/executor/process/proc.ts";
import { processEnv, processOf, signalNumber } from "../../../../../src/agent/executor/process/process-spec.ts";
import type { PortStatus, ProcessSpec, TaskSpec } from "../../../../../src/model/index.ts";
import { codec } from "../../../../../src/proto/load.ts";
import { isAppError } from "../../../../../src/util/errors.ts";
import { aTask } from "../../../../suites/executor-harness.ts";

const PROCESS: ProcessSpec = { ...codec("ProcessSpec").decode(new Uint8Array()), command: ["sleep", "1"] };

function pathOf(change: Partial<TaskSpec>): string | undefined {
  try {
    processOf(aTask("t1", (spec) => ({ ...spec, process: PROCESS, ...change })));
  } catch (error) {
    if (isAppError(error, "invalid")) return error.details.path;
    throw error;
  }
  return undefined;
}

describe("agent/executor/process/process-spec", () => {
  const none = { limits: null, reservations: null, pidsLimit: 0 };
  const refusals: readonly [string, Partial<TaskSpec>, string | undefined][] = [
    ["nothing wrong", {}, undefined],
    [
      "reservations, which the scheduler counts",
      { resources: { ...none, reservations: { nanoCpus: 1, memoryBytes: 1, generic: [] } } },
      undefined,
    ],
    ["a container", { process: null }, "spec.task.container"],
    ["no program", { process: { ...PROCESS, command: [] } }, "spec.task.process.command"],
    ["a relative folder", { process: { ...PROCESS, dir: "srv" } }, "spec.task.process.dir"],
    [
      "a CPU limit",
      { resources: { ...none, limits: { nanoCpus: 1, memoryBytes: 0, generic: [] } } },
      "spec.task.resources.limits.nanoCpus",
    ],
    [
      "a memory limit",
      { resources: { ...none, limits: { nanoCpus: 0, memoryBytes: 1, generic: [] } } },
      "spec.task.resources.limits.memoryBytes",
    ],
    ["a process limit", { resources: { ...none, pidsLimit: 9 } }, "spec.task.resources.pidsLimit"],
    ["a log driver", { log: { driver: "syslog", options: {} } }, "spec.task.log"],
  ];
  for (const [what, change, path] of refusals) {
    it(`${path === undefined ? "accepts" : "refuses"} ${what}`, () => {
      expect(pathOf(change)).to.equal(path);
    });
  }

  it("gives a process its own variables and its ports, and little of the agent's", () => {
    const task = aTask("t1", (spec) => spec);
    const ports = [{ target: 80, published: 4711, protocol: "TCP" as const, hostIp: "" }];
    const owner = { clusterId: "c1", nodeId: "n1", nodeName: "worker1" };
    const own = { PATH: "/opt/bin", HOME: "/root", SECRET: "x" };
    expect(
      processEnv(task, { ...PROCESS, env: ["A=b=c", "PATH=/bin", "SHOAL_NODE=mine"] }, { owner, ports, own }),
    ).to.deep.equal({
      PATH: "/bin",
      HOME: "/root",
      SHOAL_PORT_80: "4711",
      A: "b=c",
      SHOAL_SERVICE: "suite",
      SHOAL_TASK: "suite.1",
      SHOAL_SLOT: "1",
      SHOAL_NODE: "mine",
      SHOAL_TASK_ID: "t1",
    });
  });

  const known = { SIGTERM: 15, SIGINT: 2 };
  for (const [text, number] of [
    ["", 15],
    ["INT", 2],
    ["sigint", 2],
    ["9", 9],
  ] as const) {
    it(`takes "${text}" for signal ${number}`, () => {
      expect(signalNumber(text, known, "p")).to.equal(number);
    });
  }

  it("refuses what is no signal", () => {
    for (const text of ["SIGNOTHING", "0", "65", "1.5"]) {
      expect(() => signalNumber(text, known, "p")).to.throw(/not a signal/);
    }
  });
});

describe("agent/executor/process/proc", () => {
  it("reads a stat line whose name has spaces and parentheses", () => {
    const rest = Array.from({ length: 48 }, (_, at) => String(at + 5));
    // Fields 3 and 4 are state and parent; field 5 is the group, 6 the session, 22 the start time.
    expect(parseStat(`7 (a) b) S 1 ${rest.join(" ")}`)).to.deep.equal({
      state: "S",
      group: 5,
      session: 6,
      start: "22",
    });
    expect(parseStat("")).to.equal(null);
  });

  it("reads what a shim writes and nothing else", () => {
    expect(parseIdentity("12 345 ab-cd\n")).to.deep.equal({ pid: 12, start: "345", boot: "ab-cd" });
    for (const text of ["", "12", "12 345", "x 1 b"]) expect(parseIdentity(text)).to.equal(null);
  });

  it("does not take a reused pid, or one of an earlier boot, for the process it was", async () => {
    const boot = await readBoot();
    const stat = await readStat(process.pid);
    const own = { pid: process.pid, start: stat?.start ?? "", boot };
    expect(await isAlive(own, boot)).to.equal(true);
    expect(await isAlive({ ...own, start: "1" }, boot)).to.equal(false);
    expect(await isAlive({ ...own, boot: "earlier" }, boot)).to.equal(false);
  });
});

describe("agent/executor/process/health", () => {
  const check = {
    test: ["CMD", "a", "b"],
    intervalMs: 0,
    timeoutMs: 0,
    retries: 0,
    startPeriodMs: 0,
    startIntervalMs: 0,
  };

  it("has Docker's times where the spec says nothing", () => {
    expect(healthRule(check)).to.deep.equal({
      initialDelayMs: 30_000,
      intervalMs: 30_000,
      failures: 3,
      successes: 1,
      startPeriodMs: 0,
      startIntervalMs: 5_000,
    });
  });

  it("looks more often in the start period, never less", () => {
    const starting = { ...check, startPeriodMs: 60_000 };
    expect(healthRule(starting).initialDelayMs).to.equal(5_000);
    expect(healthRule({ ...starting, startIntervalMs: 200 })).to.include({ initialDelayMs: 200, startIntervalMs: 200 });
    expect(healthRule({ ...starting, intervalMs: 1_000 })).to.include({ initialDelayMs: 1_000, intervalMs: 1_000 });
  });

  it("runs a shell only where one is asked for", () => {
    expect(healthCommand(check)).to.deep.equal(["a", "b"]);
    expect(healthCommand({ ...check, test: ["CMD-SHELL", "a && b"] })).to.deep.equal(["/bin/sh", "-c", "a && b"]);
  });
});

describe("agent/executor/process/probe", () => {
  const published = (hostIp: string): { ports: PortStatus[] } => ({
    ports: [{ target: 8080, published: 31_000, protocol: "TCP", hostIp }],
  });

  it("finds a port where the process was told to bind it, and any other on loopback", () => {
    expect(addressOf(8080, published(""))).to.deep.equal({ host: "127.0.0.1", port: 31_000, lingerMs: 0 });
    expect(addressOf(8080, published("10.0.0.7"))).to.include({ host: "10.0.0.7", port: 31_000 });
    expect(addressOf(9090, published(""))).to.include({ host: "127.0.0.1", port: 9090 });
  });
});
