/**
 * A world with a virtual clock: one heap of events, one seed, any number of `SimEnv`s (one a
 * simulated process) that can be killed, paused and given a drifting clock. The same seed and the
 * same code give the same run: events are ordered by (time, sequence), and all promises settle
 * between two events.
 */
import { createHash } from "node:crypto";
import { AppError } from "../../src/util/errors.ts";
import type { Env, Timer } from "../../src/util/env.ts";
import { Heap } from "../../src/util/heap.ts";

/** One thing that will happen, and the handle by which it may be called off. No closures: there are millions. */
class SimEvent implements Timer {
  at: number;
  seq: number;
  readonly fn: () => void;
  /** The process in which it happens; null: the world's own. */
  readonly env: SimEnv | null;
  isCancelled = false;

  constructor(at: number, seq: number, fn: () => void, env: SimEnv | null) {
    this.at = at;
    this.seq = seq;
    this.fn = fn;
    this.env = env;
  }

  cancel(): void {
    this.isCancelled = true;
  }
}

function isEarlier(a: SimEvent, b: SimEvent): boolean {
  return a.at === b.at ? a.seq < b.seq : a.at < b.at;
}

/** After so many events the real loop gets a turn, so that mocha's own timeout can fire. */
const EVENTS_PER_REAL_TURN = 512;

/** More events without time going on are a loop that never ends. */
const EVENTS_AT_ONCE_MAX = 50_000;

/** 2024-01-01: an arbitrary start that certificates made in a test can span. */
const WALL_START_MS = 1_704_067_200_000;

/**
 * What happened, as one hash: the same seed and the same code give the same. Text and bytes are
 * framed, so that no two different runs have the same input.
 */
export class RunHash {
  readonly #hash = createHash("sha256");
  readonly #buffer = Buffer.allocUnsafe(HASH_BUFFER_BYTES);
  #at = 0;

  add(text: string, bytes?: Uint8Array): void {
    const head = `${text} ${bytes?.byteLength ?? -1}\n`;
    if (this.#at + head.length > HASH_BUFFER_BYTES) this.#flush();
    // Texts are names, numbers and hashes: one byte a character.
    this.#at += this.#buffer.write(head, this.#at, "latin1");
    if (bytes === undefined) return;
    if (this.#at + bytes.byteLength > HASH_BUFFER_BYTES) this.#flush();
    if (bytes.byteLength > HASH_BUFFER_BYTES) this.#hash.update(bytes);
    else {
      this.#buffer.set(bytes, this.#at);
      this.#at += bytes.byteLength;
    }
  }

  /** Ends it. */
  digest(): string {
    this.#flush();
    return this.#hash.digest("hex");
  }

  #flush(): void {
    this.#hash.update(this.#buffer.subarray(0, this.#at));
    this.#at = 0;
  }
}

const HASH_BUFFER_BYTES = 64 * 1024;

export class Sim {
  readonly seed: number;
  /** Set: every event's time goes in; who watches the world adds messages and states. */
  hash: RunHash | null = null;
  #failure: Error | null = null;
  #now = 0;
  #seq = 0;
  readonly #heap = new Heap<SimEvent>(isEarlier);
  readonly #random: () => number;
  #eventsRun = 0;
  #eventsAtOnce = 0;
  /** Called with what an event of a simulated process throws; by default it fails the run. */
  onError: (error: unknown, env: SimEnv | null) => void = (error) => {
    throw error;
  };

  constructor(seed: number) {
    this.seed = seed;
    this.#random = seeded(seed, "world");
  }

  get now(): number {
    return this.#now;
  }

  get eventsRun(): number {
    return this.#eventsRun;
  }

  /** The world's own dice: faults, delays. */
  random(): number {
    return this.#random();
  }

  /** A process of this world. Its dice depend on the seed and the name only. */
  env(name: string, clock: Partial<ClockOptions> = {}): SimEnv {
    return new SimEnv(this, name, { ...TRUE_CLOCK, ...clock });
  }

