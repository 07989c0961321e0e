/**
 * How a cluster begins another life (model/incarnation.ts) from a state of an earlier one: what of
 * that state is changed, and how it comes to be the log of one manager. Both ways lead here:
 * `shoal recover` with the state of a survivor's log, `shoal restore` with that of a backup.
 */
import { AWAITS_RESUME_SINCE } from "../model/awaits-resume.ts";
import { nextIncarnation } from "../model/incarnation.ts";
import type { Cluster, Node, Recovery } from "../model/index.ts";
import { nodeName } from "../model/naming.ts";
import { protocolOf } from "../model/protocol.ts";
import type { Config } from "../raft/types.ts";
import { toTransaction, type Action } from "../store/actions.ts";
import type { Store } from "../store/store.ts";
import type { ReadTx } from "../store/types.ts";
import { AppError } from "../util/errors.ts";
import type { Env } from "../util/env.ts";
import { newId } from "../util/id.ts";
import { protoStoreCodec } from "./store-codec.ts";

/**
 * The new life's log begins so far beyond the old one's end: a version that a client saw of a change
 * that is lost now is never the version of another change.
 */
export const INDEX_GAP = 1_000_000_000;

export type FormerManager = { readonly id: string; readonly name: string; readonly address: string };

export type NewLife = {
  readonly kind: Recovery["kind"];
  /** The end of the state it begins from. */
  readonly last: { readonly index: number; readonly term: number };
  /** Its one manager. */
  readonly self: Node;
  readonly formerManagers: readonly FormerManager[];
};

export type Begun = { readonly incarnation: string; readonly index: number; readonly term: number };

/** Changes `store`, which no log drives any more; what it holds then is the body of the new life's first snapshot. */
export function beginLife(env: Env, store: Store, life: NewLife): Begun {
  const tx = store.view();
  const cluster = theCluster(tx);
  const index = life.last.index + INDEX_GAP;
  const term = life.last.term + 1;
  const incarnation = nextIncarnation(cluster.incarnation, { id: newId(env), wallMs: env.wallNow() });
  const changed = newCluster(cluster, { life, incarnation, atMs: env.wallNow(), version: tx.version });
  const timeMs = Math.max(tx.timeMs, env.wallNow());
  const transaction = toTransaction(timeMs, actionsOf(tx, changed, life), { protocol: changed.protocol });
  store.apply({ index, term, payload: protoStoreCodec.encodeTransaction(transaction) });
  return { incarnation, index, term };
}

function newCluster(
  cluster: Cluster,
  begun: { readonly life: NewLife; readonly incarnation: string; readonly atMs: number; readonly version: number },
): Cluster {
  const { life, incarnation, atMs, version } = begun;
  const formerManagerIds = life.formerManagers.map(({ id }) => id);
  return {
    ...cluster,
    incarnation,
    // Its one manager runs this program, so an older one that would not wait is refused from here on.
    protocol: Math.max(protocolOf(cluster.protocol), AWAITS_RESUME_SINCE),
    awaitsResume: { kind: life.kind, atMs, version, formerManagerIds },
  };
}

/** Managers of the life before stay as nodes: their tasks are known, and they come back as workers. */
function actionsOf(tx: ReadTx, cluster: Cluster, { self, formerManagers }: NewLife): Action[] {
  const actions: Action[] = [
    { kind: "put", table: "cluster", object: cluster },
    { kind: "put", table: "node", object: self },
  ];
  for (const { id } of formerManagers) {
    const node = tx.get("node", id);
    if (node !== undefined) actions.push({ kind: "put", table: "node", object: { ...node, role: "WORKER" } });
  }
  return actions;
}

/** By name; members of the Raft group that the state does not know are managers, too. */
export function formerManagersOf(tx: ReadTx, config: Config, selfId: string): FormerManager[] {
  const managers = new Map<string, FormerManager>();
  for (const { id, address } of config.members) managers.set(id, { id, name: id, address });
  for (const node of tx.all("node")) {
    const { id, address } = node;
    if (node.role === "MANAGER" || managers.has(id)) managers.set(id, { id, name: nodeName(node), address });
  }
  managers.delete(selfId);
  return [...managers.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

export function theCluster(tx: ReadTx): Cluster {
  for (const cluster of tx.all("cluster")) return cluster;
  throw new AppError("precondition", "There is no cluster in this state: its manager was never taken in", {
    next: "use the data of another manager",
  });
}
