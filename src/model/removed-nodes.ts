/** The cluster's memory of nodes that were removed: their ids are never used again. */
import type { Cluster } from "./index.ts";
import { AppError } from "../util/errors.ts";

/** Kept in the Cluster object: 512 ids are 14 KiB. The oldest are forgotten, and are then merely unknown. */
export const REMOVED_NODES_MAX = 512;

/** `details.reason` of every refusal for this cause: the node itself acts on it. */
export const REMOVED = "removed";

export function withRemoved(cluster: Cluster, nodeId: string): Cluster {
  const others = cluster.removedNodeIds.filter((id) => id !== nodeId);
  return { ...cluster, removedNodeIds: [...others, nodeId].slice(-REMOVED_NODES_MAX) };
}

export function isRemoved(cluster: Cluster, nodeId: string): boolean {
  return cluster.removedNodeIds.includes(nodeId);
}

export function removedError(nodeId: string, incarnation?: string): AppError {
  return new AppError("denied", `Node ${nodeId} was removed from the cluster`, {
    reason: REMOVED,
    incarnation,
    next: "on that node: shoal leave --force, then join again with a token",
  });
}