  /** Ends the run: `run` and its kin throw this after the present event. The first failure counts. */
  fail(error: Error): void {
    this.#failure ??= error;
  }

  /** An event of the world itself (a fault, a network delivery); no process can stop it. */
  schedule(delayMs: number, fn: () => void): Timer {
    return this.scheduleIn(null, delayMs, fn);
  }

  /** @internal An event of a process. */
  scheduleIn(env: SimEnv | null, delayMs: number, fn: () => void): Timer {
    const event = new SimEvent(this.#now + Math.max(0, delayMs), this.#seq++, fn, env);
    this.#heap.push(event);
    return event;
  }

  /** @internal What came due while its process was paused. */
  again(event: SimEvent): void {
    event.at = this.#now;
    event.seq = this.#seq++;
    this.#heap.push(event);
  }

  /** Runs `ms` of virtual time; every promise that can settle has settled at the end. */
  async run(ms: number): Promise<void> {
    const until = this.#now + ms;
    await this.#drive(() => false, until);
    this.#now = until;
  }

  /**
   * Runs until `isDone` holds, checking after every event.
   * @throws AppError `deadline` naming `what` after `timeoutMs` of virtual time.
   */
  async runUntil(isDone: () => boolean, { timeoutMs, what }: { timeoutMs: number; what: string }): Promise<void> {
    if (await this.#drive(isDone, this.#now + timeoutMs)) return;
    throw new AppError("deadline", `${what} did not happen within ${timeoutMs} simulated ms (seed ${this.seed})`);
  }

  /** Runs until the promise settles and gives its outcome. */
  async resolve<T>(promise: Promise<T>, { timeoutMs, what }: { timeoutMs: number; what: string }): Promise<T> {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    promise.then(mark, mark);
    await this.runUntil(() => settled, { timeoutMs, what });
    return await promise;
  }

  /**
   * One event after the other, each with all promises that follow from it: Node empties the whole microtask queue
   * before the next `nextTick`, so one tick suffices however long the chains are. Asked for from a microtask, that
   * is: outside of one, ticks come before promises.
   * @returns false when nothing is due before `until` and `isDone` does not hold
   */
  #drive(isDone: () => boolean, until: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        try {
          if (this.#failure !== null) throw this.#failure;
          if (isDone()) return resolve(true);
          if (!this.#runNext(until)) return resolve(false);
        } catch (error) {
          return reject(error instanceof Error ? error : new Error(String(error)));
        }
        if (this.#eventsRun % EVENTS_PER_REAL_TURN === 0) setImmediate(turn);
        else queueMicrotask(hop);
      };
      const hop = (): void => process.nextTick(turn);
      queueMicrotask(hop);
    });
  }

  #runNext(until: number): boolean {
    for (let event = this.#heap.peek(); event !== undefined && event.at <= until; event = this.#heap.peek()) {
      this.#heap.pop();
      if (event.isCancelled) continue;
      this.#eventsAtOnce = event.at > this.#now ? 0 : this.#eventsAtOnce + 1;
      if (this.#eventsAtOnce > EVENTS_AT_ONCE_MAX) {
        throw new Error(
          `time stands still at ${this.#now}: ${event.env?.name ?? "the world"} runs ${String(event.fn)}`,
        );
      }
      this.#now = Math.max(this.#now, event.at);
      this.#eventsRun += 1;
      this.hash?.add(`${event.seq}@${this.#now}`);
      if (event.env === null) event.fn();
      else event.env.fire(event);
      return true;
    }
    return false;
  }
}

export type ClockOptions = {
  /** Monotonic time counts from the process's start, as it does on a real machine, not from the world's. */
  readonly fromZero: boolean;
  /** Added to the wall clock. */
  readonly skewMs: number;
  /** How many times as long as they should this machine's seconds are: a slow or fast crystal. */
  readonly drift: number;
  /** Every turn begins so much late: a machine with too much to do. Fixed, or turns would change places. */
  readonly lagMs: number;
};

