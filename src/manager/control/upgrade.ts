/** How far an upgrade got, and ending it: from then on managers write what only the new version reads. */
import type { Node } from "../../model/index.ts";
import { nodeName } from "../../model/naming.ts";
import { clusterProtocol, protocolOf } from "../../model/protocol.ts";
import type { Router } from "../../proto/router.ts";
import type { ReadTx, WriteTx } from "../../store/types.ts";
import { AppError, type ErrorDetails } from "../../util/errors.ts";
import type { ReplicaApi } from "../replica/types.ts";
import type { Requests } from "./requests.ts";

export function registerUpgrade(
  router: Router,
  { requests, replica }: { readonly requests: Requests; readonly replica: ReplicaApi },
): void {
  router.unary("Control.FinalizeUpgrade", async (request, context) => {
    const change = (tx: WriteTx): { before: number; protocol: number } => finalizeUpgrade(tx, replica);
    return await requests.run({ key: "Control.FinalizeUpgrade", request, context, change });
  });
}

type Members = ReturnType<ReplicaApi["members"]>;

/**
 * Every manager counts, voter or learner or about to be one, and every worker but those that are
 * gone: an agent that does not speak the cluster's protocol has no session any more.
 */
function countedNodes(tx: ReadTx, members: Members): Node[] {
  const ids = new Set(members.map(({ id }) => id));
  const isGone = ({ status }: Node): boolean => status?.state === "DOWN" || status?.state === "LEFT";
  return [...tx.all("node")].filter((node) => node.role === "MANAGER" || ids.has(node.id) || !isGone(node));
}

function isKnown({ status }: Node): boolean {
  return status?.state === "READY";
}

/** What the cluster writes, and what it could write once the upgrade is final; equal while a node is old or silent. */
export function clusterProtocols(
  tx: ReadTx,
  members: Members,
): { readonly protocol: number; readonly protocolReady: number } {
  const protocol = clusterProtocol(tx.all("cluster"));
  const nodes = countedNodes(tx, members);
  if (nodes.length === 0 || !nodes.every(isKnown)) return { protocol, protocolReady: protocol };
  return { protocol, protocolReady: Math.max(protocol, Math.min(...nodes.map(maxOf))) };
}

function finalizeUpgrade(tx: WriteTx, replica: ReplicaApi): { before: number; protocol: number } {
  const [cluster] = tx.all("cluster");
  if (cluster === undefined) throw new AppError("unavailable", "This manager has no cluster state yet");
  const members = replica.members();
  const nodes = countedNodes(tx, members);
  const silent = nodes.filter((node) => !isKnown(node));
  if (silent.length > 0) {
    throw refused(`which version ${namesOf(silent, nodeName)} will run is not known`, {
      next: "bring those nodes up with the new version, or remove those that will not come back: shoal node rm",
    });
  }
  const { protocol: before, protocolReady: protocol } = clusterProtocols(tx, members);
  if (protocol > before) {
    tx.put("cluster", { ...cluster, protocol });
    return { before, protocol };
  }
  if (nodes.every((node) => maxOf(node) <= before)) {
    throw new AppError(
      "precondition",
      `There is nothing to finalize: every node speaks protocol ${before}, as does the cluster`,
      { next: "replace the nodes' programs first, one after the other" },
    );
  }
  const withVersion = (node: Node): string => `${nodeName(node)} (shoal ${node.description?.shoalVersion ?? "?"})`;
  const old = nodes.filter((node) => maxOf(node) <= before);
  throw refused(`${namesOf(old, withVersion)} still ${old.length === 1 ? "runs" : "run"} the old version`, {
    next: "replace their programs first, one after the other; shoal cluster upgrade shows who is missing",
  });
}

function refused(why: string, details: ErrorDetails): AppError {
  return new AppError("precondition", `Cannot finalize the upgrade: ${why}`, details);
}

/** Long lists are cut: the point is made by the first. */
const NAMES_MAX = 10;

function namesOf(nodes: readonly Node[], nameOf: (node: Node) => string): string {
  const names = nodes.slice(0, NAMES_MAX).map(nameOf).join(", ");
  return nodes.length <= NAMES_MAX ? names : `${names} and ${nodes.length - NAMES_MAX} more`;
}

function maxOf({ description }: Node): number {
  return protocolOf(description?.protocolMax);
}
