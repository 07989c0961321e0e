import type { Cluster } from "../model/index.ts";
import type { ReadTx } from "./types.ts";

/** Undefined before there is a cluster, as on a manager that has not caught up. */
export function clusterOf(tx: ReadTx): Cluster | undefined {
  for (const cluster of tx.all("cluster")) return cluster;
  return undefined;
}
