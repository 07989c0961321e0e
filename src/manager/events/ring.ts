/**
 * Events on this manager's disk, keyed by (version, n): the newest so many, the oldest dropped. Outside log and snapshot.
 *
 * What is not written yet is derived again from the log after a crash, so writing is lazy: one synced batch for what came
 * together. Before a snapshot takes the place of log entries, `settle` has everything up to it on disk. A state that
 * came as somebody's snapshot leaves a gap, which is kept, shown, and filled from other managers (fill.ts).
 */
import type { EventLimits } from "../../model/event-limits.ts";
import type { Event, EventGap, EventPosition } from "../../model/index.ts";
import type { EventsState } from "../../proto/gen/EventsState.ts";
import { codec } from "../../proto/load.ts";
import type { Env, Timer } from "../../util/env.ts";
import { AppError, rethrowBug } from "../../util/errors.ts";
import type { Kv, KvFactory, KvOp } from "../../util/kv.ts";
import { EVENT_KEYS, eventKey, STATE_KEY } from "./keys.ts";
import { isAfter, LAST_N, withGap } from "./position.ts";

/** The store's name below the data directory. */
export const EVENT_STORE = "events";
/** From the first event that is not on disk until it is written, with what came meanwhile. */
export const WRITE_AFTER_MS = 500;
/** So many are written at once. */
const WRITE_AT_ONCE = 2_000;
/** Events in memory because the disk is slow; the log of the same disk stands still long before. */
export const WAITING_MAX = 50_000;
/** Dropped with one write. More than one brings, so that a lowered limit is reached in the end. */
const DROPPED_PER_WRITE_MAX = 4_000;
/** Of those that are too old, where none is too many. */
const EXPIRED_PER_WRITE = 500;

const eventCodec = codec("Event");
const stateCodec = codec("EventsState");

export type RingDeps = {
  readonly env: Env;
  readonly kvFactory: KvFactory;
  /** What the cluster's spec asks for now. */
  readonly limits: () => EventLimits;
  readonly onFatal: (error: AppError) => void;
};

export type Page = {
  readonly events: readonly Event[];
  /** How far it goes: the last event's place, or all that is known. */
  readonly end: EventPosition;
  readonly hasMore: boolean;
};

/** A part of a gap, as another manager has it. */
export type Filling = {
  readonly events: readonly Event[];
  /** These are all of the gap up to this version. */
  readonly upTo: number;
  /** But for those that the other one has not, either. */
  readonly gaps: readonly EventGap[];
};

export class EventRing {
  readonly #deps: RingDeps;
  #kv: Kv | null = null;
  /** As on disk. */
  #state: EventsState = { version: 0, count: 0, gaps: [], dropped: null, droppedMs: 0 };
  /** Cluster time of the oldest event on disk; null without one. */
  #oldestMs: number | null = null;
  #timeMs = 0;
  /** Everything up to this version is on disk or in `#waiting`. */
  #version = 0;
  /** Not on disk yet, in order. */
  #waiting: Event[] = [];
  /** Of a state that came as a snapshot: to be written with what waits. */
  #newGaps: EventGap[] = [];
  #timer: Timer | null = null;
  /** One write at a time, and reads of what it changes in between. */
  #queue: Promise<void> = Promise.resolve();
  #failure: AppError | null = null;
  readonly #listeners = new Set<() => void>();

  constructor(deps: RingDeps) {
    this.#deps = deps;
  }

  /** @throws AppError `corrupt` | `unavailable`, with the directory */
  async open(): Promise<void> {
    this.#kv = await this.#deps.kvFactory.open(EVENT_STORE);
    const bytes = await this.#kv.get(STATE_KEY);
    if (bytes !== undefined) this.#state = stateCodec.decode(bytes);
    this.#version = this.#state.version;
    const [oldest] = await this.#read({ after: null, limit: 1 });
    this.#oldestMs = oldest?.timeMs ?? null;
  }

  /** The state that a change made: all its events are known. */
  get version(): number {
    return this.#version;
  }

  get count(): number {
    return this.#state.count + this.#waiting.length;
  }

