/**
 * A machine's disk in memory: named Kv stores that survive a process, lose what was not synced on
 * power loss, and can be told to fail, stall, tear or rot. `MemoryDisk` is the disk, so it outlives
 * the simulated process; each `open` is a handle that dies in a crash.
 */
import { AppError } from "../../src/util/errors.ts";
import type { Env } from "../../src/util/env.ts";
import type { Kv, KvEntry, KvFactory, KvOp, KvRange } from "../../src/util/kv.ts";

export type DiskFaults = {
  /** Milliseconds until a batch is done. Default: 0 (still a later event). */
  writeDelayMs?: (store: string, sync: boolean) => number;
  /** An error makes the batch fail, and the handle is of no use any more. */
  failWrite?: (store: string, ops: readonly KvOp[]) => Error | null;
  /** Whether a failed batch is found at the next opening all the same. Default: never. */
  failedSurvives?: () => boolean;
};

export type CrashOptions = {
  /** Power loss (default) may take everything unsynced; a killed process loses only what was under way. */
  readonly kind?: "power" | "process";
  /** Uniform in [0, 1): decides batch by batch what survives of unsynced data. Absent: nothing does. */
  readonly random?: () => number;
  /** A batch under way may leave any prefix of its operations, which LevelDB promises not to do. */
  readonly tear?: boolean;
};

type Batch = { readonly ops: readonly KvOp[]; readonly sync: boolean };

export type DiskCopy = ReadonlyMap<string, SortedBytes>;

export class MemoryDisk {
  readonly #stores = new Map<string, Store>();
  faults: DiskFaults = {};

