/**
 * One stream's log segments as lines, oldest first, a chunk at a time.
 *
 * Nobody stamps lines when they are written. One that is read while it is followed has the file's time of that moment;
 * an older one has a time between the start of its segment and the segment's last write, by its place in it. Times
 * never run backwards.
 */
import { open, readdir, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { LOG_LINE_BYTES_MAX, type LogLine } from "../executor.ts";

export type StreamName = "out" | "err";

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** More than a segment ever has: positions of the next one begin beyond it. */
const SEGMENT_SPAN = 2 ** 26;

type Place = { readonly segment: number; readonly offset: number };

export class LogCursor {
  readonly #folder: string;
  readonly #name: StreamName;
  readonly #startedAtMs: number;
  #lines: LogLine[] = [];
  #nextLine = 0;
  #file: FileHandle | null = null;
  #segment = 0;
  #offset = 0;
  #rest: Buffer = Buffer.alloc(0);
  /** Up to where and when times are known: earlier bytes of this segment are older. */
  #mark = { offset: 0, ms: 0 };
  /** Whether everything written so far was read: from then on lines are new. */
  #isLive = false;
  #lastUs = 0;

  constructor(folder: string, name: StreamName, startedAtMs: number) {
    this.#folder = folder;
    this.#name = name;
    this.#startedAtMs = startedAtMs;
  }

  /** Moves to the last `count` lines, or to the first of all. @returns how many lines are ahead, null if not counted */
  async seek(count: number | null): Promise<number | null> {
    const segments = await this.#segments();
    const first = segments[0];
    if (first === undefined) return count === null ? null : 0;
    if (count === null) {
      await this.#enter({ segment: first, offset: 0 });
      return null;
    }
    const { place, lines } = await lastLines(segments, count, (segment) => this.#path(segment));
    await this.#enter(place);
    return lines;
  }

  /** The next line that was read already. */
  get head(): LogLine | null {
    return this.#lines[this.#nextLine] ?? null;
  }

  take(): void {
    this.#nextLine += 1;
  }

  /** Reads on if nothing is left, without waiting for more to be written. */
  async refill(): Promise<void> {
    while (this.head === null) {
      this.#lines = [];
      this.#nextLine = 0;
      if (!(await this.#fill())) return;
    }
  }

  /** What is left without a newline, once nothing more can come. */
  flush(isOver: boolean): LogLine | null {
    if (this.#rest.length === 0) return null;
    const line = this.#line(this.#rest, { timeUs: this.#lastUs, end: this.#offset, partial: !isOver });
    this.#rest = Buffer.alloc(0);
    return line;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  /** @returns false when everything written so far was read */
  async #fill(): Promise<boolean> {
    if (this.#file === null) {
      const first = (await this.#segments())[0];
      if (first === undefined) return false;
      await this.#enter({ segment: first, offset: 0 });
      return true;
    }
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const { bytesRead } = await this.#file.read(chunk, 0, CHUNK_BYTES, this.#offset);
    if (bytesRead > 0) {
      // After the read: the time and size then cover at least what was read.
      const { size, mtimeMs } = await this.#file.stat();
      this.#parse(chunk.subarray(0, bytesRead), { size, mtimeMs });
      return true;
    }
    return await this.#advance();
  }

  /** At the end of a segment: the next one begins once this one is closed, so nothing follows what was read. */
  async #advance(): Promise<boolean> {
    const next = (await this.#segments()).find((segment) => segment > this.#segment);
    if (next === undefined || this.#file === null) {
      this.#isLive = true;
      return false;
    }
    const { size } = await this.#file.stat();
    // Written between the read and the look at the folder.
    if (size > this.#offset) return true;
    await this.#enter({ segment: next, offset: 0 });
    return true;
  }

  async #enter({ segment, offset }: Place): Promise<void> {
    const before = this.#file;
    const endedMs = before === null ? this.#startedAtMs : (await before.stat()).mtimeMs;
    // Rotated away since the folder was listed: the next look at the folder finds a later one.
    const file = await open(this.#path(segment), "r").catch(() => null);
    if (file === null) return;
    await before?.close();
    this.#file = file;
    this.#segment = segment;
    this.#offset = offset;
    // Without a predecessor its birth is the best guess, where the file system knows one.
    const { birthtimeMs } = await file.stat();
    this.#mark = { offset: 0, ms: before === null && birthtimeMs > 0 ? birthtimeMs : endedMs };
  }

  #parse(chunk: Buffer, { size, mtimeMs }: { size: number; mtimeMs: number }): void {
    const base = this.#offset - this.#rest.length;
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#offset += chunk.length;
    let at = base;
    const push = (length: number, skip: number): void => {
      const end = at + length;
      // With its newline, so that the last line has the last write's time, as whoever followed it saw.
      const timeUs = this.#timeUs(end + skip, { size, mtimeMs });
      this.#lines.push(this.#line(bytes.subarray(0, length), { timeUs, end: end + skip, partial: skip === 0 }));
      bytes = bytes.subarray(length + skip);
      at += length + skip;
    };
    for (;;) {
      const end = bytes.indexOf(NEWLINE);
      if (end !== -1 && end <= LOG_LINE_BYTES_MAX) push(end, 1);
      else if (bytes.length > LOG_LINE_BYTES_MAX) push(LOG_LINE_BYTES_MAX, 0);
      else break;
    }
    this.#rest = Buffer.from(bytes);
  }

  #timeUs(end: number, { size, mtimeMs }: { size: number; mtimeMs: number }): number {
    const span = size - this.#mark.offset;
    const share = this.#isLive || span <= 0 ? 1 : Math.min(1, (end - this.#mark.offset) / span);
    const [from, to] = [this.#mark.ms, Math.max(this.#mark.ms, mtimeMs)];
    // The last write's time is known: the sum would be off by a microsecond at some readings.
    const us = Math.round((share === 1 ? to : from + (to - from) * share) * 1000);
    this.#lastUs = Math.max(this.#lastUs, us);
    return this.#lastUs;
  }

  /** @param end in its segment: where the next line begins */
  #line(bytes: Buffer, { timeUs, end, partial }: { timeUs: number; end: number; partial: boolean }): LogLine {
    const stream = this.#name === "out" ? "stdout" : "stderr";
    return { stream, timeUs, position: this.#segment * SEGMENT_SPAN + end, data: Buffer.from(bytes), partial };
  }

  async #segments(): Promise<number[]> {
    const names = await readdir(this.#folder).catch((): string[] => []);
    return names
      .filter((name) => name.startsWith(`${this.#name}.`))
      .map((name) => Number(name.slice(this.#name.length + 1)))
      .filter(Number.isInteger)
      .sort((a, b) => a - b);
  }

  #path(segment: number): string {
    return join(this.#folder, `${this.#name}.${segment}`);
  }
}

/** Reads backwards until the start of the line that is `count` lines from the end. */
async function lastLines(
  segments: readonly number[],
  count: number,
  path: (segment: number) => string,
): Promise<{ place: Place; lines: number }> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let lines = 0;
  let isEnd = true;
  let place: Place = { segment: segments[0] ?? 1, offset: 0 };
  for (const segment of segments.toReversed()) {
    const file = await open(path(segment), "r");
    try {
      let end = (await file.stat()).size;
      if (isEnd && count === 0) return { place: { segment, offset: end }, lines: 0 };
      while (end > 0) {
        const length = Math.min(CHUNK_BYTES, end);
        const { bytesRead } = await file.read(chunk, 0, length, end - length);
        for (let at = bytesRead - 1; at >= 0; at--) {
          const isLineEnd = chunk[at] === NEWLINE;
          // An unfinished last line counts as one.
          if (isLineEnd && !isEnd && lines === count) {
            return { place: { segment, offset: end - length + at + 1 }, lines };
          }
          if (isLineEnd || isEnd) lines += 1;
          isEnd = false;
        }
        end -= length;
      }
      place = { segment, offset: 0 };
    } finally {
      await file.close();
    }
  }
  return { place, lines };
}
