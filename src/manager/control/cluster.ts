/** Control's cluster: what it is, how it does, and how to join it. */
import type { Cluster, ClusterSpec } from "../../model/index.ts";
import { normaliseClusterSpec } from "../../model/defaults.ts";
import { isWanted, observedState } from "../../model/task-state.ts";
import { validateClusterSpec } from "../../model/validate.ts";
import { newTokenSecret } from "../../pki/token.ts";
import type { GetClusterResponseInput } from "../../proto/gen/GetClusterResponse.ts";
import type { UpdateClusterRequest } from "../../proto/gen/UpdateClusterRequest.ts";
import type { Router } from "../../proto/router.ts";
import type { ReadTx, StoreApi, WriteTx } from "../../store/types.ts";
import { must } from "../../util/assert.ts";
import type { Env } from "../../util/env.ts";
import { AppError } from "../../util/errors.ts";
import type { ReplicaApi } from "../replica/types.ts";
import { managerStatus } from "./nodes.ts";
import type { Reads } from "./reads.ts";
import { withoutSecrets } from "./redact.ts";
import type { Requests } from "./requests.ts";
import { clusterProtocols } from "./upgrade.ts";
import { outOfSequence } from "./versions.ts";

export type JoinTokens = { readonly worker: string; readonly manager: string };
export type ClusterDeps = {
  readonly reads: Reads;
  readonly requests: Requests;
  readonly store: StoreApi;
  readonly replica: ReplicaApi;
  readonly env: Env;
  /** The texts people paste; made from the committed cluster by whoever knows their format. */
  readonly joinTokens: () => JoinTokens;
};

export function registerCluster(router: Router, deps: ClusterDeps): void {
  const { reads, requests, replica, env, joinTokens } = deps;
  router.unary("Control.GetCluster", async (request, context) => {
    const tx = await reads.view(request.consistency, context);
    return { cluster: withoutSecrets(theCluster(tx)), ...counts(tx, replica) };
  });

  router.unary("Control.UpdateCluster", async (request, context) => {
    const spec = request.spec === null ? null : normaliseClusterSpec(validateClusterSpec(request.spec));
    const change = (tx: WriteTx): { cluster: Cluster } => ({
      cluster: withoutSecrets(updateCluster(tx, env, request, spec)),
    });
    return await requests.run({ key: "Control.UpdateCluster", request, context, change });
  });

  router.unary("Control.GetJoinTokens", async (_request, context) => {
    // A token rotated away must not be handed out, so a stale answer is no answer.
    theCluster(await reads.view("LINEARIZABLE", context));
    const addresses = replica.members().map(({ address }) => address);
    return { ...joinTokens(), addresses };
  });
}

/** Without a spec only the tokens change. */
function updateCluster(tx: WriteTx, env: Env, request: UpdateClusterRequest, spec: ClusterSpec | null): Cluster {
  const cluster = theCluster(tx);
  if (cluster.meta?.version !== request.version) throw outOfSequence("the cluster", cluster.meta, request.version);
  tx.put("cluster", {
    ...cluster,
    spec: spec ?? cluster.spec,
    workerTokenSecret: request.rotateWorkerToken ? newTokenSecret(env) : cluster.workerTokenSecret,
    managerTokenSecret: request.rotateManagerToken ? newTokenSecret(env) : cluster.managerTokenSecret,
  });
  return must(tx.get("cluster", cluster.id), "the cluster was put in this transaction");
}

function theCluster(tx: ReadTx): Cluster {
  for (const cluster of tx.all("cluster")) return cluster;
  throw new AppError("unavailable", "This manager has no cluster state yet", { next: "try again in a moment" });
}

function counts(tx: ReadTx, replica: ReplicaApi): GetClusterResponseInput {
  const status = replica.status();
  const leader = replica.leader();
  const nodes = [...tx.all("node")];
  const reachability = nodes.map((node) => managerStatus(replica, node)?.reachability);
  let tasks = 0;
  let tasksRunning = 0;
  for (const task of tx.all("task")) {
    if (!isWanted(task)) continue;
    tasks += 1;
    if (observedState(task) === "RUNNING") tasksRunning += 1;
  }
  return {
    leaderId: leader?.id ?? "",
    leaderAddress: leader?.address ?? "",
    term: status.term,
    commitIndex: status.commit,
    managers: replica.members().length,
    managersReachable: reachability.filter((state) => state === "LEADER" || state === "REACHABLE").length,
    nodes: nodes.length,
    nodesReady: nodes.filter((node) => node.status?.state === "READY").length,
    services: tx.count("service"),
    tasks,
    tasksRunning,
    ...clusterProtocols(tx, replica.members()),
  };
}
