import { expect } from "chai";
import fc from "fast-check";
import {
  FRAME_BYTES_MAX,
  FrameParser,
  parseTimeUs,
  TextParser,
  type LogParser,
} from "../../../../../src/agent/executor/docker/log-frames.ts";
import { LOG_LINE_BYTES_MAX, type LogLine } from "../../../../../src/agent/executor/executor.ts";
import { isAppError } from "../../../../../src/util/errors.ts";

const TIME = "2026-03-01T10:00:00.123456789Z";
const TIME_US = Date.parse("2026-03-01T10:00:00Z") * 1000 + 123_456;

function frame(stream: 1 | 2, text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

type Seen = [LogLine["stream"], number, string, boolean];

/** What a parser makes of the bytes when they arrive cut at `cuts`. */
function parse(
  make: (onLine: (line: LogLine) => void) => LogParser,
  bytes: Buffer,
  cuts: readonly number[] = [],
): Seen[] {
  const seen: Seen[] = [];
  const parser = make(({ stream, timeUs, data, partial }) => {
    seen.push([stream, timeUs, Buffer.from(data).toString(), partial]);
  });
  let from = 0;
  for (const cut of [...cuts].map((at) => at % (bytes.length + 1)).toSorted((a, b) => a - b)) {
    parser.push(bytes.subarray(from, cut));
    from = cut;
  }
  parser.push(bytes.subarray(from));
  parser.end();
  return seen;
}

const frames = (bytes: Buffer, cuts?: readonly number[]): Seen[] => parse((sink) => new FrameParser(sink), bytes, cuts);
const text = (bytes: Buffer, cuts?: readonly number[]): Seen[] => parse((sink) => new TextParser(sink), bytes, cuts);

describe("agent/executor/docker/log-frames", () => {
  const stream = Buffer.concat([
    frame(1, `${TIME} one\n`),
    frame(2, `${TIME} two\n`),
    frame(1, `${TIME} begun`),
    frame(1, `${TIME} and ended\n`),
    frame(1, `${TIME} \n`),
  ]);
  const wanted: Seen[] = [
    ["stdout", TIME_US, "one", false],
    ["stderr", TIME_US, "two", false],
    ["stdout", TIME_US, "begun", true],
    ["stdout", TIME_US, "and ended", false],
    ["stdout", TIME_US, "", false],
  ];

  it("reads stream, time, text and whether a line goes on", () => {
    expect(frames(stream)).to.deep.equal(wanted);
  });

  it("reads the same however the bytes arrive", () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), (cuts) => {
        expect(frames(stream, cuts)).to.deep.equal(wanted);
      }),
    );
  });

  it("cuts what is longer than a piece", () => {
    const long = "x".repeat(LOG_LINE_BYTES_MAX * 2 + 5);
    const seen = frames(frame(1, `${TIME} ${long}\n`));
    expect(seen.map(([, , part, partial]) => [part.length, partial])).to.deep.equal([
      [LOG_LINE_BYTES_MAX, true],
      [LOG_LINE_BYTES_MAX, true],
      [5, false],
    ]);
  });

  it("refuses bytes that are no frames", () => {
    const huge = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
    huge.writeUInt32BE(FRAME_BYTES_MAX + 1, 4);
    for (const bytes of [huge, Buffer.from("plain text, no frames")]) {
      expect(() => frames(bytes))
        .to.throw()
        .that.satisfies((error: unknown) => isAppError(error, "corrupt"));
    }
  });

  describe("with a terminal", () => {
    const bytes = Buffer.from(`${TIME} one\r\n${TIME} two\r\n${TIME} prompt:`);
    const lines: Seen[] = [
      ["stdout", TIME_US, "one", false],
      ["stdout", TIME_US, "two", false],
      ["stdout", TIME_US, "prompt:", false],
    ];

    it("reads lines however the bytes arrive", () => {
      fc.assert(
        fc.property(fc.array(fc.nat()), (cuts) => {
          expect(text(bytes, cuts)).to.deep.equal(lines);
        }),
      );
    });

    it("gives every piece of a long line its time", () => {
      const long = "y".repeat(LOG_LINE_BYTES_MAX * 3);
      const seen = text(Buffer.from(`${TIME} ${long}\r\n`));
      expect(seen.map(([, , part]) => part).join("")).to.equal(long);
      expect(new Set(seen.map(([, timeUs]) => timeUs))).to.deep.equal(new Set([TIME_US]));
      expect(seen.map(([, , , partial]) => partial)).to.deep.equal([...seen.slice(1).map(() => true), false]);
    });
  });

  const times: readonly [string, number | null][] = [
    [TIME, TIME_US],
    ["2026-03-01T10:00:00Z", Date.parse("2026-03-01T10:00:00Z") * 1000],
    ["2026-03-01T12:00:00.5+02:00", Date.parse("2026-03-01T10:00:00Z") * 1000 + 500_000],
    ["yesterday", null],
    ["2026-99-01T10:00:00Z", null],
  ];
  for (const [given, us] of times) {
    it(`takes ${given} for ${us ?? "no time"}`, () => {
      expect(parseTimeUs(given)).to.equal(us);
    });
  }
});
