import { expect } from "chai";
import { Output } from "../../../src/cli/output.ts";
import { convergence, describe as told, ProgressLine, refuseOvertaken } from "../../../src/cli/progress.ts";
import type { Service } from "../../../src/model/index.ts";
import { AppError } from "../../../src/util/errors.ts";
import { aService, aServiceSpec } from "../../support/store/objects.ts";
import { aTask, type TaskShape } from "../../support/cli-fixtures.ts";

const running: TaskShape = { state: "RUNNING" };

describe("cli/progress", () => {
  const rows: [string, number, TaskShape[], { isDone: boolean; running: number; worst?: string }][] = [
    ["nothing yet", 2, [], { isDone: false, running: 0 }],
    ["all slots run", 2, [running, { ...running, slot: 2 }], { isDone: true, running: 2 }],
    ["one slot runs", 2, [running], { isDone: false, running: 1 }],
    ["none is wanted and none runs", 0, [], { isDone: true, running: 0 }],
    ["one still runs of none wanted", 0, [running], { isDone: false, running: 0 }],
    ["one too many runs", 1, [running, { ...running, slot: 2 }], { isDone: false, running: 1 }],
    [
      "a surplus one is on its way out",
      1,
      [running, { ...running, slot: 2, desired: "SHUTDOWN" }],
      { isDone: true, running: 1 },
    ],
    [
      "its new task starts beside the old one",
      1,
      [running, { state: "STARTING" }],
      { isDone: true, running: 1, worst: "Starting" },
    ],
    [
      "it runs but is not healthy",
      1,
      [{ ...running, healthy: false }],
      { isDone: false, running: 0, worst: "Running" },
    ],
    [
      "it cannot be placed",
      1,
      [{ state: "PENDING", pendingReason: "no node\nfits" }],
      { isDone: false, running: 0, worst: "no node fits" },
    ],
    [
      "its last attempt failed",
      1,
      [
        { state: "FAILED", desired: "SHUTDOWN", error: "exit 7" },
        { state: "READY", desired: "READY" },
      ],
      { isDone: false, running: 0, worst: "Ready, the last one failed: exit 7" },
    ],
    [
      "only an earlier revision's attempt failed",
      1,
      [
        { state: "FAILED", desired: "SHUTDOWN", error: "exit 7", revision: 1 },
        { state: "READY", desired: "READY", revision: 2 },
      ],
      { isDone: false, running: 0, worst: "Ready" },
    ],
    [
      "a replacement stands in for a silent task of the same slot",
      1,
      [running, { ...running, id: "t9" }],
      { isDone: true, running: 1 },
    ],
  ];
  for (const [what, wanted, tasks, result] of rows) {
    it(`judges a service when ${what}`, () => {
      expect(convergence(wanted, tasks.map(aTask))).to.deep.include({ worst: "", wanted, ...result });
    });
  }

  it("knows a number that was overwritten before it was reached from a change of something else", () => {
    const cause = { actor: "user:eve", reason: "" };
    const scaled = (replicas: number): Service =>
      aService({ id: "s", spec: aServiceSpec({ name: "web", replicated: { replicas } }), cause });
    expect(() => refuseOvertaken(scaled(3), scaled(3))).not.to.throw();
    expect(() => refuseOvertaken(scaled(3), scaled(1))).to.throw(
      AppError,
      "web: its replicas were changed to 1 before 3 ran, by user:eve",
    );
  });

  it("says how far it is and what is in the way", () => {
    expect(told({ running: 1, wanted: 3, worst: "no node", isDone: false })).to.equal("1 of 3 tasks running: no node");
  });

  function shown(isTTY: boolean, options: { isQuiet?: boolean; json?: boolean; columns?: number } = {}): string {
    let text = "";
    const err = {
      isTTY,
      columns: options.columns ?? 80,
      write: (chunk: string | Uint8Array) => (text += String(chunk)),
    };
    const out = { write: () => expect.fail("Progress belongs on standard error") };
    const format = options.json === true ? "json" : "table";
    const line = new ProgressLine(new Output({ format, isQuiet: options.isQuiet === true, out, err }), "web");
    for (const said of ["0 of 2", "0 of 2", "2 of 2"]) line.show(said);
    line.end();
    line.end();
    return text;
  }

  it("prints a plain line for each change without a terminal", () => {
    expect(shown(false)).to.equal("web: 0 of 2\nweb: 2 of 2\n");
  });

  it("redraws one line on a terminal", () => {
    expect(shown(true)).to.equal("\r\u001b[2Kweb: 0 of 2\r\u001b[2Kweb: 2 of 2\n");
  });

  it("takes a terminal that does not know its width for a usual one", () => {
    expect(shown(true, { columns: 0 })).to.include("web: 0 of 2");
  });

  it("cuts a line that would wrap, for that could not be redrawn", () => {
    expect(shown(true, { columns: 8 })).to.equal("\r\u001b[2Kweb: 0…\r\u001b[2Kweb: 2…\n");
  });

  it("says nothing to programs and with --quiet", () => {
    expect(shown(false, { isQuiet: true }) + shown(true, { json: true })).to.equal("");
  });
});
