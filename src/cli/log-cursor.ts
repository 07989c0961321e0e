/**
 * How far each task's log was shown, so that another manager can go on where the last one broke off:
 * nothing twice, nothing left out. Pure.
 *
 * A stream can only be asked for by milliseconds and for all its tasks at once, while lines carry
 * microseconds by the clock of their own node: so we ask from the earliest of what was shown last,
 * and skip here what is known. Lines whose times are estimates, other at every reading, carry a
 * position instead; their tasks are read again from the start.
 */
import type { _shoal_v1_LogsMessage_Line as Line } from "../proto/gen/LogsMessage.ts";

type Place = {
  timeUs: number;
  /** Lines shown that carry exactly `timeUs`. */
  shown: number;
  /** Of those, lines that came again since the last resume. */
  again: number;
};

export class LogCursor {
  /** Of tasks whose lines have no positions. */
  readonly #places = new Map<string, Place>();
  /** Shown last, by task and stream. */
  readonly #positions = new Map<string, number>();
  readonly #floorMs: number;
  #isResumed = false;

  /** @param floorMs from where tasks are read that have shown nothing yet */
  constructor(floorMs: number) {
    this.#floorMs = floorMs;
  }

  /** Whether the line is new. Lines of one stream of a task come in order. */
  accept(line: Pick<Line, "taskId" | "stream" | "timeUs" | "position">): boolean {
    return line.position > 0 ? this.#acceptByPosition(line) : this.#acceptByTime(line);
  }

  /** From now on known lines may come again. @returns Unix ms to ask from. */
  resume(silentTasks: number): number {
    this.#isResumed = true;
    let fromMs = silentTasks > 0 || this.#places.size === 0 ? this.#floorMs : Infinity;
    for (const place of this.#places.values()) {
      place.again = 0;
      fromMs = Math.min(fromMs, Math.floor(place.timeUs / 1000));
    }
    return this.#positions.size > 0 ? 0 : fromMs;
  }

  #acceptByPosition({ taskId, stream, timeUs, position }: Pick<Line, "taskId" | "stream" | "timeUs" | "position">) {
    const key = `${taskId} ${stream}`;
    const shown = this.#positions.get(key);
    if (shown === undefined ? this.#isBelowFloor(timeUs) : position <= shown) return false;
    this.#positions.set(key, position);
    return true;
  }

  #acceptByTime({ taskId, timeUs }: Pick<Line, "taskId" | "timeUs">): boolean {
    const place = this.#places.get(taskId);
    if (place === undefined && this.#isBelowFloor(timeUs)) return false;
    if (place === undefined || timeUs > place.timeUs) {
      this.#places.set(taskId, { timeUs, shown: 1, again: Infinity });
      return true;
    }
    if (timeUs < place.timeUs) return place.again === Infinity;
    if (place.again < place.shown) {
      place.again += 1;
      return false;
    }
    place.shown += 1;
    return true;
  }

  /** The first stream asks for no more than is wanted; a later one may ask for the sake of other tasks. */
  #isBelowFloor(timeUs: number): boolean {
    return this.#isResumed && timeUs < this.#floorMs * 1000;
  }
}
