/**
 * A table as it will be: the rows of another one, and over them what was written since. The one below changes only by
 * what was written here before, in the same order; each such entry is then folded, which changes nothing that is read.
 */
import type { KeyOf } from "./schema.ts";
import type { Keyed, Rows } from "./table.ts";
import { TableIndex } from "./table-index.ts";

type Written<Row> = {
  /** Undefined: removed. */
  row: Row | undefined;
  /** Version of the entry that wrote it last. */
  by: number;
  /** Version of the entry that put it at the end of the order; 0: it is where the base has it. */
  placedBy: number;
};

export class OverlayTable<Row extends Keyed> implements Rows<Row> {
  readonly #base: Rows<Row>;
  /** Those that are placed here are in their order. */
  readonly #written = new Map<string, Written<Row>>();
  /** Over the rows written. */
  readonly #indexes: ReadonlyMap<string, TableIndex<Row>>;
  /** While anything is written. */
  #size = 0;

  constructor(base: Rows<Row>, indexes: Readonly<Record<string, KeyOf<Row>>>) {
    this.#base = base;
    this.#indexes = new Map(Object.entries(indexes).map(([name, keyOf]) => [name, new TableIndex(keyOf)]));
  }

  get size(): number {
    return this.#written.size === 0 ? this.#base.size : this.#size;
  }

  get(id: string): Row | undefined {
    const written = this.#written.get(id);
    return written === undefined ? this.#base.get(id) : written.row;
  }

  all(): IterableIterator<Row> {
    return this.#written.size === 0 ? this.#base.all() : this.#merged();
  }

  *#merged(): Generator<Row> {
    for (const row of this.#base.all()) {
      const written = this.#written.get(row.id);
      if (written === undefined) yield row;
      else if (written.row !== undefined && written.placedBy === 0) yield written.row;
    }
    for (const { row, placedBy } of this.#written.values()) if (row !== undefined && placedBy > 0) yield row;
  }

  find(name: string, key: string): Row[] {
    const rows = this.#base.find(name, key);
    const index = this.#indexes.get(name);
    if (this.#written.size === 0 || index === undefined) return rows;
    let kept = 0;
    for (const row of rows) {
      const written = this.#written.get(row.id);
      if (written === undefined) rows[kept++] = row;
      else if (written.placedBy === 0 && written.row !== undefined && index.keyOf(written.row) === key)
        rows[kept++] = written.row;
    }
    rows.length = kept;
    for (const id of index.ids(key)) {
      const written = this.#written.get(id);
      if (written?.row !== undefined && !this.#isBelow(id, written, index, key)) rows.push(written.row);
    }
    return rows;
  }

  /** @param version of the entry that writes it. */
  put(row: Row, version: number): void {
    const { id } = row;
    const written = this.#written.get(id);
    this.#reindex(id, written?.row, row);
    if (written?.row !== undefined) {
      written.row = row;
      written.by = version;
      return;
    }
    const isNew = written !== undefined || this.#base.get(id) === undefined;
    this.#size = this.size + (isNew ? 1 : 0);
    // One that comes back comes to the end.
    this.#written.delete(id);
    this.#written.set(id, { row, by: version, placedBy: isNew ? version : 0 });
  }

  delete(id: string, version: number): void {
    const written = this.#written.get(id);
    const before = written === undefined ? this.#base.get(id) : written.row;
    if (before === undefined) return;
    this.#size = this.size - 1;
    this.#reindex(id, written?.row, undefined);
    if (written === undefined) this.#written.set(id, { row: undefined, by: version, placedBy: 0 });
    else {
      written.row = undefined;
      written.by = version;
    }
  }

  /** The base has what the entry `version` wrote to the row `id`. */
  fold(id: string, version: number): void {
    const written = this.#written.get(id);
    if (written === undefined) return;
    if (written.by <= version) {
      this.#written.delete(id);
      this.#reindex(id, written.row, undefined);
    } else if (written.placedBy <= version) written.placedBy = 0;
  }

  /** What is written here is in the base, or never will be. */
  clear(): void {
    if (this.#written.size === 0) return;
    this.#written.clear();
    for (const index of this.#indexes.values()) index.clear();
  }

  /** The base found it under that key, at the place that it still has. */
  #isBelow(id: string, { placedBy }: Written<Row>, index: TableIndex<Row>, key: string): boolean {
    const below = placedBy === 0 ? this.#base.get(id) : undefined;
    return below !== undefined && index.keyOf(below) === key;
  }

  #reindex(id: string, before: Row | undefined, after: Row | undefined): void {
    for (const index of this.#indexes.values()) index.move(id, before, after);
  }
}
