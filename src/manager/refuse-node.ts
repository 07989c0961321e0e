/** Whether a certificate still opens this manager: a node's membership and role are what the store says. */
import { isRemoved, removedError } from "../model/removed-nodes.ts";
import { rpc, type RpcKey } from "../proto/load.ts";
import type { Caller } from "../proto/rpc.ts";
import type { ReadTx } from "../store/types.ts";
import { AppError } from "../util/errors.ts";

type Asked = {
  readonly key: RpcKey | null;
  readonly mayBeBehind: boolean;
  /** Who serves the call refuses a node that is not known. */
  readonly isAskedLater: boolean;
};

export function refuseNode(tx: ReadTx, caller: Extract<Caller, { kind: "node" }>, asked: Asked): AppError | null {
  const [cluster] = tx.all("cluster");
  // A joiner's own state is empty until the leader filled it; TLS already proved the certificate.
  if (cluster === undefined) return null;
  // Named in every refusal: a manager of an earlier life concludes from it that it is over.
  const { incarnation } = cluster;
  const node = tx.get("node", caller.nodeId);
  if (node === undefined) {
    if (isRemoved(cluster, caller.nodeId)) return removedError(caller.nodeId, incarnation);
    if (asked.mayBeBehind || asked.isAskedLater) return null;
    return new AppError("denied", `Node ${caller.nodeId} is not a member of this cluster`, {
      incarnation,
      next: "join again with a token",
    });
  }
  if (caller.role === "worker" || node.role === "MANAGER" || asked.mayBeBehind) return null;
  // Its certificate outlives its role.
  if (asked.key !== null && isForWorkers(asked.key)) return null;
  return new AppError("denied", `Node ${caller.nodeId} is no manager of this cluster`, {
    incarnation,
    next: "shoal node promote, or let it take a worker's certificate",
  });
}

function isForWorkers(key: RpcKey): boolean {
  const { allow } = rpc(key).access;
  return allow.includes("WORKER") || allow.includes("ANYONE");
}
