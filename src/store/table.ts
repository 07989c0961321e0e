/** One table: rows by id in the order they were inserted, and secondary indexes over them. */
import type { KeyOf } from "./schema.ts";

type Keyed = { readonly id: string };

export class Table<Row extends Keyed> {
  readonly #rows: Map<string, Row>;
  readonly #indexes: ReadonlyMap<string, Index<Row>>;

  constructor(indexes: Readonly<Record<string, KeyOf<Row>>>) {
    this.#rows = new Map();
    this.#indexes = new Map(Object.entries(indexes).map(([name, keyOf]) => [name, new Index(keyOf)]));
  }

  get size(): number {
    return this.#rows.size;
  }

  get(id: string): Row | undefined {
    return this.#rows.get(id);
  }

  all(): IterableIterator<Row> {
    return this.#rows.values();
  }

  find(index: string, key: string): Row[] {
    const rows: Row[] = [];
    for (const id of this.#indexes.get(index)?.ids(key) ?? []) {
      const row = this.#rows.get(id);
      if (row !== undefined) rows.push(row);
    }
    return rows;
  }

  /** @returns the row it replaces. A replaced row keeps its place in the order. */
  put(row: Row): Row | undefined {
    const before = this.#rows.get(row.id);
    this.#rows.set(row.id, row);
    for (const index of this.#indexes.values()) index.move(row.id, before, row);
    return before;
  }

  delete(id: string): Row | undefined {
    const before = this.#rows.get(id);
    if (before === undefined) return undefined;
    this.#rows.delete(id);
    for (const index of this.#indexes.values()) index.move(id, before, undefined);
    return before;
  }

  clear(): void {
    this.#rows.clear();
    for (const index of this.#indexes.values()) index.clear();
  }

  /** Becomes a copy of `other`, which has the same indexes; rows are shared because they are immutable. */
  copyFrom(other: Table<Row>): void {
    this.#rows.clear();
    for (const [id, row] of other.#rows) this.#rows.set(id, row);
    for (const [name, index] of this.#indexes) {
      const source = other.#indexes.get(name);
      if (source !== undefined) index.copyFrom(source);
    }
  }
}

/** A bucket with one id is that id: most keys of `slot` have one task, and a Set each would cost 200 bytes. */
class Index<Row> {
  readonly #keyOf: KeyOf<Row>;
  readonly #buckets = new Map<string, string | Set<string>>();

  constructor(keyOf: KeyOf<Row>) {
    this.#keyOf = keyOf;
  }

  ids(key: string): Iterable<string> {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return [];
    return typeof bucket === "string" ? [bucket] : bucket;
  }

  move(id: string, before: Row | undefined, after: Row | undefined): void {
    const from = before === undefined ? undefined : this.#keyOf(before);
    const to = after === undefined ? undefined : this.#keyOf(after);
    if (from === to) return;
    if (from !== undefined) this.#delete(from, id);
    if (to !== undefined) this.#add(to, id);
  }

  clear(): void {
    this.#buckets.clear();
  }

  copyFrom(other: Index<Row>): void {
    this.#buckets.clear();
    for (const [key, bucket] of other.#buckets) {
      this.#buckets.set(key, typeof bucket === "string" ? bucket : new Set(bucket));
    }
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
