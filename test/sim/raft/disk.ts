/**
 * A machine's disk: two stores as the replica has them, what of them is durable, and everything that can happen to it.
 * A store is what survives; `open` gives a process a handle on it that dies with the process.
 *
 * What damages data (rot, holes, lost tails, old copies) is told apart from what a disk may do (losing what was not
 * synced, failing, stalling): after damage a replica may refuse to start, after the rest it must not.
 */
import { AppError } from "../../../src/util/errors.ts";
import type { KvOp, PromptKv } from "../../../src/util/kv.ts";
import type { Dice, Range } from "./dice.ts";
import type { Process, World } from "./world.ts";

export type DiskFaults = {
  /** What a synced write takes, ms. */
  syncMs: Range;
  /** Probability that a write takes `stallMs` instead. */
  stall: number;
  stallMs: Range;
};

type Batch = { readonly ops: readonly StoredOp[]; readonly sync: boolean };
/** Keys as latin1 text. `value` undefined deletes. */
type StoredOp = { readonly key: string; readonly value: Uint8Array | undefined };
type Content = ReadonlyMap<string, Uint8Array>;

/** Batches that a lost tail can take back. */
const UNDO_MAX = 16;

/** Two stores, as on a real data directory. */
export class Disk {
  readonly log = new DiskStore();
  readonly snapshots = new DiskStore();
  /** Why every write fails; null: they succeed. */
  failure: "EIO" | "ENOSPC" | null = null;
  faults: DiskFaults;
  /** Until when the writes under way take, stalls included. */
  busyUntil = 0;

  constructor(faults: DiskFaults) {
    this.faults = faults;
  }

  /** The process is gone. `power`: so is what was not synced, by chance. */
  crash(dice: Dice, { power }: { power: boolean }): void {
    for (const store of [this.log, this.snapshots]) store.crash(dice, { power });
  }

  copy(): { readonly log: Content; readonly snapshots: Content } {
    return { log: this.log.copy(), snapshots: this.snapshots.copy() };
  }

  /** No process may have it open. */
  putBack(copy: { readonly log: Content; readonly snapshots: Content }): void {
    this.log.putBack(copy.log);
    this.snapshots.putBack(copy.snapshots);
  }

  wipe(): void {
    this.putBack({ log: new Map(), snapshots: new Map() });
  }
}

export class DiskStore {
  /** What survives a power cut. */
  #base = new Map<string, Uint8Array>();
  /** Done and not synced, in order. A later sync does not cover them, it only replaces what it writes itself. */
  #unsynced: Batch[] = [];
  /** Every key that they write, and some that are in none any more. */
  #unsyncedKeys = new Set<string>();
  #underWay: Batch[] = [];
  /** What the last durable batches replaced, newest last. */
  #undo: StoredOp[][] = [];
  /** Told whatever becomes durable. */
  onDurable: (ops: readonly StoredOp[]) => void = () => undefined;

  begin(batch: Batch): void {
    this.#underWay.push(batch);
  }

  complete(batch: Batch): void {
    const at = this.#underWay.indexOf(batch);
    // The machine crashed meanwhile.
    if (at === -1) return;
    this.#underWay.splice(at, 1);
    if (batch.sync) {
      this.#apply(batch);
      return;
    }
    this.#unsynced.push(batch);
    for (const { key } of batch.ops) this.#unsyncedKeys.add(key);
  }

  abandon(batch: Batch): void {
    this.#underWay = this.#underWay.filter((other) => other !== batch);
  }

