/** Ending an upgrade: from then on managers write what only the new version reads. */
import type { Node } from "../../model/index.ts";
import { nodeName } from "../../model/naming.ts";
import { clusterProtocol, protocolOf } from "../../model/protocol.ts";
import type { Router } from "../../proto/router.ts";
import type { WriteTx } from "../../store/types.ts";
import { AppError } from "../../util/errors.ts";
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

/** Every manager counts, voter or learner, and so does a node that is about to be one. */
function finalizeUpgrade(tx: WriteTx, replica: ReplicaApi): { before: number; protocol: number } {
  const [cluster] = tx.all("cluster");
  if (cluster === undefined) throw new AppError("unavailable", "This manager has no cluster state yet");
  const members = new Set(replica.members().map(({ id }) => id));
  const managers = [...tx.all("node")].filter(({ id, role }) => role === "MANAGER" || members.has(id));
  const silent = managers.filter(({ status }) => status?.state !== "READY");
  if (silent.length > 0) {
    const names = silent.map(nodeName).join(", ");
    throw new AppError("precondition", `Cannot finalize the upgrade: which version ${names} will run is not known`, {
      next: "bring every manager up with the new version, or remove those that will not come back: shoal node rm",
    });
  }
  const before = clusterProtocol([cluster]);
  const protocol = Math.min(...managers.map(maxOf));
  if (protocol > before) {
    tx.put("cluster", { ...cluster, protocol });
    return { before, protocol };
  }
  const old = managers.filter((node) => maxOf(node) <= before);
  if (managers.every((node) => maxOf(node) === before)) {
    throw new AppError(
      "precondition",
      `There is nothing to finalize: every manager speaks protocol ${before}, as does the cluster`,
      {
        next: "replace the managers' programs first, one after the other",
      },
    );
  }
  const names = old.map((node) => `${nodeName(node)} (shoal ${node.description?.shoalVersion ?? "?"})`).join(", ");
  throw new AppError("precondition", `Cannot finalize the upgrade: ${names} still run the old version`, {
    next: "replace their programs first, one after the other; shoal cluster upgrade shows who is missing",
  });
}

function maxOf({ description }: Node): number {
  return protocolOf(description?.protocolMax);
}
