/** All tables at one version: what is committed. What lies over it is in overlay-set.ts. */
import { INDEXES } from "./schema.ts";
import { Table, type Rows } from "./table.ts";
import type { Change, Indexes, ReadTx, TableName, Tables } from "./types.ts";

/** Tables that entries are run on. */
export interface WritableTables extends ReadTx {
  version: number;
  timeMs: number;
  rows<T extends TableName>(table: T): Rows<Tables[T]>;
  put<T extends TableName>(table: T, row: Tables[T]): void;
  delete(table: TableName, id: string): void;
}

type TablesByName = { readonly [T in TableName]: Table<Tables[T]> };

/** The new content of one row; `after` undefined removes it. */
export type Step = {
  [T in TableName]: { readonly table: T; readonly id: string; readonly after: Tables[T] | undefined };
}[TableName];

export class TableSet implements WritableTables {
  version = 0;
  timeMs = 0;
  readonly #tables: TablesByName = {
    cluster: new Table(INDEXES.cluster),
    node: new Table(INDEXES.node),
    service: new Table(INDEXES.service),
    revision: new Table(INDEXES.revision),
    task: new Table(INDEXES.task),
    request: new Table(INDEXES.request),
    run: new Table(INDEXES.run),
  };

  rows<T extends TableName>(table: T): Rows<Tables[T]> {
    return this.#table(table);
  }

  get<T extends TableName>(table: T, id: string): Tables[T] | undefined {
    return this.#table(table).get(id);
  }

  all<T extends TableName>(table: T): IterableIterator<Tables[T]> {
    return this.#table(table).all();
  }

  count(table: TableName): number {
    return this.#table(table).size;
  }

  find<T extends TableName>(table: T, index: Indexes[T], key: string): readonly Tables[T][] {
    return this.#table(table).find(index, key);
  }

  put<T extends TableName>(table: T, row: Tables[T]): void {
    this.#table(table).put(row);
  }

  delete(table: TableName, id: string): void {
    this.#table(table).delete(id);
  }

  /** TypeScript cannot see that the table of a name and the rows of that name belong together. */
  #table<T extends TableName>(name: T): Table<Tables[T]> {
    return this.#tables[name] as unknown as Table<Tables[T]>;
  }
}

/** Writes steps in order. @returns one change for each row that is not as before. */
export function runSteps(tables: WritableTables, steps: readonly Step[]): Change[] {
  const changes = new ChangeCollector();
  for (const step of steps) runStep(tables, step, changes);
  return changes.list();
}

export function runStep(tables: WritableTables, step: Step, changes: ChangeCollector): void {
  changes.add(step, tables.get(step.table, step.id));
  if (step.after === undefined) tables.delete(step.table, step.id);
  else tables.put(step.table, step.after);
}

/** Folds several writes of one row into one change: the first `before`, the last `after`. */
export class ChangeCollector {
  readonly #byKey = new Map<string, Change>();

  add({ table, id, after }: Step, before: Tables[TableName] | undefined): void {
    const key = `${table}/${id}`;
    const known = this.#byKey.get(key);
    // `before` was read from the table the step names, so the parts belong to one kind.
    const change = { table, id, before: known === undefined ? before : known.before, after } as Change;
    if (change.before === change.after) this.#byKey.delete(key);
    else this.#byKey.set(key, change);
  }

  list(): Change[] {
    return [...this.#byKey.values()];
  }
}
