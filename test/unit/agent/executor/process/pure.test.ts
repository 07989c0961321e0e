// The pure parts of the process executor: what it refuses, what a process gets, who is alive, what health is.
import { expect } from "chai";
import { afterProbe, probeCommand, type Streak } from "../../../../../src/agent/executor/process/health.ts";
import {
  isAlive,
  parseIdentity,
  parseStat,
  readBoot,
  readStat,
} from "../../../../../src/agent/executor/process/proc.ts";
import { processEnv, processOf, signalNumber } from "../../../../../src/agent/executor/process/process-spec.ts";
import type { ProcessSpec, TaskSpec } from "../../../../../src/model/index.ts";
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
      { resources: { ...none, reservations: { nanoCpus: 1, memoryBytes: 1 } } },
      undefined,
    ],
    ["a container", { process: null }, "spec.task.container"],
    ["no program", { process: { ...PROCESS, command: [] } }, "spec.task.process.command"],
    ["a relative folder", { process: { ...PROCESS, dir: "srv" } }, "spec.task.process.dir"],
    [
      "a CPU limit",
      { resources: { ...none, limits: { nanoCpus: 1, memoryBytes: 0 } } },
      "spec.task.resources.limits.nanoCpus",
    ],
    [
      "a memory limit",
      { resources: { ...none, limits: { nanoCpus: 0, memoryBytes: 1 } } },
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
  const retries = 2;
  const steps: readonly [string, Streak, { isOk: boolean; isStarting: boolean }, Streak][] = [
    [
      "a first success makes it healthy",
      { health: "starting", failures: 0 },
      { isOk: true, isStarting: true },
      { health: "healthy", failures: 0 },
    ],
    [
      "a failure in the start period does not count",
      { health: "starting", failures: 0 },
      { isOk: false, isStarting: true },
      { health: "starting", failures: 0 },
    ],
    [
      "one counts in the start period after a success",
      { health: "healthy", failures: 0 },
      { isOk: false, isStarting: true },
      { health: "healthy", failures: 1 },
    ],
    [
      "one failure is not enough",
      { health: "healthy", failures: 0 },
      { isOk: false, isStarting: false },
      { health: "healthy", failures: 1 },
    ],
    [
      "as many as retries in a row are",
      { health: "healthy", failures: 1 },
      { isOk: false, isStarting: false },
      { health: "unhealthy", failures: 2 },
    ],
    [
      "a success makes it healthy again",
      { health: "unhealthy", failures: 5 },
      { isOk: true, isStarting: false },
      { health: "healthy", failures: 0 },
    ],
  ];
  for (const [fact, before, outcome, after] of steps) {
    it(fact, () => {
      expect(afterProbe(before, { ...outcome, retries })).to.deep.equal(after);
    });
  }

  it("runs a shell only where one is asked for", () => {
    const check = { intervalMs: 0, timeoutMs: 0, retries: 0, startPeriodMs: 0 };
    expect(probeCommand({ ...check, test: ["CMD", "a", "b"] })).to.deep.equal(["a", "b"]);
    expect(probeCommand({ ...check, test: ["CMD-SHELL", "a && b"] })).to.deep.equal(["/bin/sh", "-c", "a && b"]);
  });
});
