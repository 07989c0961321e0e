/**
 * How far each task's log was shown, so that another manager can go on where the last one broke off:
 * nothing twice, nothing left out. Pure.
 *
 * A stream can only be asked for by milliseconds and for all its tasks at once, while lines carry
 * microseconds by the clock of their own node: so we ask from the earliest of what was shown last,
 * and skip here what is known.
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
  readonly #places = new Map<string, Place>();
  readonly #floorMs: number;

  /** @param floorMs from where tasks are read that have shown nothing yet */
  constructor(floorMs: number) {
    this.#floorMs = floorMs;
  }

  /** Whether the line is new. Lines of one task come in order. */
  accept({ taskId, timeUs }: Pick<Line, "taskId" | "timeUs">): boolean {
    const place = this.#places.get(taskId);
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

  /** From now on known lines may come again. @returns Unix ms to ask from. */
  resume(silentTasks: number): number {
    let fromMs = silentTasks > 0 || this.#places.size === 0 ? this.#floorMs : Infinity;
    for (const place of this.#places.values()) {
      place.again = 0;
      fromMs = Math.min(fromMs, Math.floor(place.timeUs / 1000));
    }
    return fromMs;
  }
}
