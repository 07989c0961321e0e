/**
 * What a log entry says and what it does. `transition` is the one rule by which an entry changes
 * tables: the leader runs it on speculative tables when it proposes, every replica on committed
 * ones when it applies, so both end equal. It reads nothing but its arguments and never throws for
 * what a client sent.
 */
import { isTableName } from "./schema.ts";
import { ChangeCollector, runStep, type Step, type WritableTables } from "./table-set.ts";
import type { Change, ReadTx, TableName, Tables } from "./types.ts";
import type { StoreObject, StoreObjectInput } from "../proto/gen/StoreObject.ts";
import type { StoreTransaction, StoreTransactionInput } from "../proto/gen/StoreTransaction.ts";
import { AppError } from "../util/errors.ts";

export type Action =
  | { [T in TableName]: { readonly kind: "put"; readonly table: T; readonly object: Tables[T] } }[TableName]
  | { readonly kind: "remove"; readonly table: TableName; readonly id: string };

/** Request records are kept this long by cluster time, ms. */
export const REQUEST_TTL_MS = 3_600_000;
/** Request records kept; a mutation beyond is refused as `exhausted`, none is evicted early. */
export const REQUESTS_MAX = 100_000;
/** Expired request records removed by one entry: bounds its cost, and outruns the at most few it adds. */
export const REQUESTS_SWEPT_PER_ENTRY = 128;

export type Transition = { readonly steps: readonly Step[]; readonly changes: readonly Change[] };

/** Runs one decoded entry. It owns the objects in `actions` and stamps their meta. */
export function transition(
  tables: WritableTables,
  entry: { readonly index: number; readonly timeMs: number; readonly actions: readonly Action[] },
): Transition {
  const timeMs = Math.max(tables.timeMs, entry.timeMs);
  tables.version = entry.index;
  tables.timeMs = timeMs;
  const steps: Step[] = expiredRequests(tables, timeMs).map((id) => ({ table: "request", id, after: undefined }));
  const changes = new ChangeCollector();
  for (const step of steps) runStep(tables, step, changes);
  for (const action of entry.actions) {
    for (const step of toSteps(tables, action, { version: entry.index, timeMs })) {
      runStep(tables, step, changes);
      steps.push(step);
    }
  }
  return { steps, changes: changes.list() };
}

/** The oldest expired ones. Insertion order is order of expiry: every record lives equally long. */
export function expiredRequests(tables: ReadTx, timeMs: number): string[] {
  const ids: string[] = [];
  for (const record of tables.all("request")) {
    if (record.expiresAtMs > timeMs || ids.length >= REQUESTS_SWEPT_PER_ENTRY) break;
    ids.push(record.id);
  }
  return ids;
}

/** A row as it is stored by the entry `version` at cluster time `timeMs`. */
export function stamp<Row extends Tables[TableName]>(
  row: Row,
  before: Tables[TableName] | undefined,
  at: { readonly version: number; readonly timeMs: number },
): Row {
  const createdAtMs = before?.meta?.createdAtMs ?? at.timeMs;
  // The very string of before: it is what tables and indexes know the row by, and every decoded row brings one of its own.
  const id = before?.id ?? row.id;
  return { ...row, id, meta: { version: at.version, createdAtMs, updatedAtMs: at.timeMs } };
}

function toSteps(tables: WritableTables, action: Action, at: { version: number; timeMs: number }): Step[] {
  const id = action.kind === "put" ? action.object.id : action.id;
  // A step has the table and the row type of its action; the union hides that from TypeScript.
  const removal = { table: action.table, id, after: undefined } as Step;
  if (action.kind === "remove") return [removal];
  const before = tables.get(action.table, id);
  const after = stamp(action.object, before, at);
  const put = { table: action.table, id: after.id, after } as Step;
  // A record written again moves to the end, so that order of insertion stays order of expiry.
  return action.table === "request" && before !== undefined ? [removal, put] : [put];
}

/** What an entry says besides its actions. */
type Said = { readonly protocol?: number; readonly actor?: string; readonly leaderId?: string };

export function toTransaction(
  timeMs: number,
  actions: readonly Action[],
  { protocol = 1, actor = "", leaderId = "" }: Said = {},
): StoreTransactionInput {
  return {
    timeMs,
    actor,
    leaderId,
    // Left out where it says nothing: programs before the first number read and write the same bytes.
    ...(protocol > 1 ? { protocol } : {}),
    actions: actions.map((action) =>
      action.kind === "put"
        ? // Replicas compute meta themselves, so it does not travel.
          { put: toStoreObject(action.table, { ...action.object, meta: null }) }
        : { remove: { table: action.table, id: action.id } },
    ),
  };
}

/** @throws AppError `unsupported` for what this program does not know: the replica must stop, not skip. */
export function fromTransaction(transaction: StoreTransaction): {
  readonly timeMs: number;
  readonly actions: Action[];
} {
  return {
    timeMs: transaction.timeMs,
    actions: transaction.actions.map((action): Action => {
      if (action.put !== null && action.put !== undefined) return { kind: "put", ...fromStoreObject(action.put) };
      const table = action.remove?.table ?? "";
      if (action.remove === null || action.remove === undefined || !isTableName(table)) {
        throw unknownKind(table === "" ? "an action" : `the table "${table}"`);
      }
      return { kind: "remove", table, id: action.remove?.id ?? "" };
    }),
  };
}

export type Row = { [T in TableName]: { readonly table: T; readonly object: Tables[T] } }[TableName];

export function toStoreObject<T extends TableName>(table: T, object: Tables[T]): StoreObjectInput {
  return { [table]: object };
}

export function fromStoreObject(wrapped: StoreObject): Row {
  const { cluster, node, service, revision, task, request, run } = wrapped;
  if (task) return { table: "task", object: task };
  if (service) return { table: "service", object: service };
  if (node) return { table: "node", object: node };
  if (revision) return { table: "revision", object: revision };
  if (request) return { table: "request", object: request };
  if (run) return { table: "run", object: run };
  if (cluster) return { table: "cluster", object: cluster };
  throw unknownKind("an object");
}

/** Skipping it would let this replica's state differ from the others' for ever. */
function unknownKind(what: string): AppError {
  return new AppError("unsupported", `The log or a snapshot holds ${what} of a kind this program does not know`, {
    next: "start the newer version of shoal again",
  });
}
