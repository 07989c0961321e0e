/** Control's nodes. */
import type { Node, NodeSpec, Task } from "../../model/index.ts";
import { awaitsResume } from "../../model/awaits-resume.ts";
import { normaliseNodeSpec } from "../../model/defaults.ts";
import { nodeName } from "../../model/naming.ts";
import { withRemoved } from "../../model/removed-nodes.ts";
import { canRaise } from "../../model/task-state.ts";
import { validateNodeSpec } from "../../model/validate.ts";
import type { ManagerStatusInput } from "../../proto/gen/ManagerStatus.ts";
import { describeCaller, type Router } from "../../proto/router.ts";
import { clusterOf } from "../../store/cluster.ts";
import { unfinishedOn } from "../../store/task-names.ts";
import type { ReadTx, StoreApi, WriteTx } from "../../store/types.ts";
import { must } from "../../util/assert.ts";
import { AppError, isAppError } from "../../util/errors.ts";
import type { ReplicaApi } from "../replica/types.ts";
import { FILTER_KEYS, nodeFilter, parseFilters } from "./filters.ts";
import { inlineTasks } from "./inline-tasks.ts";
import { findNode } from "./lookup.ts";
import { pageOf } from "./pages.ts";
import type { Reads } from "./reads.ts";
import type { Requests } from "./requests.ts";
import { leaveRaft, QuorumLoss, setNodeRole } from "./roles.ts";
import { outOfSequence } from "./versions.ts";
import { availabilityWarnings, removalWarnings } from "./warnings.ts";

export type NodeDeps = {
  readonly reads: Reads;
  readonly requests: Requests;
  readonly store: StoreApi;
  readonly replica: ReplicaApi;
};

export function registerNodes(router: Router, deps: NodeDeps): void {
  const { reads, requests, replica } = deps;
  router.unary("Control.GetNode", async (request, context) => {
    const tx = await reads.view(request.consistency, context);
    const node = findNode(tx, request.id);
    return { node, manager: managerStatus(replica, node) };
  });

  router.unary("Control.ListNodes", async (request, context) => {
    const accepts = nodeFilter(parseFilters(request.filters, FILTER_KEYS.node));
    const tx = await reads.view(request.consistency, context);
    const matching = [...tx.all("node")].filter((node) => accepts(node, tx));
    const page = pageOf(matching, (node) => `${nodeName(node).toLowerCase()}\0${node.id}`, request);
    const nodes = page.rows.map((node) => ({ node, manager: managerStatus(replica, node) }));
    const { nextPageToken } = page;
    const massSilence = clusterOf(tx)?.massSilence ?? null;
    return { nodes, nextPageToken, version: tx.version, awaitsResume: awaitsResume(tx.all("cluster")), massSilence };
  });

  router.unary("Control.UpdateNode", async (request, context) => {
    const spec = normaliseNodeSpec(validateNodeSpec(request.spec));
    const change = (tx: WriteTx): { node: Node; warnings: string[] } => {
      const before = findNode(tx, request.id).spec?.availability ?? "ACTIVE";
      const node = updateNode(tx, request, spec);
      const isLess = spec.availability !== "ACTIVE" && spec.availability !== before;
      return { node, warnings: isLess ? availabilityWarnings(tx, node) : [] };
    };
    return await requests.run({ key: "Control.UpdateNode", request, context, change });
  });

  router.unary("Control.SetNodeRole", async (request, context) => {
    const loss = new QuorumLoss(request.loseQuorum);
    const before = async (): Promise<void> => {
      if (request.role === "MANAGER") return;
      await leaveRaft(deps, findNode(deps.store.speculative(), request.id), { verb: "demote", loss });
    };
    const change = (tx: WriteTx): { node: Node; warnings: string[] } => ({
      node: setNodeRole(tx, request),
      warnings: loss.warnings,
    });
    const doubt = (): string => loss.warnings.join("");
    return await requests.run({ key: "Control.SetNodeRole", request, context, before, change, doubt });
  });

  router.unary("Control.RemoveNode", async (request, context) => {
    const actor = describeCaller(context.caller);
    const loss = new QuorumLoss(request.loseQuorum);
    const before = async (): Promise<void> => {
      const node = knownNode(deps.store, request.id);
      if (node === undefined) return;
      checkRemovable(deps.store.speculative(), node, request.force);
      await leaveRaft(deps, node, { verb: "remove", loss });
    };
    const change = (tx: WriteTx): { id: string; warnings: string[] } => {
      const warnings = [...loss.warnings, ...removalWarnings(tx, findNode(tx, request.id))];
      return { id: removeNode(tx, request, actor), warnings };
    };
    const doubt = (): string => loss.warnings.join("");
    return await requests.run({ key: "Control.RemoveNode", request, context, before, change, doubt });
  });
}

