/** One transaction of the leader: reads speculative state, and writes over it, where nobody else sees it. */
import { expiredRequests, REQUESTS_MAX, stamp, type Action } from "./actions.ts";
import { OverlaySet } from "./overlay-set.ts";
import type { WritableTables } from "./table-set.ts";
import type { Indexes, Origin, TableName, Tables, WriteTx } from "./types.ts";
import { assert } from "../util/assert.ts";
import { AppError } from "../util/errors.ts";

export class WriteTransaction implements WriteTx {
  readonly version: number;
  readonly timeMs: number;
  readonly #speculative: WritableTables;
  #tables: OverlaySet;
  #actions: Action[] = [];
  /** Where the last put of a row is in `#actions`, while nothing removed the row since. */
  readonly #putAt = new Map<string, number>();
  #actor = "";
  #leaderId = "";
  #open = true;

  /** @param at the index the entry will get, and its cluster time. */
  constructor(speculative: WritableTables, at: { readonly version: number; readonly timeMs: number }) {
    this.#speculative = speculative;
    this.version = at.version;
    this.timeMs = at.timeMs;
    this.#tables = this.#over();
  }

  #over(): OverlaySet {
    const tables = new OverlaySet(this.#speculative);
    tables.version = this.version;
    return tables;
  }

  get actions(): readonly Action[] {
    return this.#actions;
  }

  get origin(): Omit<Origin, "term"> {
    return { actor: this.#actor, leaderId: this.#leaderId };
  }

  get isEmpty(): boolean {
    return this.#actions.length === 0 && this.#leaderId === "";
  }

  get<T extends TableName>(table: T, id: string): Tables[T] | undefined {
    return this.#tables.get(table, id);
  }

  all<T extends TableName>(table: T): Iterable<Tables[T]> {
    return this.#tables.all(table);
  }

  count(table: TableName): number {
    return this.#tables.count(table);
  }

  find<T extends TableName>(table: T, index: Indexes[T], key: string): readonly Tables[T][] {
    return this.#tables.find(table, index, key);
  }

  put<T extends TableName>(table: T, object: Tables[T]): void {
    this.#assertOpen();
    assert(object.id !== "", `a ${table} has an id before it is stored`);
    const before = this.#tables.get(table, object.id);
    if (table === "request" && before === undefined) this.#checkRequestRoom();
    const row = stamp(object, before, this);
    this.#tables.put(table, row);
    const key = `${table}/${object.id}`;
    // The union of actions hides from TypeScript that table and object belong together.
    const action = { kind: "put", table, object: row } as unknown as Action;
    const at = this.#putAt.get(key);
    if (at === undefined) this.#putAt.set(key, this.#actions.push(action) - 1);
    else this.#actions[at] = action;
  }

  remove(table: TableName, id: string): void {
    this.#assertOpen();
    assert(table !== "request", "request records expire, they are never removed early");
    if (this.#tables.get(table, id) === undefined) return;
    this.#tables.delete(table, id);
    this.#putAt.delete(`${table}/${id}`);
    this.#actions.push({ kind: "remove", table, id });
  }

  attempt(change: () => void): void {
    this.#assertOpen();
    const before = { actions: [...this.#actions], actor: this.#actor, leaderId: this.#leaderId };
    try {
      change();
    } catch (error) {
      this.#actor = before.actor;
      this.#leaderId = before.leaderId;
      this.#redo(before.actions);
      throw error;
    }
  }

  /** Rows that are stamped already. */
  #redo(actions: Action[]): void {
    this.#tables = this.#over();
    this.#actions = actions;
    this.#putAt.clear();
    for (const [at, action] of actions.entries()) {
      if (action.kind === "put") {
        this.#tables.put(action.table, action.object);
        this.#putAt.set(`${action.table}/${action.object.id}`, at);
      } else {
        this.#tables.delete(action.table, action.id);
        this.#putAt.delete(`${action.table}/${action.id}`);
      }
    }
  }

  by(actor: string): void {
    this.#assertOpen();
    this.#actor = actor;
  }

  leads(nodeId: string): void {
    this.#assertOpen();
    this.#leaderId = nodeId;
  }

  /** Writes through a handle kept beyond the callback would be in no entry. */
  close(): void {
    this.#open = false;
  }

  /** Counts out what applying this very entry sweeps, else a full table could never empty itself. */
  #checkRequestRoom(): void {
    const count = this.#tables.count("request");
    if (count < REQUESTS_MAX) return;
    if (count - expiredRequests(this.#tables, this.timeMs).length < REQUESTS_MAX) return;
    throw new AppError("exhausted", `Cannot remember another request: ${REQUESTS_MAX} of the last hour are kept`, {
      next: "send fewer changes, or send them without a request id",
    });
  }

  #assertOpen(): void {
    assert(this.#open, "a transaction is written only inside its update callback");
  }
}
