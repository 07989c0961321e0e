/** Who is a manager: what promoting, demoting and removing one asks of the quorum. */
import type { Node } from "../../model/index.ts";
import { nodeName } from "../../model/naming.ts";
import { clusterProtocol, protocolOf, tooNew } from "../../model/protocol.ts";
import type { SetNodeRoleRequest } from "../../proto/gen/SetNodeRoleRequest.ts";
import type { ReadTx, StoreApi, WriteTx } from "../../store/types.ts";
import { must } from "../../util/assert.ts";
import { AppError } from "../../util/errors.ts";
import type { ReplicaApi } from "../replica/types.ts";
import { findNode } from "./lookup.ts";

/** Managers that vote: more make every write slower and nothing safer. */
export const MANAGERS_MAX = 7;

/** Whether the caller has said that the quorum may be lost; and that it is, which no answer may leave out. */
export class QuorumLoss {
  readonly isAllowed: boolean;
  readonly #said: string[] = [];

  constructor(isAllowed: boolean) {
    this.isAllowed = isAllowed;
  }

  /** None as long as it is not lost. */
  get warnings(): string[] {
    return [...this.#said];
  }

  say(why: string): void {
    this.#said.splice(
      0,
      Infinity,
      `The quorum is lost: ${why}. Nothing can be changed until they do (or shoal recover)`,
    );
  }
}

type Leave = { readonly verb: "remove" | "demote"; readonly loss: QuorumLoss };

/**
 * A manager leaves the quorum before it stops being one in the store; repeated, it has left already.
 * A leader hands over first: `not-leader` sends the caller on to its successor.
 */
export async function leaveRaft(
  { replica, store }: { readonly replica: ReplicaApi; readonly store: StoreApi },
  node: Node,
  { verb, loss }: Leave,
): Promise<void> {
  const { config, id: self } = replica.status();
  if (!config.members.some(({ id }) => id === node.id)) return;
  const refuse = (why: string, next: string): AppError =>
    new AppError("precondition", `Cannot ${verb} the manager "${nodeName(node)}": ${why}`, { path: "id", next });
  const left = config.members.filter(({ id, role }) => role === "voter" && id !== node.id).map(({ id }) => id);
  if (left.length === 0) {
    throw refuse("it is the only one", "add another first: shoal node promote, or shoal join with a manager's token");
  }
  const silent = silentOf(replica, left).map((id) => nameOf(store.view(), id));
  const needed = Math.floor(left.length / 2) + 1;
  if (left.length - silent.length < needed) {
    const those = `${silent.join(", ")} ${silent.length === 1 ? "does" : "do"} not answer`;
    const why = `of the ${left.length} managers left, ${needed} must answer and ${those}`;
    if (!loss.isAllowed) {
      const first = `bring back or remove ${silent.length === 1 ? "that one" : "those"} first`;
      throw refuse(`${why}: the quorum would be lost`, `${first}; --lose-quorum does it all the same`);
    }
    loss.say(why);
  }
  if (node.id === self) {
    await replica.transferLeadership();
    throw new AppError("not-leader", "This manager has handed leadership over");
  }
  await replica.removeMember(node.id, { force: loss.isAllowed });
}

/** Those of whom the leader has heard nothing lately. */
function silentOf(replica: ReplicaApi, ids: readonly string[]): string[] {
  const { id: self, peers } = replica.status();
  return ids.filter((id) => id !== self && peers.find((peer) => peer.id === id)?.active !== true);
}

function nameOf(tx: ReadTx, id: string): string {
  const node = tx.get("node", id);
  return node === undefined ? id : nodeName(node);
}

export function setNodeRole(tx: WriteTx, { id, role }: SetNodeRoleRequest): Node {
  const node = findNode(tx, id);
  if (node.role === role) return node;
  if (role === "MANAGER") checkPromotable(tx, node);
  tx.put("node", { ...node, role });
  return must(tx.get("node", node.id), "the node was put in this transaction");
}

function checkPromotable(tx: ReadTx, node: Node): void {
  if (node.address === "") {
    throw new AppError("precondition", `Cannot promote the node "${nodeName(node)}": it has no address yet`, {
      path: "id",
      next: "wait until it is ready: shoal node ls",
    });
  }
  const [needs, max] = [clusterProtocol(tx.all("cluster")), protocolOf(node.description?.protocolMax)];
  if (max < needs) {
    const { message, details } = tooNew("The cluster", { needs, max });
    throw new AppError("precondition", `Cannot promote the node "${nodeName(node)}": ${message}`, details);
  }
  let managers = 0;
  for (const { role } of tx.all("node")) if (role === "MANAGER") managers += 1;
  if (managers < MANAGERS_MAX) return;
  throw new AppError("exhausted", `Cannot promote the node "${nodeName(node)}": there are ${managers} managers`, {
    path: "id",
    next: "demote or remove one first; more would only make every change slower",
  });
}
