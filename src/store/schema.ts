/** What the store holds: the tables, and how each secondary index computes its keys. */
import type { Indexes, TableName, Tables } from "./types.ts";
import { slotName } from "../model/naming.ts";
import type { Node } from "../model/index.ts";

/** Key of a row in one index; undefined leaves the row out of it. */
export type KeyOf<Row> = (row: Row) => string | undefined;
type IndexesOf = { readonly [T in TableName]: { readonly [I in Indexes[T]]: KeyOf<Tables[T]> } };

export const TABLE_NAMES = [
  "cluster",
  "node",
  "service",
  "revision",
  "task",
  "request",
  "run",
] as const satisfies readonly TableName[];

export const INDEXES: IndexesOf = {
  cluster: {},
  node: { name: (node) => nodeName(node).toLowerCase() },
  service: { name: (service) => service.spec?.name.toLowerCase() },
  revision: { service: (revision) => revision.serviceId },
  task: {
    service: (task) => task.serviceId,
    node: (task) => task.nodeId,
    // Joined, for a flat string: one put together by a template keeps its parts beside itself as long as it lives.
    slot: (task) => [task.serviceId, slotName(task)].join("/"),
  },
  request: {},
  run: {
    service: (run) => run.serviceId,
    time: (run) => (run.scheduledAtMs === 0 ? undefined : `${run.serviceId}/${run.scheduledAtMs}`),
  },
};

export function isTableName(name: string): name is TableName {
  return TABLE_NAMES.some((table) => table === name);
}

function nodeName(node: Node): string {
  const name = node.spec?.name ?? "";
  return name === "" ? (node.description?.hostname ?? "") : name;
}