  /** What a process opens its stores through; `env` is that process. */
  factory(env: Env): KvFactory {
    return { open: async (name) => this.#store(name).open(env, () => this.faults) };
  }

  /** Every open handle is dead from here on; its promises never settle. */
  crash(options: CrashOptions = {}): void {
    for (const store of this.#stores.values()) store.crash(options);
  }

  /** Raw access for tests that flip bits or dig holes; sees completed writes. */
  keys(name: string): Uint8Array[] {
    return this.#store(name).visible.keys();
  }

  /** @param change gives the new bytes, or null to lose the record. */
  corrupt(name: string, key: Uint8Array, change: (value: Uint8Array) => Uint8Array | null): void {
    this.#store(name).corrupt(key, change);
  }

  /** What is on it now, as a snapshot of the machine would keep it. */
  copy(): DiskCopy {
    return new Map([...this.#stores].map(([name, store]) => [name, store.visible.clone()]));
  }

  /** An earlier copy takes the place of everything. No process may have it open. */
  putBack(copy: DiskCopy): void {
    this.#stores.clear();
    for (const [name, content] of copy) this.#stores.set(name, new Store(name, content));
  }

  /** A machine reinstalled. */
  wipe(): void {
    this.#stores.clear();
  }

  has(name: string): boolean {
    return this.#stores.has(name);
  }

  /** Its folder is deleted. No process may have it open. */
  remove(name: string): void {
    this.#stores.delete(name);
  }

  /** What there is. */
  names(): readonly string[] {
    return [...this.#stores.keys()];
  }

  #store(name: string): Store {
    const known = this.#stores.get(name);
    if (known !== undefined) return known;
    const made = new Store(name);
    this.#stores.set(name, made);
    return made;
  }
}

/** For tests without faults: one disk, one process. */
export function memoryKvFactory(env: Env): KvFactory {
  return new MemoryDisk().factory(env);
}

class Store {
  readonly #name: string;
  visible: SortedBytes;
  /** What a power loss leaves, before `#tail` is replayed. */
  #base: SortedBytes;
  /** Completed batches since the oldest unsynced one. */
  #tail: Batch[] = [];
  /** Started, not completed. */
  #underWay = new Set<Batch>();
  /** Failed: a disk that says so may have written it. */
  #failed: Batch[] = [];
  #handle: MemoryKv | null = null;

  constructor(name: string, content = new SortedBytes()) {
    this.#name = name;
    this.visible = content.clone();
    this.#base = content.clone();
  }

  open(env: Env, faults: () => DiskFaults): Kv {
    if (this.#handle !== null) throw new AppError("unavailable", `Store ${this.#name} is open already`);
    for (const batch of this.#failed.splice(0)) {
      if (faults().failedSurvives?.() === true) this.complete(batch);
    }
    this.#handle = new MemoryKv(this, { name: this.#name, env, faults });
    return this.#handle;
  }

  release(handle: MemoryKv): void {
    if (this.#handle === handle) this.#handle = null;
  }

  begin(batch: Batch): void {
    this.#underWay.add(batch);
  }

  fail(batch: Batch): void {
    this.#underWay.delete(batch);
    this.#failed.push(batch);
  }

  complete(batch: Batch): void {
    this.#underWay.delete(batch);
    this.visible.apply(batch.ops);
    if (batch.sync && this.#tail.length === 0) this.#base.apply(batch.ops);
    else this.#tail.push(batch);
  }

  crash({ kind = "power", random, tear = false }: CrashOptions): void {
    const survives = (): boolean => random !== undefined && random() < 0.5;
    const next = this.#base;
    for (const batch of this.#tail) {
      if (batch.sync || kind === "process" || survives()) next.apply(batch.ops);
    }
    for (const batch of this.#underWay) {
      if (!survives()) continue;
      const kept = tear && random !== undefined ? Math.floor(random() * (batch.ops.length + 1)) : batch.ops.length;
      next.apply(batch.ops.slice(0, kept));
    }
    this.visible = next;
    this.#base = next.clone();
    this.#tail = [];
    this.#underWay.clear();
    this.#handle?.die();
    this.#handle = null;
  }

  corrupt(key: Uint8Array, change: (value: Uint8Array) => Uint8Array | null): void {
    const value = this.visible.get(key);
    if (value === undefined) throw new AppError("not-found", `Store ${this.#name} has no such key`);
    const changed = change(Uint8Array.from(value));
    const op: KvOp = changed === null ? { kind: "delete", key } : { kind: "put", key, value: changed };
    this.visible.apply([op]);
    this.#base.apply([op]);
  }
}

class MemoryKv implements Kv {
  readonly #store: Store;
  readonly #name: string;
  readonly #env: Env;
  readonly #faults: () => DiskFaults;
  #isDead = false;
  /** A write failed: LevelDB refuses every later one. */
  #failure: Error | null = null;
  /** Batches complete in the order they were started, as a single log file would have it. */
  #lastDoneAt = 0;

  constructor(store: Store, { name, env, faults }: { name: string; env: Env; faults: () => DiskFaults }) {
    this.#store = store;
    this.#name = name;
    this.#env = env;
    this.#faults = faults;
  }

  die(): void {
    this.#isDead = true;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const value = this.#store.visible.get(key);
    return this.#isDead ? await never() : value === undefined ? undefined : new Uint8Array(value);
  }

  async batch(ops: readonly KvOp[], { sync }: { readonly sync: boolean }): Promise<void> {
    if (this.#isDead) return await never();
    if (this.#failure !== null) throw this.#failure;
    const failure = this.#faults().failWrite?.(this.#name, ops) ?? null;
    // Copied: a caller may reuse its buffers as soon as the call returns.
    const batch: Batch = { ops: ops.map(copyOp), sync };
    const delayMs = this.#faults().writeDelayMs?.(this.#name, sync) ?? 0;
    this.#lastDoneAt = Math.max(this.#lastDoneAt, this.#env.now() + delayMs);
    this.#store.begin(batch);
    await new Promise<void>((resolve, reject) => {
      this.#env.setTimer(this.#lastDoneAt - this.#env.now(), () => {
        if (this.#isDead) return;
        if (failure === null) {
          this.#store.complete(batch);
          resolve();
          return;
        }
        this.#store.fail(batch);
        this.#failure = failure;
        reject(failure);
      });
    });
  }

  async range({ gte, lt, limit, reverse = false }: KvRange): Promise<KvEntry[]> {
    return this.#isDead ? await never() : this.#store.visible.range({ gte, lt, limit, reverse });
  }

  async close(): Promise<void> {
    this.#isDead = true;
    this.#store.release(this);
  }
}

/** Keys in byte order; latin1 text keeps that order under string comparison. */
class SortedBytes {
  #keys: string[];
  #values: Map<string, Uint8Array>;

  constructor(keys: string[] = [], values = new Map<string, Uint8Array>()) {
    this.#keys = keys;
    this.#values = values;
  }

  clone(): SortedBytes {
    return new SortedBytes([...this.#keys], new Map(this.#values));
  }

  keys(): Uint8Array[] {
    return this.#keys.map((key) => Uint8Array.from(Buffer.from(key, "latin1")));
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#values.get(text(key));
  }

  apply(ops: readonly KvOp[]): void {
    for (const op of ops) {
      const key = text(op.key);
      const at = this.#lowerBound(key);
      const isKnown = this.#keys[at] === key;
      if (op.kind === "put") {
        if (!isKnown) this.#keys.splice(at, 0, key);
        this.#values.set(key, op.value);
      } else if (isKnown) {
        this.#keys.splice(at, 1);
        this.#values.delete(key);
      }
    }
  }

  range({ gte, lt, limit, reverse }: Required<KvRange>): KvEntry[] {
    let keys = this.#keys.slice(this.#lowerBound(text(gte)), this.#lowerBound(text(lt)));
    keys = reverse ? keys.reverse().slice(0, limit) : keys.slice(0, limit);
    return keys.map((key) => ({
      key: Uint8Array.from(Buffer.from(key, "latin1")),
      value: new Uint8Array(this.#values.get(key) ?? []),
    }));
  }

  #lowerBound(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#keys[middle] ?? "") < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function copyOp(op: KvOp): KvOp {
  const key = new Uint8Array(op.key);
  return op.kind === "put" ? { kind: "put", key, value: new Uint8Array(op.value) } : { kind: "delete", key };
}

/** What a dead process's calls do. */
function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}
