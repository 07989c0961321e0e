/** One secondary index: the ids of the rows that have a key, in the order in which they got it. */
import type { KeyOf } from "./schema.ts";

/** A bucket with one id is that id: most keys of `slot` have one task, and a Set each would cost 200 bytes. */
export class TableIndex<Row> {
  readonly keyOf: KeyOf<Row>;
  readonly #buckets = new Map<string, string | Set<string>>();

  constructor(keyOf: KeyOf<Row>) {
    this.keyOf = keyOf;
  }

  ids(key: string): Iterable<string> {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return [];
    return typeof bucket === "string" ? [bucket] : bucket;
  }

  has(key: string): boolean {
    return this.#buckets.has(key);
  }

  move(id: string, before: Row | undefined, after: Row | undefined): void {
    const from = before === undefined ? undefined : this.keyOf(before);
    const to = after === undefined ? undefined : this.keyOf(after);
    if (from === to) return;
    if (from !== undefined) this.#delete(from, id);
    if (to !== undefined) this.#add(to, id);
  }

  clear(): void {
    this.#buckets.clear();
  }

  #add(key: string, id: string): void {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) this.#buckets.set(key, id);
    else if (typeof bucket === "string") this.#buckets.set(key, new Set([bucket, id]));
    else bucket.add(id);
  }

  #delete(key: string, id: string): void {
    const bucket = this.#buckets.get(key);
    if (bucket === id) this.#buckets.delete(key);
    else if (bucket instanceof Set && bucket.delete(id) && bucket.size === 0) this.#buckets.delete(key);
  }
}
