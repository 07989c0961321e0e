import { expect } from "chai";
import { LogCursor } from "../../../src/cli/log-cursor.ts";
import { parseSince, Printer, type LogFlags } from "../../../src/cli/logs.ts";
import { Output, type Format } from "../../../src/cli/output.ts";
import type { LogsMessage } from "../../../src/proto/gen/LogsMessage.ts";

type Pipe = { text: string; write(chunk: string | Uint8Array): void };
function pipe(): Pipe {
  const chunks: Buffer[] = [];
  return {
    write: (chunk) => void chunks.push(Buffer.from(chunk)),
    get text() {
      return Buffer.concat(chunks).toString();
    },
  };
}

const begin = (taskId: string): LogsMessage => ({
  message: "begin",
  begin: { taskId, nodeId: "n1", name: "web.1", nodeName: "node-1" },
});
type Extra = { readonly partial?: boolean; readonly stream?: "STDOUT" | "STDERR" };
const line = (taskId: string, timeUs: number, text: string | Buffer, extra: Extra = {}): LogsMessage => ({
  message: "line",
  line: {
    taskId,
    nodeId: "n1",
    stream: "STDOUT",
    timeUs,
    position: 0,
    data: Buffer.from(text),
    partial: false,
    ...extra,
  },
});

function printed(messages: readonly LogsMessage[], flags: LogFlags = {}, format: Format = "table") {
  const [out, err] = [pipe(), pipe()];
  const printer = new Printer(new Output({ format, out, err }), flags, new LogCursor(0));
  for (const message of messages) printer.print(message);
  return { out: out.text, err: err.text, printer };
}

