/** One table: rows by id in the order they were inserted, and secondary indexes over them. */
import type { KeyOf } from "./schema.ts";
import { TableIndex } from "./table-index.ts";

export type Keyed = { readonly id: string };

/** What both a table and one that lies over another (overlay-table.ts) can be asked. */
export interface Rows<Row extends Keyed> {
  readonly size: number;
  get(id: string): Row | undefined;
  /** In the order of insertion; a replaced row keeps its place. */
  all(): IterableIterator<Row>;
  /** In the order in which they got that key. */
  find(index: string, key: string): Row[];
}

export class Table<Row extends Keyed> implements Rows<Row> {
  readonly #rows: Map<string, Row>;
  readonly #indexes: ReadonlyMap<string, TableIndex<Row>>;

  constructor(indexes: Readonly<Record<string, KeyOf<Row>>>) {
    this.#rows = new Map();
    this.#indexes = new Map(Object.entries(indexes).map(([name, keyOf]) => [name, new TableIndex(keyOf)]));
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

  put(row: Row): void {
    const before = this.#rows.get(row.id);
    this.#rows.set(row.id, row);
    for (const index of this.#indexes.values()) index.move(row.id, before, row);
  }

  delete(id: string): void {
    const before = this.#rows.get(id);
    if (before === undefined) return;
    this.#rows.delete(id);
    for (const index of this.#indexes.values()) index.move(id, before, undefined);
  }
}
