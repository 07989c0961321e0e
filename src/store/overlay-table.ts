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
  /** What the base has in its place. */
  below: Row | undefined;
  /** Version of the entry that wrote it last. */
  by: number;
  /** Version of the entry that put it at the end of the order; 0: it is where the base has it. */
  placedBy: number;
};

export class OverlayTable<Row extends Keyed> implements Rows<Row> {
  readonly #base: Rows<Row>;
  /** Those that are placed here are in their order. */
  readonly #written = new Map<string, Written<Row>>();
  /** Over the rows written, and over what the base has in their place: a key in neither is the base's alone. */
  readonly #indexes: ReadonlyMap<string, TableIndex<Row>>;
  readonly #below: ReadonlyMap<string, TableIndex<Row>>;
  /** While anything is written. */
  #size = 0;

  constructor(base: Rows<Row>, indexes: Readonly<Record<string, KeyOf<Row>>>) {
    this.#base = base;
    const made = (): Map<string, TableIndex<Row>> =>
      new Map(Object.entries(indexes).map(([name, keyOf]) => [name, new TableIndex(keyOf)]));
    this.#indexes = made();
    this.#below = made();
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
    if (this.#below.get(name)?.has(key) === true) this.#replace(rows, index, key);
    for (const id of index.ids(key)) {
      const written = this.#written.get(id);
      if (written?.row !== undefined && !isBelow(written, index, key)) rows.push(written.row);
    }
    return rows;
  }

  /** What the base found under that key, as it will be; in place. */
  #replace(rows: Row[], index: TableIndex<Row>, key: string): void {
    let kept = 0;
    for (const row of rows) {
      const written = this.#written.get(row.id);
      if (written === undefined) rows[kept++] = row;
      else if (written.placedBy === 0 && written.row !== undefined && index.keyOf(written.row) === key)
        rows[kept++] = written.row;
    }
    rows.length = kept;
  }

  /** @param version of the entry that writes it. */
  put(row: Row, version: number): void {
    const { id } = row;
    const written = this.#written.get(id);
    move(this.#indexes, id, written?.row, row);
    if (written?.row !== undefined) {
      written.row = row;
      written.by = version;
      return;
    }
    const below = written === undefined ? this.#cover(id) : written.below;
    const isNew = written !== undefined || below === undefined;
    this.#size = this.size + (isNew ? 1 : 0);
    // One that comes back comes to the end.
    this.#written.delete(id);
    this.#written.set(id, { row, below, by: version, placedBy: isNew ? version : 0 });
  }

  delete(id: string, version: number): void {
    const written = this.#written.get(id);
    const before = written === undefined ? this.#base.get(id) : written.row;
    if (before === undefined) return;
    this.#size = this.size - 1;
    move(this.#indexes, id, written?.row, undefined);
    if (written === undefined)
      this.#written.set(id, { row: undefined, below: this.#cover(id), by: version, placedBy: 0 });
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
      move(this.#indexes, id, written.row, undefined);
      move(this.#below, id, written.below, undefined);
      return;
    }
    if (written.placedBy <= version) written.placedBy = 0;
    const below = this.#base.get(id);
    move(this.#below, id, written.below, below);
    written.below = below;
  }

  /** What is written here is in the base, or never will be. */
  clear(): void {
    if (this.#written.size === 0) return;
    this.#written.clear();
    for (const index of this.#indexes.values()) index.clear();
    for (const index of this.#below.values()) index.clear();
  }

  /** @returns the base's row, which is written over from here on. */
  #cover(id: string): Row | undefined {
    const below = this.#base.get(id);
    if (below !== undefined) move(this.#below, id, undefined, below);
    return below;
  }
}

/** The base found it under that key, at the place that it still has. */
function isBelow<Row>({ below, placedBy }: Written<Row>, index: TableIndex<Row>, key: string): boolean {
  return placedBy === 0 && below !== undefined && index.keyOf(below) === key;
}

function move<Row>(
  indexes: ReadonlyMap<string, TableIndex<Row>>,
  id: string,
  before: Row | undefined,
  after: Row | undefined,
): void {
  for (const index of indexes.values()) index.move(id, before, after);
}