  get gaps(): readonly EventGap[] {
    return [...this.#state.gaps, ...this.#newGaps];
  }

  /** What was dropped for its age or number. */
  get expired(): EventGap | null {
    const { dropped, droppedMs } = this.#state;
    if (dropped === null) return null;
    return { afterVersion: 0, upToVersion: dropped.version, upToMs: droppedMs, expired: true };
  }

  /** Events of one applied entry; of one that is on disk already they are known. */
  note(version: number, timeMs: number, events: readonly Event[]): void {
    this.#timeMs = Math.max(this.#timeMs, timeMs);
    if (version <= this.#version) return;
    this.#version = version;
    if (events.length === 0) return;
    if (this.#waiting.length >= WAITING_MAX) this.#giveUpWaiting();
    this.#waiting.push(...events);
    if (this.#waiting.length >= WRITE_AT_ONCE) this.#writeSoon(0);
    else this.#writeSoon(WRITE_AFTER_MS);
    for (const listener of this.#listeners) listener();
  }

  /** The state is a snapshot's now: of what happened up to it, only what was noted before is known. */
  replaced(version: number, timeMs: number): void {
    this.#timeMs = Math.max(this.#timeMs, timeMs);
    if (version <= this.#version) return;
    this.#newGaps.push({ afterVersion: this.#version, upToVersion: version, upToMs: timeMs, expired: false });
    this.#version = version;
    this.#writeSoon(WRITE_AFTER_MS);
    for (const listener of this.#listeners) listener();
  }

  /** Called when there is more to read. @returns what ends it */
  onNews(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The oldest events after a place. */
  async page(after: EventPosition, limit: number): Promise<Page> {
    // Taken before the disk is read: what is written meanwhile is in one of both.
    const waiting = this.#waiting.filter((event) => isAfter(event, after));
    const end = { version: Math.max(this.#version, after.version), n: LAST_N };
    const stored = await this.#read({ after, limit: limit + 1 });
    const last = stored.at(-1);
    const all = [...stored, ...waiting.filter((event) => last === undefined || isAfter(event, last))];
    const events = all.slice(0, limit);
    const lastShown = events.at(-1);
    if (all.length <= limit || lastShown === undefined) return { events, end, hasMore: false };
    return { events, end: { version: lastShown.version, n: lastShown.n }, hasMore: true };
  }

  /** The place after which everything is of `sinceMs` or later. Times rise with versions. */
  async placeBefore(sinceMs: number): Promise<EventPosition> {
    let low = 0;
    let high = this.#state.version + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [first] = await this.#read({ after: { version: middle - 1, n: LAST_N }, limit: 1 });
      if (first === undefined || first.timeMs >= sinceMs) high = middle;
      else low = first.version + 1;
    }
    return { version: Math.max(0, low - 1), n: LAST_N };
  }

  /** Everything up to `version`, which is applied, is on disk when it resolves. @throws the AppError that stopped writing */
  async settle(version: number): Promise<void> {
    this.note(version, this.#timeMs, []);
    while (this.#state.version < version) await this.#write();
  }

  /** Narrows a gap from its beginning. @returns false where there is no such gap any more */
  async fill(gap: EventGap, { events, upTo, gaps }: Filling): Promise<boolean> {
    let isKnown = false;
    await this.#inTurn(async () => {
      const rest = this.#state.gaps.filter((known) => known.upToVersion !== gap.upToVersion);
      isKnown = rest.length < this.#state.gaps.length;
      if (!isKnown) return;
      const found = [...rest, ...gaps];
      if (upTo < gap.upToVersion) found.push({ ...gap, afterVersion: upTo });
      // What is before that is too old, and would never be dropped again.
      const { dropped } = this.#state;
      const live = events.filter((event) => dropped === null || isAfter(event, dropped));
      const ops = live.map(putOp);
      await this.#commit(ops, { ...this.#state, gaps: sorted(found), count: this.#state.count + live.length });
      const oldest = live[0]?.timeMs ?? Infinity;
      if (live.length > 0) this.#oldestMs = Math.min(this.#oldestMs ?? Infinity, oldest);
    });
    return isKnown;
  }

  async flush(): Promise<void> {
    while (this.#failure === null && this.#isDirty) await this.#write();
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    const kv = this.#kv;
    if (kv === null) return;
    try {
      await this.flush();
    } catch (error) {
      // Told by onFatal; what is missing is derived again.
      rethrowBug(error);
    }
    this.#kv = null;
    // Who waits for more hears that there is none.
    for (const listener of this.#listeners) listener();
    await kv.close();
  }

  get #isDirty(): boolean {
    return this.#waiting.length > 0 || this.#newGaps.length > 0 || this.#state.version < this.#version;
  }

  #giveUpWaiting(): void {
    const first = this.#waiting[0];
    const last = this.#waiting.at(-1);
    if (first === undefined || last === undefined) return;
    const upToVersion = last.version;
    this.#newGaps.push({ afterVersion: first.version - 1, upToVersion, upToMs: last.timeMs, expired: false });
    this.#waiting = [];
  }

  #writeSoon(ms: number): void {
    if (ms === 0) {
      this.#timer?.cancel();
      this.#timer = null;
    }
    if (this.#timer !== null || this.#kv === null) return;
    this.#timer = this.#deps.env.setTimer(ms, () => {
      this.#timer = null;
      // Its failure is told by onFatal.
      this.#write().catch(rethrowBug);
    });
  }

  /** What waits when its turn comes, and as many of the oldest as are too many. */
  async #write(): Promise<void> {
    await this.#inTurn(async () => {
      if (!this.#isDirty) return;
      const events = [...this.#waiting];
      const newGaps = [...this.#newGaps];
      const version = this.#version;
      const gone = await this.#tooMany(events.length);
      const gaps = sorted([...this.#state.gaps, ...newGaps]);
      const count = this.#state.count + events.length - gone.ops.length;
      const { dropped = this.#state.dropped, droppedMs = this.#state.droppedMs } = gone;
      const live = gaps.filter((gap) => dropped === null || gap.upToVersion > dropped.version);
      await this.#commit([...gone.ops, ...events.map(putOp)], { version, count, gaps: live, dropped, droppedMs });
      // Not by their number: more may have come, or all may have been given up.
      const last = events.at(-1);
      if (last !== undefined) this.#waiting = this.#waiting.filter((event) => isAfter(event, last));
      this.#newGaps = this.#newGaps.filter((gap) => !newGaps.includes(gap));
      if (gone.nextMs !== undefined) this.#oldestMs = gone.nextMs;
      this.#oldestMs ??= events[0]?.timeMs ?? null;
    });
  }

  async #tooMany(added: number): Promise<{
    readonly ops: readonly KvOp[];
    readonly dropped?: EventPosition;
    readonly droppedMs?: number;
    /** Of the oldest that stays on disk, where that is another one now. */
    readonly nextMs?: number | null;
  }> {
    const { keptMs, kept } = this.#deps.limits();
    const excess = this.#state.count + added - kept;
    const before = this.#timeMs - keptMs;
    if (excess <= 0 && (this.#oldestMs ?? Infinity) >= before) return { ops: [] };
    // From where it was dropped to: before that LevelDB would step over every deleted key again.
    const limit = Math.min(Math.max(excess, EXPIRED_PER_WRITE), DROPPED_PER_WRITE_MAX) + 1;
    const oldest = await this.#read({ after: this.#state.dropped, limit });
    const stays = oldest.findIndex((event, at) => at >= excess && event.timeMs >= before);
    const gone = oldest.slice(0, Math.min(stays === -1 ? oldest.length : stays, limit - 1));
    const last = gone.at(-1);
    if (last === undefined) return { ops: [] };
    const ops = gone.map((event): KvOp => ({ kind: "delete", key: eventKey(event) }));
    const dropped = { version: last.version, n: last.n };
    return { ops, dropped, droppedMs: last.timeMs, nextMs: oldest[gone.length]?.timeMs ?? null };
  }

  async #commit(ops: readonly KvOp[], state: EventsState): Promise<void> {
    const value = stateCodec.encode(state);
    await this.#store().batch([...ops, { kind: "put", key: STATE_KEY, value }], { sync: true });
    this.#state = state;
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#queue.then(async () => {
      if (this.#failure !== null) throw this.#failure;
      try {
        await work();
      } catch (error) {
        this.#failure ??= AppError.from(error);
        this.#deps.onFatal(this.#failure);
        throw this.#failure;
      }
    });
    this.#queue = turn.catch(() => undefined);
    await turn;
  }

  async #read({ after, limit }: { after: EventPosition | null; limit: number }): Promise<Event[]> {
    const gte = after === null ? EVENT_KEYS.gte : eventKey({ version: after.version, n: after.n }, "after");
    const entries = await this.#store().range({ gte, lt: EVENT_KEYS.lt, limit });
    return entries.map(({ value }) => eventCodec.decode(value));
  }

  #store(): Kv {
    if (this.#kv !== null) return this.#kv;
    throw new AppError("unavailable", "This manager stops", { next: "ask another manager" });
  }
}

function putOp(event: Event): KvOp {
  return { kind: "put", key: eventKey(event), value: eventCodec.encode(event) };
}

function sorted(gaps: readonly EventGap[]): EventGap[] {
  let all: readonly EventGap[] = [];
  for (const gap of gaps) all = withGap(all, gap);
  return [...all];
}
