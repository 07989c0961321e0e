/**
 * The engine's log stream as lines. Pure, and bounded: what is not yet a whole line never exceeds a frame.
 *
 * Without a terminal, each message is a frame: [stream, 0, 0, 0, length (big-endian)] and then
 * `<RFC 3339 time> <text>`; a message that does not end with a newline is a piece of a longer line. With a terminal
 * the same text comes without frames.
 */
import { AppError } from "../../../util/errors.ts";
import { LOG_LINE_BYTES_MAX, type LogLine } from "../executor.ts";

const HEADER_BYTES = 8;
/** The engine's pieces have 16 KiB; drivers may differ. Anything above is not this format. */
export const FRAME_BYTES_MAX = 512 * 1024;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
/** Longest time the engine writes, with room. */
const TIME_BYTES_MAX = 40;

export type LineSink = (line: LogLine) => void;

export interface LogParser {
  /** @throws corrupt when the bytes are not a log stream */
  push(chunk: Buffer): void;
  /** The stream is over: what is left is the last line. */
  end(): void;
}

/** Frames of containers without a terminal. */
export class FrameParser implements LogParser {
  readonly #onLine: LineSink;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onLine: LineSink) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= HEADER_BYTES) {
      const length = bytes.readUInt32BE(4);
      if (length > FRAME_BYTES_MAX || (bytes[0] ?? 0) > 3) throw new AppError("corrupt", "The log stream is garbled");
      if (bytes.length < HEADER_BYTES + length) break;
      this.#message(bytes[0] === 2 ? "stderr" : "stdout", bytes.subarray(HEADER_BYTES, HEADER_BYTES + length));
      bytes = bytes.subarray(HEADER_BYTES + length);
    }
    // A copy, so that a few left bytes do not keep a whole chunk alive.
    this.#rest = Buffer.from(bytes);
  }

  end(): void {
    this.#rest = Buffer.alloc(0);
  }

  #message(stream: LogLine["stream"], message: Buffer): void {
    const { timeUs, text } = splitTime(message);
    const isWhole = text.at(-1) === NEWLINE;
    pieces({ stream, timeUs, text: isWhole ? text.subarray(0, -1) : text, isWhole }, this.#onLine);
  }
}

/** Text of containers with a terminal: everything is stdout, and lines end with a carriage return too. */
export class TextParser implements LogParser {
  readonly #onLine: LineSink;
  #rest: Buffer = Buffer.alloc(0);
  /** Time of the line whose earlier pieces are already out. */
  #timeUs: number | null = null;

  constructor(onLine: LineSink) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE)) {
      this.#line(bytes.subarray(0, end), true);
      bytes = bytes.subarray(end + 1);
    }
    while (bytes.length > LOG_LINE_BYTES_MAX + TIME_BYTES_MAX) {
      const piece = bytes.subarray(0, LOG_LINE_BYTES_MAX);
      this.#line(piece, false);
      bytes = bytes.subarray(piece.length);
    }
    this.#rest = Buffer.from(bytes);
  }

  end(): void {
    if (this.#rest.length > 0) this.#line(this.#rest, true);
    this.#rest = Buffer.alloc(0);
  }

  #line(bytes: Buffer, isWhole: boolean): void {
    const { timeUs, text } = this.#timeUs === null ? splitTime(bytes) : { timeUs: this.#timeUs, text: bytes };
    const trimmed = isWhole && text.at(-1) === RETURN ? text.subarray(0, -1) : text;
    this.#timeUs = isWhole ? null : timeUs;
    pieces({ stream: "stdout", timeUs, text: trimmed, isWhole }, this.#onLine);
  }
}

function pieces(
  { stream, timeUs, text, isWhole }: { stream: LogLine["stream"]; timeUs: number; text: Buffer; isWhole: boolean },
  onLine: LineSink,
): void {
  let at = 0;
  do {
    const data = Buffer.from(text.subarray(at, at + LOG_LINE_BYTES_MAX));
    at += LOG_LINE_BYTES_MAX;
    onLine({ stream, timeUs, position: 0, data, partial: at < text.length || !isWhole });
  } while (at < text.length);
}

function splitTime(message: Buffer): { timeUs: number; text: Buffer } {
  const space = message.subarray(0, TIME_BYTES_MAX).indexOf(SPACE);
  const timeUs = space === -1 ? null : parseTimeUs(message.toString("latin1", 0, space));
  return timeUs === null ? { timeUs: 0, text: message } : { timeUs, text: message.subarray(space + 1) };
}

const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** RFC 3339 with up to nanoseconds, cut to microseconds. Null if it is none. */
export function parseTimeUs(text: string): number | null {
  const match = TIME.exec(text);
  if (match === null) return null;
  const [, seconds = "", fraction = "", zone = ""] = match;
  const ms = Date.parse(`${seconds}${zone}`);
  return Number.isNaN(ms) ? null : ms * 1000 + Number(fraction.padEnd(9, "0").slice(0, 6));
}
