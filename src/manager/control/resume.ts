/** Control's way out of the wait after a recovery or restore: what it would do, and doing it. */
import type { HeldTask, Node } from "../../model/index.ts";
import { awaitsResume, type Inventories, type Stranger } from "../../model/awaits-resume.ts";
import { nodeName } from "../../model/naming.ts";
import { isTerminal } from "../../model/task-state.ts";
import { call } from "../../proto/client.ts";
import type { ResumeClusterRequest } from "../../proto/gen/ResumeClusterRequest.ts";
import type { ResumeItem } from "../../proto/gen/ResumeItem.ts";
import type { ResumeNode } from "../../proto/gen/ResumeNode.ts";
import type { CallContext, Dialer } from "../../proto/rpc.ts";
import type { Router } from "../../proto/router.ts";
import type { ReadTx, StoreApi, WriteTx } from "../../store/types.ts";
import { AppError } from "../../util/errors.ts";
import type { Reads } from "./reads.ts";
import type { Requests } from "./requests.ts";

/** One node's answer; nodes are asked side by side. */
const NODE_DEADLINE_MS = 3000;
const ASKED_AT_ONCE_MAX = 64;
/** Of one answer; a cluster with more says how many it left out. */
export const ITEMS_MAX = 10_000;

export type ResumeDeps = {
  readonly reads: Reads;
  readonly requests: Requests;
  readonly store: StoreApi;
  readonly dialer: Dialer;
  /** As sessions heard of them. */
  readonly strangers: () => readonly Stranger[];
  readonly planResume: (tx: ReadTx, inventories: Inventories) => ResumeItem[];
};

export function registerResume(router: Router, deps: ResumeDeps): void {
  const { reads, requests, store, strangers, planResume } = deps;
  router.unary("Control.PlanResume", async (_request, context) => {
    const before = await reads.view("LINEARIZABLE", context);
    if (awaitsResume(before.all("cluster")) === null) return { awaitsResume: null };
    const members = [...before.all("node")];
    const foreign = strangers().filter(({ nodeId }) => before.get("node", nodeId) === undefined);
    const inventories = await askAll(deps, [...members.map(memberTarget), ...foreign.map(strangerTarget)], context);
    // What happened while they were asked is in it.
    const tx = store.view();
    const [cluster] = tx.all("cluster");
    const items = planResume(tx, inventories);
    return {
      awaitsResume: cluster?.awaitsResume ?? null,
      incarnation: cluster?.incarnation ?? "",
      items: items.slice(0, ITEMS_MAX),
      omitted: Math.max(0, items.length - ITEMS_MAX),
      unknown: [...silentMembers(members, inventories), ...foreign.map((one) => strangerNode(one, inventories))],
    };
  });

  router.unary("Control.ResumeCluster", async (request, context) => {
    const change = (tx: WriteTx): object => {
      resume(tx, request);
      return {};
    };
    return await requests.run({ key: "Control.ResumeCluster", request, context, change });
  });
}

function resume(tx: WriteTx, { incarnation }: ResumeClusterRequest): void {
  const [cluster] = tx.all("cluster");
  if (cluster === undefined || cluster.awaitsResume === null) {
    throw new AppError("precondition", "There is nothing to resume: the cluster does not wait");
  }
  if (incarnation !== "" && incarnation !== cluster.incarnation) {
    throw new AppError("conflict", `incarnation: the cluster is at ${cluster.incarnation}, not ${incarnation}`, {
      path: "incarnation",
      next: "look again at what resuming would do",
    });
  }
  tx.put("cluster", { ...cluster, awaitsResume: null });
}

type Target = { readonly nodeId: string; readonly address: string; readonly silent: string | null };

function memberTarget({ id: nodeId, address, status }: Node): Target {
  const state = status?.state ?? "UNKNOWN";
  return { nodeId, address, silent: state === "READY" ? null : `its node is ${state.toLowerCase()}` };
}

function strangerTarget({ nodeId, address }: Stranger): Target {
  return { nodeId, address, silent: null };
}

async function askAll(
  { dialer }: ResumeDeps,
  targets: readonly Target[],
  { signal }: CallContext,
): Promise<Inventories> {
  const answers = new Map<string, readonly HeldTask[] | { readonly silent: string }>();
  const queue = [...targets];
  const askNext = async (): Promise<void> => {
    for (let target = queue.shift(); target !== undefined; target = queue.shift()) {
      answers.set(target.nodeId, await ask(dialer, target, signal));
    }
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE_MAX }, askNext));
  return answers;
}

async function ask(
  dialer: Dialer,
  { nodeId, address, silent }: Target,
  signal: AbortSignal,
): Promise<readonly HeldTask[] | { readonly silent: string }> {
  if (silent !== null) return { silent };
  if (address === "") return { silent: "its node has no address yet" };
  const channel = dialer.dial(address, { peer: { kind: "node", nodeId }, profile: "control" });
  try {
    return (await call(channel, "NodeService.Tasks", {}, { deadlineMs: NODE_DEADLINE_MS, signal })).tasks;
  } catch (error) {
    signal.throwIfAborted();
    return { silent: `its node does not say what it runs: ${AppError.from(error).message}` };
  } finally {
    channel.close();
  }
}

function silentMembers(members: readonly Node[], inventories: Inventories): ResumeNode[] {
  return members.flatMap((node) => {
    const inventory = inventories.get(node.id);
    if (inventory === undefined || !("silent" in inventory)) return [];
    const { id, address } = node;
    return [{ id, name: nodeName(node), address, isStranger: false, reason: inventory.silent }];
  });
}

function strangerNode({ nodeId: id, name, address }: Stranger, inventories: Inventories): ResumeNode {
  const inventory = inventories.get(id);
  const isKnown = inventory !== undefined && !("silent" in inventory);
  const running = isKnown ? `${inventory.filter(({ observed }) => !isTerminal(observed)).length}` : "perhaps some";
  // It gets no session, and so takes itself for cut off: managers may start elsewhere what it runs.
  const reason = `the state does not know it: ${running} tasks on it are left alone, but what never runs twice stops there`;
  return { id, name, address, isStranger: true, reason };
}