  #apply({ ops }: Batch): void {
    if (this.#unsynced.length > 0 && ops.some(({ key }) => this.#unsyncedKeys.has(key))) {
      const keys = new Set(ops.map(({ key }) => key));
      this.#unsynced = this.#unsynced.map((batch) => ({
        ...batch,
        ops: batch.ops.filter(({ key }) => !keys.has(key)),
      }));
    }
    const undo: StoredOp[] = [];
    for (const { key, value } of ops) {
      undo.push({ key, value: this.#base.get(key) });
      if (value === undefined) this.#base.delete(key);
      else this.#base.set(key, value);
    }
    this.#undo.push(undo.reverse());
    if (this.#undo.length > UNDO_MAX) this.#undo.shift();
    this.onDurable(ops);
  }

  crash(dice: Dice, { power }: { power: boolean }): void {
    const unsynced = this.#unsynced;
    this.#unsynced = [];
    for (const batch of unsynced) if (!power || dice.chance(0.5)) this.#apply(batch);
    // In order, as one file has them: none is there without the one before it.
    for (const batch of this.#underWay) {
      if (dice.chance(0.5)) break;
      this.#apply(batch);
    }
    this.#underWay = [];
  }

  // What a process that starts finds

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#base.get(text(key));
  }

  /** Keys in [gte, lt), ascending. */
  range(gte: Uint8Array, lt: Uint8Array): { readonly key: Buffer; readonly value: Uint8Array }[] {
    const [from, to] = [text(gte), text(lt)];
    const keys = [...this.#base.keys()].filter((key) => key >= from && key < to).sort();
    return keys.map((key) => ({ key: Buffer.from(key, "latin1"), value: this.#base.get(key)! }));
  }

  // Damage

  copy(): Content {
    return new Map(this.#base);
  }

  putBack(content: Content): void {
    this.#base = new Map(content);
    this.#undo = [];
    this.#unsynced = [];
    this.#underWay = [];
  }

  /** One bit of one value. @returns the key, or null where there is none */
  rot(dice: Dice): string | null {
    const key = dice.pickOr([...this.#base.keys()].sort());
    if (key === null) return null;
    const value = new Uint8Array(this.#base.get(key) ?? []);
    const bit = Math.floor(dice.next() * value.byteLength * 8);
    value[bit >> 3] = (value[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    this.#base.set(key, value);
    return key;
  }

  /** One whole value is gone. */
  lose(dice: Dice): string | null {
    const key = dice.pickOr([...this.#base.keys()].sort());
    if (key !== null) this.#base.delete(key);
    return key;
  }

  /** The newest durable batches are gone, as when LevelDB drops a damaged end. @returns how many */
  loseTail(count: number): number {
    const lost = this.#undo.splice(Math.max(0, this.#undo.length - count));
    for (const undo of lost.toReversed()) {
      for (const { key, value } of undo) {
        if (value === undefined) this.#base.delete(key);
        else this.#base.set(key, value);
      }
    }
    return lost.length;
  }
}

/** A process's handle on one store: writes end one after the other, late, or never. */
export class DiskHandle implements PromptKv {
  readonly #world: World;
  readonly #process: Process;
  readonly #disk: Disk;
  readonly #store: DiskStore;
  #lastDoneAt = 0;

  constructor(deps: { world: World; process: Process; disk: Disk }, store: DiskStore) {
    this.#world = deps.world;
    this.#process = deps.process;
    this.#disk = deps.disk;
    this.#store = store;
  }

  batch(ops: readonly KvOp[], { sync }: { readonly sync: boolean }): PromiseLike<void> {
    const completion = new Completion();
    if (this.#process.isKilled) return completion;
    const { dice } = this.#world;
    const { syncMs, stall, stallMs } = this.#disk.faults;
    const takesMs = dice.chance(stall) ? dice.within(stallMs) : sync ? dice.within(syncMs) : syncMs[0] / 4;
    const batch: Batch = { ops: ops.map(stored), sync };
    this.#store.begin(batch);
    this.#lastDoneAt = Math.max(this.#lastDoneAt, this.#world.now + takesMs);
    this.#disk.busyUntil = Math.max(this.#disk.busyUntil, this.#lastDoneAt);
    this.#world.after(this.#lastDoneAt - this.#world.now, () => this.#done(batch, completion));
    return completion;
  }

  #done(batch: Batch, completion: Completion): void {
    const { failure } = this.#disk;
    if (failure === null) this.#store.complete(batch);
    // What a failed write left behind, nobody knows.
    else if (this.#world.dice.chance(0.5)) this.#store.abandon(batch);
    const error = failure === null ? null : new AppError("unavailable", `Write failed: ${failure}`);
    this.#process.enter(() => completion.settle(error));
  }

  get(): Promise<never> {
    throw new Error("The simulator reads disks itself");
  }

  range(): Promise<never> {
    throw new Error("The simulator reads disks itself");
  }

  close(): Promise<never> {
    throw new Error("Simulated processes end by being killed");
  }
}

type Outcome = ((value: void) => unknown) | null | undefined;
type Failure = ((reason: unknown) => unknown) | null | undefined;

/** A promise that calls back at once, whoever waits for it: one at most. */
class Completion implements PromiseLike<void> {
  #onDone: Outcome = null;
  #onFailed: Failure = null;
  #next: Completion | null = null;

  // oxlint-disable-next-line unicorn/no-thenable -- that is what it is for
  then<A = void, B = never>(onDone?: Outcome, onFailed?: Failure): PromiseLike<A | B> {
    this.#onDone = onDone;
    this.#onFailed = onFailed;
    this.#next = new Completion();
    // Nobody looks at what the handlers return.
    return this.#next as unknown as PromiseLike<A | B>;
  }

  settle(error: AppError | null): void {
    if (error === null) this.#onDone?.();
    else this.#onFailed?.(error);
    this.#next?.settle(null);
  }
}

function stored(op: KvOp): StoredOp {
  return { key: text(op.key), value: op.kind === "put" ? Buffer.from(op.value) : undefined };
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
