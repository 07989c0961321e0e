/**
 * The Storage seam: an ordered byte store with atomic batches. disk/level-kv.ts is the real one;
 * the simulator's loses unsynced batches on a crash. Everything that must be durable goes into a
 * synced batch itself: a later sync does not cover an earlier unsynced one (reference: LevelDB
 * closes a rotated log without fsync).
 */
export type KvOp =
  | { readonly kind: "put"; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly kind: "delete"; readonly key: Uint8Array };

export interface Kv {
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  /** Atomic. With `sync` it resolves only once durable. Any rejection is final: the store is then unusable. */
  batch(ops: readonly KvOp[], options: { readonly sync: boolean }): Promise<void>;
  /**
   * Keys in [gte, lt), ascending, in pages of at most `limit`. Callers page by passing the last
   * key's successor as the next `gte`.
   */
  range(options: KvRange): Promise<KvEntry[]>;
  close(): Promise<void>;
}

/** A store whose writes may call back in the very turn in which they are done: a simulator's, that waits for nothing. */
export type PromptKv = Omit<Kv, "batch"> & {
  batch(...args: Parameters<Kv["batch"]>): PromiseLike<void>;
};

export type KvRange = {
  readonly gte: Uint8Array;
  readonly lt: Uint8Array;
  readonly limit: number;
  readonly reverse?: boolean;
};
export type KvEntry = { readonly key: Uint8Array; readonly value: Uint8Array };

/** Opens named stores below one data directory. A second opener of the same name is refused. */
export interface KvFactory {
  open(name: string): Promise<Kv>;
}
