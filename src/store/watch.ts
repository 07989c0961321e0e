/**
 * The recent past, for watchers. There is one ring of change sets and a watcher is a position in
 * it: a slow one costs no memory, and one that falls out of the ring is told `compacted`.
 */
import type { Change, ChangeSet } from "./types.ts";

/** Change sets kept, and their approximate bytes: the resume window. */
export const WATCH_SETS_MAX = 10_000;
export const WATCH_BYTES_MAX = 32 * 1024 * 1024;

export type WatchOptions = {
  /** Changes after this version; undefined starts now. */
  readonly resumeFrom?: number;
  readonly filter?: (change: Change) => boolean;
  /** Something may be there to read; called in the turn it is committed, until it was read to the end. */
  readonly onReady?: () => void;
};

export interface Watcher {
  /** Changes up to this version were passed over or read. */
  readonly version: number;
  /** The next set with at least one matching change; `undefined`: nothing now. After `compacted` nothing follows. */
  next(): ChangeSet | "compacted" | undefined;
  close(): void;
}

type Slot = { readonly set: ChangeSet; readonly bytes: number };

export class WatchHub {
  readonly #setsMax: number;
  readonly #bytesMax: number;
  readonly #slots: (Slot | undefined)[];
  readonly #watchers = new Set<RingWatcher>();
  /** Sequence numbers of the oldest set kept and of the next one. */
  #first = 0;
  #next = 0;
  #bytes = 0;
  /** Every change after this version is in the ring. */
  #floor = 0;
  #version = 0;

  constructor({ setsMax = WATCH_SETS_MAX, bytesMax = WATCH_BYTES_MAX }: { setsMax?: number; bytesMax?: number } = {}) {
    this.#setsMax = setsMax;
    this.#bytesMax = bytesMax;
    this.#slots = Array.from({ length: setsMax });
  }

  /** The oldest version a watch can resume from. */
  get floor(): number {
    return this.#floor;
  }

  get version(): number {
    return this.#version;
  }

  get size(): number {
    return this.#next - this.#first;
  }

  watch(options: WatchOptions = {}): Watcher {
    const watcher = new RingWatcher(this, options);
    this.#watchers.add(watcher);
    return watcher;
  }

  /** An entry without changes: watchers may resume from here all the same. */
  advance(version: number): void {
    this.#version = version;
  }

  /** @param bytes about what the set keeps in memory. */
  append(set: ChangeSet, bytes: number): void {
    this.#version = set.version;
    if (set.changes.length === 0) return;
    if (this.size >= this.#setsMax) this.#dropOldest();
    this.#slots[this.#next % this.#setsMax] = { set, bytes };
    this.#next += 1;
    this.#bytes += bytes;
    while (this.#bytes > this.#bytesMax && this.size > 1) this.#dropOldest();
    for (const watcher of this.#watchers) watcher.wake();
  }

  /** The state was replaced: nobody can go on across this version. */
  reset(version: number): void {
    this.#slots.fill(undefined);
    this.#first = this.#next;
    this.#bytes = 0;
    this.#floor = version;
    this.#version = version;
    for (const watcher of this.#watchers) watcher.compact();
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close();
  }

  /** For watchers: the sequence number of the first set after `version`. */
  seek(version: number): number {
    let low = this.#first;
    let high = this.#next;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.at(middle)?.version ?? 0) > version) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  at(sequence: number): ChangeSet | undefined {
    if (sequence < this.#first || sequence >= this.#next) return undefined;
    return this.#slots[sequence % this.#setsMax]?.set;
  }

  get end(): number {
    return this.#next;
  }

  isDropped(sequence: number): boolean {
    return sequence < this.#first;
  }

  forget(watcher: RingWatcher): void {
    this.#watchers.delete(watcher);
  }

  #dropOldest(): void {
    const at = this.#first % this.#setsMax;
    const slot = this.#slots[at];
    this.#slots[at] = undefined;
    this.#first += 1;
    this.#bytes -= slot?.bytes ?? 0;
    this.#floor = slot?.set.version ?? this.#floor;
  }
}

class RingWatcher implements Watcher {
  readonly #hub: WatchHub;
  readonly #filter: (change: Change) => boolean;
  readonly #onReady: () => void;
  #at: number;
  #version: number;
  #state: "open" | "compacted" | "closed" = "open";

  constructor(hub: WatchHub, { resumeFrom, filter = () => true, onReady = () => undefined }: WatchOptions) {
    this.#hub = hub;
    this.#filter = filter;
    this.#onReady = onReady;
    this.#version = resumeFrom ?? hub.version;
    this.#at = hub.seek(this.#version);
    if (this.#version < hub.floor) this.#state = "compacted";
  }

  get version(): number {
    return this.#version;
  }

  next(): ChangeSet | "compacted" | undefined {
    if (this.#state === "open" && this.#hub.isDropped(this.#at)) this.#state = "compacted";
    if (this.#state === "compacted") {
      this.close();
      return "compacted";
    }
    if (this.#state === "closed") return undefined;
    while (this.#at < this.#hub.end) {
      const set = this.#hub.at(this.#at);
      this.#at += 1;
      // A watch resumed from a version this replica has not reached yet passes over what is older.
      if (set === undefined || set.version <= this.#version) continue;
      this.#version = set.version;
      const changes = set.changes.filter(this.#filter);
      if (changes.length === set.changes.length) return set;
      if (changes.length > 0) return { ...set, changes };
    }
    this.#version = Math.max(this.#version, this.#hub.version);
    return undefined;
  }

  close(): void {
    this.#state = "closed";
    this.#hub.forget(this);
  }

  wake(): void {
    this.#onReady();
  }

  compact(): void {
    this.#state = "compacted";
    this.#onReady();
  }
}
