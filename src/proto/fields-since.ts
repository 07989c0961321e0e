/**
 * What came after the first protocol (model/protocol.ts), by the number it came with: "Message.field"
 * and "Enum.VALUE" of everything below StoreTransaction, so of every spec too. New tables and kinds
 * of actions are fields as well ("StoreObject.secret").
 *
 * The store refuses to write them while the cluster's protocol is below, and no encoder writes them
 * empty (load.ts): to a program that does not know them they are not there. What managers tell
 * agents follows the same number: a node that does not speak it has no session.
 */
export const FIELDS_SINCE: Readonly<Record<string, number>> = { "Cluster.awaits_resume": 2 };