describe("cli/logs", () => {
  it("tells tasks apart and keeps standard error apart", () => {
    const { out, err } = printed([begin("t1"), line("t1", 1, "a"), line("t1", 2, "b", { stream: "STDERR" })]);
    expect(out).to.equal("web.1.t1@node-1 | a\n");
    expect(err).to.equal("web.1.t1@node-1 | b\n");
  });

  it("puts the pieces of a long line together, even inside a letter", () => {
    const bytes = Buffer.from("é");
    const { out } = printed([
      begin("t1"),
      line("t1", 1, Buffer.concat([Buffer.from("x"), bytes.subarray(0, 1)]), { partial: true }),
      line("t1", 1, bytes.subarray(1)),
    ]);
    expect(out).to.equal("web.1.t1@node-1 | xé\n");
  });

  it("ends a line in pieces when another task speaks", () => {
    const { out } = printed([line("t1", 1, "a", { partial: true }), line("t2", 1, "b"), line("t1", 1, "c")], {
      raw: true,
    });
    expect(out).to.equal("a\nb\nc\n");
  });

  it("shows when, and no names with --raw", () => {
    const { out } = printed([begin("t1"), line("t1", 1_700_000_000_000_000, "a")], { raw: true, timestamps: true });
    expect(out).to.equal("2023-11-14T22:13:20.000Z a\n");
  });

  it("prints an object a line as JSON, also from standard error", () => {
    const { out, err } = printed([begin("t1"), line("t1", 1000, "a", { stream: "STDERR" })], {}, "json");
    expect(err).to.equal("");
    expect(JSON.parse(out)).to.deep.equal({
      taskId: "t1",
      nodeId: "n1",
      name: "web.1.t1@node-1",
      stream: "stderr",
      time: "1970-01-01T00:00:00.001Z",
      text: "a",
    });
  });

  it("names the sources that could not be read, until another manager goes on", () => {
    const { printer } = printed([
      begin("t1"),
      { message: "end", end: { taskId: "t1", nodeId: "n1", error: "Its node is gone" } },
      { message: "end", end: { taskId: "t2", nodeId: "n1", error: "" } },
    ]);
    expect(printer.incomplete).to.deep.equal(["web.1.t1@node-1: Its node is gone"]);
    printer.resume();
    expect(printer.incomplete).to.deep.equal([]);
  });

  describe("cursor", () => {
    const accepted = (cursor: LogCursor, lines: readonly (readonly [string, number])[]): boolean[] =>
      lines.map(([taskId, timeUs]) => cursor.accept({ taskId, stream: "STDOUT", timeUs, position: 0 }));

    it("lets everything pass while one stream lasts, equal and even falling times included", () => {
      const cursor = new LogCursor(0);
      expect(
        accepted(cursor, [
          ["a", 5],
          ["a", 5],
          ["a", 9],
          ["a", 7],
          ["a", 9],
        ]),
      ).to.not.include(false);
    });

    it("skips exactly what was shown after a resume", () => {
      const cursor = new LogCursor(0);
      accepted(cursor, [
        ["a", 1000],
        ["a", 5000],
        ["a", 5000],
      ]);
      expect(cursor.resume(0)).to.equal(5);
      expect(
        accepted(cursor, [
          ["a", 1000],
          ["a", 5000],
          ["a", 5000],
          ["a", 5000],
          ["a", 6000],
        ]),
      ).to.deep.equal([false, false, false, true, true]);
    });

    it("asks from the earliest of the tasks, whose clocks differ", () => {
      const cursor = new LogCursor(1);
      accepted(cursor, [
        ["fast", 9_000_000],
        ["slow", 2_000_000],
      ]);
      expect(cursor.resume(0)).to.equal(2000);
      expect(
        accepted(cursor, [
          ["fast", 8_999_999],
          ["fast", 9_000_000],
          ["slow", 2_000_001],
        ]),
      ).to.deep.equal([false, false, true]);
    });

    it("asks from the floor for tasks that have said nothing, or when nothing came at all", () => {
      const cursor = new LogCursor(7);
      expect(cursor.resume(0)).to.equal(7);
      accepted(cursor, [["a", 9_000_000]]);
      expect(cursor.resume(1)).to.equal(7);
    });

    it("resumes again and again", () => {
      const cursor = new LogCursor(0);
      accepted(cursor, [["a", 5000]]);
      cursor.resume(0);
      expect(
        accepted(cursor, [
          ["a", 5000],
          ["a", 5000],
        ]),
      ).to.deep.equal([false, true]);
      cursor.resume(0);
      expect(
        accepted(cursor, [
          ["a", 5000],
          ["a", 5000],
          ["a", 5001],
        ]),
      ).to.deep.equal([false, false, true]);
    });
  });

  it("goes by positions where lines have them, whatever their times are at another reading", () => {
    const cursor = new LogCursor(1);
    const accept = (timeUs: number, position: number, stream: "STDOUT" | "STDERR" = "STDOUT"): boolean =>
      cursor.accept({ taskId: "a", stream, timeUs, position });
    expect([accept(5000, 10), accept(7000, 20)]).to.deep.equal([true, true]);
    expect(cursor.resume(0)).to.equal(0);
    expect([accept(9000, 10), accept(9500, 20), accept(6000, 30)]).to.deep.equal([false, false, true]);
    // A stream that has said nothing yet begins where it was asked to.
    expect([accept(999, 10, "STDERR"), accept(1000, 20, "STDERR")]).to.deep.equal([false, true]);
  });

  describe("--since", () => {
    const now = Date.parse("2026-01-02T00:00:00Z");
    const rows: [string, number][] = [
      ["10m", now - 600_000],
      ["2026-01-01", Date.parse("2026-01-01")],
      ["2026-01-01T12:00:00Z", Date.parse("2026-01-01T12:00:00Z")],
      ["1767225600", 1_767_225_600_000],
      ["1767225600.5", 1_767_225_600_500],
    ];
    for (const [text, wanted] of rows) {
      it(`reads ${text}`, () => expect(parseSince(text, now)).to.equal(wanted));
    }
    for (const text of ["yesterday", "2026-13-45", "10"]) {
      it(`refuses ${text}`, () => expect(() => parseSince(text, now)).to.throw(/--since/));
    }
  });
});
