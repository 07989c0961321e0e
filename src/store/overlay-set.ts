/**
 * All tables as they will be: those of another set, and what is written over them. Tables nobody wrote are the other's
 * own. The leader's speculative state is one over the committed tables, a transaction one over that.
 */
import { OverlayTable } from "./overlay-table.ts";
import { INDEXES } from "./schema.ts";
import type { Rows } from "./table.ts";
import type { Step, WritableTables } from "./table-set.ts";
import type { Indexes, TableName, Tables } from "./types.ts";

export class OverlaySet implements WritableTables {
  /** Of the entry that writes. */
  version: number;
  timeMs: number;
  readonly #base: WritableTables;
  readonly #written = new Map<TableName, OverlayTable<Tables[TableName]>>();

  constructor(base: WritableTables) {
    this.#base = base;
    this.version = base.version;
    this.timeMs = base.timeMs;
  }

  rows<T extends TableName>(table: T): Rows<Tables[T]> {
    return this.#overlay(table) ?? this.#base.rows(table);
  }

  get<T extends TableName>(table: T, id: string): Tables[T] | undefined {
    return this.rows(table).get(id);
  }

  all<T extends TableName>(table: T): IterableIterator<Tables[T]> {
    return this.rows(table).all();
  }

  count(table: TableName): number {
    return this.rows(table).size;
  }

  find<T extends TableName>(table: T, index: Indexes[T], key: string): readonly Tables[T][] {
    return this.rows(table).find(index, key);
  }

  put<T extends TableName>(table: T, row: Tables[T]): void {
    this.#forWriting(table).put(row, this.version);
  }

  delete(table: TableName, id: string): void {
    this.#forWriting(table).delete(id, this.version);
  }

  /** The base has what the entry `version` wrote. */
  fold(steps: readonly Step[], version: number): void {
    for (const { table, id } of steps) this.#written.get(table)?.fold(id, version);
  }

  /** What is written here is in the base, or never will be: both are the same now. */
  clear(): void {
    this.version = this.#base.version;
    this.timeMs = this.#base.timeMs;
    for (const table of this.#written.values()) table.clear();
  }

  #forWriting<T extends TableName>(table: T): OverlayTable<Tables[T]> {
    const known = this.#overlay(table);
    if (known !== undefined) return known;
    const made = new OverlayTable<Tables[T]>(this.#base.rows(table), INDEXES[table]);
    this.#written.set(table, made as never);
    return made;
  }

  /** TypeScript cannot see that the table of a name and the rows of that name belong together. */
  #overlay<T extends TableName>(table: T): OverlayTable<Tables[T]> | undefined {
    return this.#written.get(table) as unknown as OverlayTable<Tables[T]> | undefined;
  }
}
