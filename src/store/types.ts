/**
 * The store's contract with the rest of a manager. Reads are synchronous; objects are immutable:
 * to change one, put a copy. Loops plan inside `update`, on speculative state (committed plus all
 * that is in flight); whatever leaves the manager reads `view()`, which is committed state only.
 */
import type { Cluster, Node, RequestRecord, Revision, Run, Service, Task } from "../model/index.ts";

export type Tables = {
  readonly cluster: Cluster;
  readonly node: Node;
  readonly service: Service;
  readonly revision: Revision;
  readonly task: Task;
  readonly request: RequestRecord;
  readonly run: Run;
};
export type TableName = keyof Tables;

/** Secondary indexes and what their keys are. */
export type Indexes = {
  readonly cluster: never;
  /** lower-cased spec.name, else the hostname */
  readonly node: "name";
  /** lower-cased spec.name */
  readonly service: "name";
  /** service id */
  readonly revision: "service";
  /** service: service id · node: node id ("" = unassigned) · slot: `${serviceId}/${slotName}` (model/naming.ts) */
  readonly task: "service" | "node" | "slot";
  readonly request: never;
  /** service: service id · time: `${serviceId}/${scheduledAtMs}` of those that are for a time */
  readonly run: "service" | "time";
};

export interface ReadTx {
  /** Raft index of the newest change included. */
  readonly version: number;
  /** Cluster time, Unix ms; never goes back. */
  readonly timeMs: number;
  get<T extends TableName>(table: T, id: string): Tables[T] | undefined;
  /** In id order of insertion; do not write while iterating. */
  all<T extends TableName>(table: T): Iterable<Tables[T]>;
  count(table: TableName): number;
  find<T extends TableName>(table: T, index: Indexes[T], key: string): readonly Tables[T][];
}

export interface WriteTx extends ReadTx {
  /** Creates or replaces; `meta` is set by the store (version = the entry's index, times = cluster time). */
  put<T extends TableName>(table: T, object: Tables[T]): void;
  remove(table: TableName, id: string): void;
  /** What `change` wrote before it throws is undone, here alone; the throw goes on. */
  attempt(change: () => void): void;
  /** Says who asked for this change; without it, it is the leader's own. */
  by(actor: string): void;
  /** The first change of a leadership says whose it is: an entry also when nothing else changes. */
  leads(nodeId: string): void;
}

/** What an entry says of itself, besides its changes. */
export type Origin = {
  readonly term: number;
  /** As in a Cause; empty: the leader's own loops. */
  readonly actor: string;
  /** In the first entry of a leadership the leader's node id, otherwise empty. */
  readonly leaderId: string;
};

export type Change = {
  [T in TableName]: {
    readonly table: T;
    readonly id: string;
    readonly before: Tables[T] | undefined;
    readonly after: Tables[T] | undefined;
  };
}[TableName];

/** Everything one log entry changed; or, `restored`, how a snapshot differs from what was there. */
export type ChangeSet = {
  readonly version: number;
  readonly timeMs: number;
  readonly changes: readonly Change[];
  readonly restored: boolean;
  /** Null for a snapshot. */
  readonly origin: Origin | null;
};

export type Update<T> = { readonly value: T; readonly version: number };

/** What loops, control and sessions use. `Store` (store.ts) implements it. */
export interface StoreApi {
  /** Committed state, consistent until the next await. */
  view(): ReadTx;
  /** Committed plus in flight; only while leading, else `not-leader`. */
  speculative(): ReadTx;
  /**
   * Runs `change` at once on speculative state and proposes its writes as one entry; resolves when
   * committed and applied. A throw of `change` undoes its writes and rejects. No writes: resolves
   * without an entry, once all that was in flight before it is committed. @throws not-leader | exhausted | unknown-outcome
   */
  update<T>(change: (tx: WriteTx) => T): Promise<Update<T>>;
  /** Speculative changes on the leader, in the turn they are made: what wakes the leader's loops. */
  onSpeculative(listener: (changes: readonly Change[]) => void): () => void;
  /** Committed changes on every manager, in the turn they are applied. */
  onCommit(listener: (set: ChangeSet) => void): () => void;
}

/** A snapshot's body on its way into the state: nothing of it shows until `replace`; one that is dropped leaves no trace. */
export interface Restore {
  /** The next bytes of the body, cut anywhere. */
  add(bytes: Uint8Array): void;
  /** Decodes one bounded piece. @returns false when it needs more bytes first. @throws for what this version cannot read */
  step(): boolean;
  /** The body is complete: replaces everything at once. @throws AppError `corrupt` if it is not */
  replace(): void;
}

/** What the store asks of the log. Implemented by manager/replica; must not call back synchronously. */
export interface Proposer {
  /** Appends; the entry's index and term are fixed now. @throws AppError not-leader | unavailable | exhausted */
  propose(payload: Uint8Array): { readonly index: number; readonly term: number };
  /** Whether `bytes` more fit now, and the index the next proposal gets. @throws as propose */
  reserve(bytes: number): { readonly index: number; readonly term: number };
}

/** Bytes of one transaction; larger updates are refused as `exhausted` with the size. */
export const TRANSACTION_BYTES_MAX = 1024 * 1024;