const TRUE_CLOCK: ClockOptions = { fromZero: false, skewMs: 0, drift: 1, lagMs: 0 };

/** A timer never fires early by its own clock, whatever is lost in converting times. */
const ROUNDING_MS = 1e-6;

/** One simulated process's view of the world. */
export class SimEnv implements Env {
  readonly name: string;
  readonly #sim: Sim;
  readonly #random: () => number;
  #isKilled = false;
  #isPaused = false;
  /** What came due while paused, in order; runs on resume as a flood. */
  #missed: SimEvent[] = [];
  /** Added to the wall clock: jumps and skew. */
  wallSkewMs: number;
  readonly #drift: number;
  readonly #startedAt: number;
  readonly #lagMs: number;
  readonly #lateMs: number;

  constructor(sim: Sim, name: string, { fromZero, skewMs, drift, lagMs }: ClockOptions) {
    this.#sim = sim;
    this.name = name;
    this.#random = seeded(sim.seed, name);
    this.wallSkewMs = skewMs;
    this.#drift = drift;
    this.#lagMs = lagMs;
    this.#startedAt = fromZero ? sim.now : 0;
    this.#lateMs = fromZero || drift !== 1 ? ROUNDING_MS : 0;
  }

  now(): number {
    return (this.#sim.now - this.#startedAt) / this.#drift;
  }

  wallNow(): number {
    return WALL_START_MS + Math.round(this.#sim.now / this.#drift) + this.wallSkewMs;
  }

  random(): number {
    return this.#random();
  }

  randomBytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += 1) bytes[at] = this.#random() * 256;
    return bytes;
  }

  defer(fn: () => void): void {
    this.#schedule(this.#lagMs, fn);
  }

  setTimer(ms: number, fn: () => void): Timer {
    return this.#schedule(ms * this.#drift + this.#lagMs + this.#lateMs, fn);
  }

  /** What reaches this process from outside: at once, or when it goes on. */
  enter(fn: () => void): void {
    if (this.#isKilled) return;
    if (this.#isPaused || this.#lagMs > 0) this.#schedule(this.#lagMs, fn);
    else this.#guarded(fn);
  }

  get isKilled(): boolean {
    return this.#isKilled;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** SIGKILL: nothing that was scheduled here runs any more, nothing can be scheduled. */
  kill(): void {
    this.#isKilled = true;
    this.#missed = [];
  }

  /** SIGSTOP. */
  pause(): void {
    this.#isPaused = true;
  }

  /** SIGCONT: timers that came due run first, then what arrived, as on a real loop after a stall. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    for (const event of this.#missed.splice(0)) this.#sim.again(event);
  }

  #schedule(ms: number, fn: () => void): Timer {
    return this.#isKilled ? NEVER : this.#sim.scheduleIn(this, ms, fn);
  }

  /** @internal */
  fire(event: SimEvent): void {
    if (this.#isKilled) return;
    if (this.#isPaused) this.#missed.push(event);
    else this.#guarded(event.fn);
  }

  #guarded(fn: () => void): void {
    try {
      fn();
    } catch (error) {
      this.#sim.onError(error, this);
    }
  }
}

/** Of a process that is dead already. */
const NEVER: Timer = { cancel: () => undefined };

/**
 * Until no promise can make progress. Asked for from a microtask, that is: outside of one, ticks come before promises,
 * hence the first await.
 */
export async function settle(): Promise<void> {
  await Promise.resolve();
  await new Promise((resolve) => process.nextTick(resolve));
}

/** mulberry32: small, quick and good enough for faults. */
export function prng(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Dice of their own for whoever has this name, from the seed alone. */
export function seeded(seed: number, name: string): () => number {
  return prng(hashSeed(seed, name));
}

/** FNV-1a over the name, started from the seed: each process has dice of its own. */
function hashSeed(seed: number, name: string): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}
