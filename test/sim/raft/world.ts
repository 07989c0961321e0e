/**
 * Virtual time for the Raft simulator: one heap of events, in order of (time, sequence), and processes whose Env runs
 * on it. Nothing here waits or makes a promise: an event runs to its end, and what it throws ends the run.
 */
import type { Env, Timer } from "../../../src/util/env.ts";
import { Dice } from "./dice.ts";

/** 2024-01-01: an arbitrary start. */
const WALL_START_MS = 1_704_067_200_000;

class WorldEvent implements Timer {
  at: number;
  seq: number;
  /** Null once it has run or is cancelled. */
  fn: (() => void) | null;
  readonly process: Process | null;

  constructor(at: number, seq: number, fn: () => void, process: Process | null) {
    this.at = at;
    this.seq = seq;
    this.fn = fn;
    this.process = process;
  }

  cancel(): void {
    this.fn = null;
  }
}

export class World {
  readonly dice: Dice;
  now = 0;
  /** Events run so far. */
  events = 0;
  readonly #heap: WorldEvent[] = [];
  #seq = 0;

  constructor(seed: number) {
    this.dice = new Dice(seed);
  }

  /** An event of the world itself: a fault, a delivery, a disk. No process can stop it. */
  after(ms: number, fn: () => void): Timer {
    return this.schedule(ms, fn, null);
  }

  /** @internal for processes */
  schedule(ms: number, fn: () => void, process: Process | null): WorldEvent {
    const event = new WorldEvent(this.now + Math.max(0, ms), this.#seq++, fn, process);
    this.#push(event);
    return event;
  }

  /** @internal An event that came due at a bad time is due now. */
  again(event: WorldEvent): void {
    event.at = this.now;
    event.seq = this.#seq++;
    this.#push(event);
  }

  /** Everything that is due in the next `ms`. */
  run(ms: number): void {
    const until = this.now + ms;
    for (let event = this.#heap[0]; event !== undefined && event.at <= until; event = this.#heap[0]) {
      this.#pop();
      const { fn, process } = event;
      if (fn === null || process?.isKilled === true) continue;
      this.now = event.at;
      if (process?.isPaused === true) {
        process.miss(event);
        continue;
      }
      event.fn = null;
      this.events += 1;
      fn();
    }
    this.now = until;
  }

  /** @returns after how many ms `condition` held, looked at every `stepMs`; null if not within `limitMs` */
  runUntil(condition: () => boolean, limitMs: number, stepMs = 5): number | null {
    const begin = this.now;
    while (!condition()) {
      if (this.now - begin >= limitMs) return null;
      this.run(stepMs);
    }
    return this.now - begin;
  }

  #push(event: WorldEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up]!;
      if (!isBefore(event, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    const size = heap.length;
    if (size === 0) return;
    let at = 0;
    for (let child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      const event = heap[child]!;
      if (!isBefore(event, last)) break;
      heap[at] = event;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: WorldEvent, b: WorldEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.seq < b.seq);
}

export type ClockFaults = {
  /** How many times as long as they should this machine's seconds are. */
  readonly drift: number;
  /** Every turn begins so much late: a machine with too much to do. */
  readonly lagMs: number;
  /** Of the wall clock at the start. */
  readonly skewMs: number;
};

/** One run of one program: it can be killed, stopped for a while, and has a clock of its own. */
export class Process implements Env {
  readonly #world: World;
  readonly #dice: Dice;
  readonly #faults: ClockFaults;
  readonly #startedAt: number;
  #missed: WorldEvent[] = [];
  isKilled = false;
  isPaused = false;
  wallSkewMs: number;

  constructor(world: World, faults: ClockFaults) {
    this.#world = world;
    this.#dice = world.dice.split();
    this.#faults = faults;
    this.#startedAt = world.now;
    this.wallSkewMs = faults.skewMs;
  }

  now(): number {
    return (this.#world.now - this.#startedAt) / this.#faults.drift;
  }

  wallNow(): number {
    return WALL_START_MS + Math.round(this.#world.now / this.#faults.drift) + this.wallSkewMs;
  }

  random(): number {
    return this.#dice.next();
  }

  randomBytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += 1) bytes[at] = this.#dice.next() * 256;
    return bytes;
  }

  defer(fn: () => void): void {
    this.#world.schedule(this.#faults.lagMs, fn, this);
  }

  setTimer(ms: number, fn: () => void): Timer {
    return this.#world.schedule(ms * this.#faults.drift + this.#faults.lagMs, fn, this);
  }

  /** What reaches it from outside: at once, or when it goes on. */
  enter(fn: () => void): void {
    if (this.isKilled) return;
    if (this.isPaused || this.#faults.lagMs > 0) this.#world.schedule(this.#faults.lagMs, fn, this);
    else fn();
  }

  kill(): void {
    this.isKilled = true;
    this.#missed = [];
  }

  /** SIGSTOP, or a turn that takes long. */
  pause(): void {
    this.isPaused = true;
  }

  /** What came due meanwhile runs at once, in order. */
  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    const missed = this.#missed;
    this.#missed = [];
    for (const event of missed) this.#world.again(event);
  }

  /** @internal */
  miss(event: WorldEvent): void {
    this.#missed.push(event);
  }
}
