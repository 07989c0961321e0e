/** Log entries and rows as `shoal debug` shows them: what a change does in short, and no secrets. Pure. */
import type { Cluster, RequestRecord } from "../model/index.ts";
import { nodeName, taskName } from "../model/naming.ts";
import { observedState } from "../model/task-state.ts";
import { decodeConfig } from "../raft/config.ts";
import type { Entry, Member } from "../raft/types.ts";
import { fromTransaction, type Action, type Row } from "../store/actions.ts";
import type { StoreCodec } from "../store/codec.ts";
import { AppError } from "../util/errors.ts";

const REDACTED = "(redacted)";

/** An entry without its content: ids, names and states, nothing that a row holds beside them. */
export type EntryJson = {
  readonly kind: "entry";
  readonly index: number;
  readonly term: number;
  readonly type: Entry["kind"];
  readonly bytes: number;
  readonly protocol?: number;
  readonly timeMs?: number;
  readonly changes: readonly string[];
};

export function entryJson(entry: Entry, codec: StoreCodec): EntryJson {
  const { index, term, kind, payload } = entry;
  return { kind: "entry", index, term, type: kind, bytes: payload.byteLength, ...contentOf(entry, codec) };
}

function contentOf({ kind, payload }: Entry, codec: StoreCodec): Pick<EntryJson, "protocol" | "timeMs" | "changes"> {
  if (kind === "noop") return { changes: [] };
  if (kind === "config") return { changes: decodeConfig(payload).members.map(memberText) };
  try {
    const transaction = codec.decodeTransaction(payload);
    const { timeMs, actions } = fromTransaction(transaction);
    return { protocol: Math.max(1, transaction.protocol), timeMs, changes: actions.map(actionText) };
  } catch (error) {
    return { changes: [AppError.from(error).message] };
  }
}

export function memberText({ id, address, role }: Member): string {
  return `${role} ${id} at ${address}`;
}

function actionText(action: Action): string {
  return action.kind === "remove" ? `remove ${action.table} ${action.id}` : `put ${action.table} ${rowText(action)}`;
}

/** What people know it by; empty where that is its id alone. */
export function rowName(row: Row): string {
  switch (row.table) {
    case "cluster":
    case "service":
      return row.object.spec?.name ?? "";
    case "node":
      return nodeName(row.object);
    case "task":
      return taskName(row.object);
    case "revision":
    case "request":
    case "run":
      return "";
  }
}

/** Its id, its name, and the state of what has one. */
export function rowText(row: Row): string {
  const known = `${row.object.id} ${rowName(row)}`;
  switch (row.table) {
    case "cluster":
      return known;
    case "node":
      return `${known} ${row.object.role} ${row.object.status?.state ?? "UNKNOWN"}`;
    case "service":
      return `${known} revision ${row.object.revision}`;
    case "task": {
      const { desired, nodeId } = row.object;
      const place = nodeId === "" ? "" : ` on ${nodeId}`;
      return `${known} ${observedState(row.object)}, desired ${desired}${place}`;
    }
    case "revision":
    case "request":
    case "run":
      return row.object.id;
  }
}

/** As it is stored, but for what nobody needs to see to find a fault. */
export function redactedRow(row: Row): object {
  if (row.table === "cluster") return redactedCluster(row.object);
  if (row.table === "request") return redactedRequest(row.object);
  return row.object;
}

function redactedCluster(cluster: Cluster): object {
  return { ...cluster, rootKeyPem: REDACTED, workerTokenSecret: REDACTED, managerTokenSecret: REDACTED };
}

/** An answer is bytes, of whatever was asked. */
function redactedRequest(request: RequestRecord): object {
  return { ...request, result: `${request.result.byteLength} bytes` };
}