/**
 * What this manager knows of a member. Only the leader hears from all of them; its followers have it
 * from the nodes' states, and without a leader there is just what one's own streams say.
 */
export function managerStatus(replica: ReplicaApi, node: Node): ManagerStatusInput | null {
  const member = replica.members().find(({ id }) => id === node.id);
  if (member === undefined) return null;
  if (member.role === "learner") return { reachability: "LEARNER" };
  if (replica.leader()?.id === node.id) return { reachability: "LEADER" };
  return { reachability: isReachable(replica, node) ? "REACHABLE" : "UNREACHABLE" };
}

function isReachable(replica: ReplicaApi, node: Node): boolean {
  const status = replica.status();
  if (status.id === node.id) return true;
  if (status.leader === null) return replica.isConnected(node.id);
  const peer = status.peers.find(({ id }) => id === node.id);
  return peer === undefined ? node.status?.state === "READY" : peer.active;
}

function updateNode(tx: WriteTx, asked: { readonly id: string; readonly version: number }, spec: NodeSpec): Node {
  const node = findNode(tx, asked.id);
  if (node.meta?.version !== asked.version) throw outOfSequence(`node "${nodeName(node)}"`, node.meta, asked.version);
  if (spec.name !== "" && spec.name !== node.spec?.name) {
    const taken = tx.find("node", "name", spec.name.toLowerCase()).find(({ id }) => id !== node.id);
    if (taken !== undefined) {
      throw new AppError("exists", `spec.name: the node ${taken.id} has the name "${spec.name}" already`, {
        path: "spec.name",
        next: "choose another name",
      });
    }
  }
  const sinceMs = drainSinceMs(tx, node, spec);
  const drainOverdueMs = sinceMs === 0 || sinceMs === tx.timeMs ? 0 : (node.status?.drainOverdueMs ?? 0);
  tx.put("node", { ...node, spec, status: node.status && { ...node.status, drainSinceMs: sinceMs, drainOverdueMs } });
  return must(tx.get("node", node.id), "the node was put in this transaction");
}

function drainSinceMs(tx: WriteTx, { status, spec: before }: Node, { availability }: NodeSpec): number {
  if (availability !== "DRAIN") return 0;
  return before?.availability === "DRAIN" ? (status?.drainSinceMs ?? 0) : tx.timeMs;
}

/** A repeated removal finds nothing here, and its answer in the request's record. */
function knownNode(store: StoreApi, ref: string): Node | undefined {
  try {
    return findNode(store.speculative(), ref);
  } catch (error) {
    if (isAppError(error, "not-found")) return undefined;
    throw error;
  }
}

function removeNode(
  tx: WriteTx,
  { id: ref, force }: { readonly id: string; readonly force: boolean },
  actor: string,
): string {
  const node = findNode(tx, ref);
  checkRemovable(tx, node, force);
  tx.remove("node", node.id);
  for (const cluster of tx.all("cluster")) tx.put("cluster", withRemoved(cluster, node.id));
  for (const task of inlineTasks(unfinishedOn(tx, node.id))) orphan(tx, task, actor);
  return node.id;
}

function checkRemovable(tx: ReadTx, node: Node, force: boolean): void {
  const state = node.status?.state;
  const mayRun = state === "UNREACHABLE" && unfinishedOn(tx, node.id).length > 0;
  if (force || (state !== "READY" && !mayRun)) return;
  const name = nodeName(node);
  if (state === "READY")
    throw new AppError("precondition", `Cannot remove the node "${name}": it is up`, {
      path: "id",
      next: "let it leave (shoal leave) or stop it first, or remove it by force",
    });
  // Its tasks would start elsewhere, also what may never run twice.
  throw new AppError("precondition", `Cannot remove the node "${name}": it is silent, and may still run its tasks`, {
    path: "id",
    next: "wait until it counts as down (shoal node ls), or, if it is off for sure, remove it by force",
  });
}

function orphan(tx: WriteTx, task: Task, actor: string): void {
  const desired = canRaise(task.desired, "SHUTDOWN") ? "SHUTDOWN" : task.desired;
  const status = must(task.status, "a task with a node has a status");
  tx.put("task", {
    ...task,
    desired,
    status: {
      ...status,
      state: "ORPHANED",
      message: "its node was removed",
      atMs: tx.timeMs,
      healthy: false,
      ready: false,
    },
    cause: { actor, reason: "node removed" },
    pendingReason: "",
  });
}
