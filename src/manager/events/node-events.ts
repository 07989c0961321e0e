/** What a changed node, and the cluster itself, mean to people. Pure. */
import type { Availability, Cluster, EventLevel, Node, NodeState } from "../../model/index.ts";
import { nodeName } from "../../model/naming.ts";
import { actorOr, happening, isSame, nodeOf, type ChangeOf, type Context, type Happening, type What } from "./event.ts";

type Said = Pick<What, "action" | "level" | "message"> & { readonly actor?: string; readonly reason?: string };

export function nodeEvents({ before, after }: ChangeOf<"node">, context: Context): Happening[] {
  if (after === undefined) {
    return before === undefined ? [] : [aboutNode(before, context, { action: "removed", reason: "node removed" })];
  }
  if (before === undefined) {
    const reason = `joined as a ${after.role.toLowerCase()}`;
    return [aboutNode(after, context, { action: "joined", actor: `node:${after.id}`, reason })];
  }
  const said = [
    stateSaid(before, after),
    engineSaid(before, after),
    versionSaid(before, after),
    roleSaid(before, after),
  ];
  return [...said, specSaid(before, after)].filter((one) => one !== null).map((one) => aboutNode(after, context, one));
}

const STATES: Readonly<Record<NodeState, readonly [action: string, level: EventLevel] | null>> = {
  // A node that has not connected yet.
  UNKNOWN: null,
  READY: ["ready", "INFO"],
  UNREACHABLE: ["unreachable", "WARNING"],
  DOWN: ["down", "ERROR"],
  LEFT: ["left", "INFO"],
};

function stateSaid(before: Node, after: Node): Said | null {
  const from = before.status?.state ?? "UNKNOWN";
  const to = after.status?.state ?? "UNKNOWN";
  const said = STATES[to];
  if (from === to || said === null) return null;
  const [action, level] = to === "READY" && from !== "UNKNOWN" ? ["back", "INFO" as const] : said;
  return { action, level, actor: "monitor", reason: after.status?.message ?? "" };
}

/** Of a node that is there before and after: what it brings along is no change. */
function engineSaid({ status: before }: Node, { id, status: after }: Node): Said | null {
  if (before?.state !== "READY" || after?.state !== "READY" || before.engineOk === after.engineOk) return null;
  const actor = `node:${id}`;
  if (after.engineOk) return { action: "engine-back", actor, reason: "the engine answers again" };
  return { action: "engine-lost", level: "WARNING", actor, reason: after.engineMessage };
}

function versionSaid({ description: before }: Node, { id, description: after }: Node): Said | null {
  const [from = "", to = ""] = [before?.shoalVersion, after?.shoalVersion];
  if (from === "" || to === "" || from === to) return null;
  return { action: "version-changed", actor: `node:${id}`, reason: `version ${from} to ${to}` };
}

function roleSaid(before: Node, after: Node): Said | null {
  if (before.role === after.role) return null;
  return { action: after.role === "MANAGER" ? "promoted" : "demoted", reason: `a ${after.role.toLowerCase()} now` };
}

const AVAILABILITIES: Readonly<Record<Availability, string>> = {
  ACTIVE: "activated",
  PAUSE: "paused",
  DRAIN: "drained",
};

function specSaid({ spec: before }: Node, { spec: after }: Node): Said | null {
  if (isSame(before, after)) return null;
  const from = before?.availability ?? "ACTIVE";
  const to = after?.availability ?? "ACTIVE";
  if (from !== to) {
    return { action: AVAILABILITIES[to], reason: `availability ${from.toLowerCase()} to ${to.toLowerCase()}` };
  }
  const isLabels = !isSame(before?.labels, after?.labels);
  return { action: "updated", reason: isLabels ? "labels changed" : "settings changed" };
}

function aboutNode(node: Node, context: Context, { action, level, message, actor, reason = "" }: Said): Happening {
  const name = nodeName(node);
  return happening({
    type: "node",
    action,
    id: node.id,
    name,
    node: { id: node.id, name },
    cause: { actor: actor ?? actorOr(context, "orchestrator"), reason },
    ...(level === undefined ? {} : { level }),
    ...(message === undefined ? {} : { message }),
  });
}

/** An entry that begins a leadership. */
export function leaderEvents(context: Context): Happening[] {
  const { leaderId, term } = context.origin;
  if (leaderId === "") return [];
  const node = nodeOf(context, leaderId);
  const [cluster] = [...context.tx.all("cluster")];
  const cause = { actor: `node:${leaderId}`, reason: `leads since term ${term}` };
  const [id, name] = [cluster?.id ?? "", cluster?.spec?.name ?? ""];
  return [happening({ type: "cluster", action: "leader-changed", id, name, node, cause })];
}

export function clusterEvents({ before, after }: ChangeOf<"cluster">, context: Context): Happening[] {
  if (after === undefined) return [];
  if (before === undefined) return [aboutCluster(after, context, { action: "created" })];
  const said: Said[] = [];
  if (!isSame(before.spec, after.spec)) said.push({ action: "updated", reason: "settings changed" });
  for (const role of ["worker", "manager"] as const) {
    if (before[`${role}TokenSecret`] !== after[`${role}TokenSecret`])
      said.push({ action: "token-rotated", reason: `the join token of ${role}s` });
  }
  if (before.protocol !== after.protocol)
    said.push({ action: "upgraded", reason: `protocol ${before.protocol || 1} to ${after.protocol}` });
  if (before.awaitsResume !== null && after.awaitsResume === null)
    said.push({ action: "resumed", reason: `after it was ${before.awaitsResume.kind.toLowerCase()}` });
  const mass = after.massSilence;
  if (mass !== null && mass.sinceMs !== before.massSilence?.sinceMs) {
    const reason = `${mass.silent} of ${mass.nodes} nodes fell silent at once: for a while nothing is replaced`;
    said.push({ action: "mass-silence", level: "ERROR", actor: "monitor", reason });
  }
  return said.map((one) => aboutCluster(after, context, one));
}

function aboutCluster(cluster: Cluster, context: Context, { action, level, actor, reason = "" }: Said): Happening {
  return happening({
    type: "cluster",
    action,
    id: cluster.id,
    name: cluster.spec?.name ?? "",
    cause: { actor: actor ?? actorOr(context, "orchestrator"), reason },
    ...(level === undefined ? {} : { level }),
  });
}
