/** What a changed node, and the cluster itself, mean to people. Pure. */
import type { Availability, Cluster, EventLevel, Node, NodeState } from "../../model/index.ts";
import { nodeName } from "../../model/naming.ts";
import { isTerminal, observedState } from "../../model/task-state.ts";
import { unfinishedOn } from "../../store/task-names.ts";
import type { Change } from "../../store/types.ts";
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
    diskSaid(before, after),
    deadlineSaid(before, after),
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

/** The worst of it: what is full fills up as well. */
function diskSaid({ description: before }: Node, { id, description: after }: Node): Said | null {
  if (after === null || isSame([before?.fullPaths, before?.fillingPaths], [after.fullPaths, after.fillingPaths]))
    return null;
  const actor = `node:${id}`;
  const [full, filling] = [newIn(before?.fullPaths, after.fullPaths), newIn(before?.fillingPaths, after.fillingPaths)];
  if (full.length > 0) {
    return {
      action: "disk-full",
      level: "ERROR",
      actor,
      reason: `95 % of ${full.join(" and ")} is used: no new tasks`,
    };
  }
  if (filling.length > 0) {
    const reason = `90 % of ${filling.join(" and ")} is used, unused images are collected already`;
    return { action: "disk-filling", level: "WARNING", actor, reason };
  }
  const room = newIn(after.fullPaths, before?.fullPaths ?? []);
  const isNone = after.fillingPaths.length === 0 && after.fullPaths.length === 0;
  if (isNone) return { action: "disk-ok", actor, reason: "there is room on the disk again" };
  if (room.length === 0) return null;
  return { action: "disk-ok", actor, reason: `there is room for new tasks in ${room.join(" and ")} again` };
}

function newIn(before: readonly string[] = [], after: readonly string[]): string[] {
  return after.filter((path) => !before.includes(path));
}

function deadlineSaid({ status: before }: Node, { status: after }: Node): Said | null {
  if (!after || after.drainOverdueMs === 0 || before?.drainOverdueMs === after.drainOverdueMs) return null;
  const reason = "the deadline of its drain passed: what still ran was stopped, though it runs nowhere else yet";
  return { action: "drain-overdue", level: "WARNING", actor: "orchestrator", reason };
}

/** Nodes that are empty by this entry, of those that are drained: each told once. */
export function drainEvents(changes: readonly Change[], context: Context): Happening[] {
  const { tx } = context;
  const found: Happening[] = [];
  for (const id of new Set(changes.map(maybeEmptied))) {
    const node = id === "" ? undefined : tx.get("node", id);
    if (node?.spec?.availability !== "DRAIN") continue;
    if (unfinishedOn(tx, id).length > 0) continue;
    found.push(
      aboutNode(node, context, { action: "drain-completed", actor: "orchestrator", reason: "no task is left on it" }),
    );
  }
  return found;
}

/** Id of the node of a task that ended, or that is drained from now on; empty for none. */
function maybeEmptied(change: Change): string {
  if (change.table === "task") {
    const { before, after } = change;
    if (before === undefined || before.nodeId === "" || isTerminal(observedState(before))) return "";
    return after === undefined || isTerminal(observedState(after)) ? before.nodeId : "";
  }
  if (change.table !== "node" || change.after?.spec?.availability !== "DRAIN") return "";
  return change.before?.spec?.availability === "DRAIN" ? "" : change.id;
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
