/**
 * Why a service, task or node is not what it should be, read from the store alone: `shoal why`. The
 * same filters and rules that act are asked again, so an explanation cannot drift from what happens.
 */
import { shown } from "../../model/checks.ts";
import { DEFAULT_REPLICAS } from "../../model/defaults.ts";
import { nodeName, slotName, taskName } from "../../model/naming.ts";
import { specDifference } from "../../model/revision-diff.ts";
import { holdsResources, isHealthy, isWanted } from "../../model/task-state.ts";
import type { ExplainReason, Node, Service, Task } from "../../model/index.ts";
import { revisionId } from "../../store/revisions.ts";
import { findTaskNamed } from "../../store/task-names.ts";
import type { ReadTx } from "../../store/types.ts";
import { AppError } from "../../util/errors.ts";
import { formatBytes } from "../../util/units.ts";
import { Evidence, explainTask, reasonAbout } from "./explain-task.ts";
import { freeResources } from "./node-info.ts";
import { bookOf } from "./scheduler.ts";

/** One screen, and then some. */
export const REASONS_MAX = 200;

export type Explanation = {
  readonly kind: "service" | "task" | "node";
  readonly id: string;
  readonly name: string;
  readonly summary: string;
  readonly reasons: ExplainReason[];
};

/** @param id of a service, task or node; or its name, or a unique prefix of its id. @throws AppError not-found | invalid */
export function explain(tx: ReadTx, id: string): Explanation {
  const found = lookUp(tx, id);
  const explanation =
    found.kind === "service"
      ? explainService(tx, found.object)
      : found.kind === "task"
        ? { name: taskName(found.object), ...explainTask(new Evidence(tx), found.object) }
        : explainNode(tx, found.object);
  const { name, summary, reasons } = explanation;
  return { kind: found.kind, id: found.object.id, name, summary, reasons: reasons.slice(0, REASONS_MAX) };
}

type Found =
  | { readonly kind: "service"; readonly object: Service }
  | { readonly kind: "task"; readonly object: Task }
  | { readonly kind: "node"; readonly object: Node };
type Told = { readonly name: string; readonly summary: string; readonly reasons: readonly ExplainReason[] };

function lookUp(tx: ReadTx, id: string): Found {
  const found = id === "" ? null : (byId(tx, id) ?? byName(tx, id) ?? byPrefix(tx, id));
  if (found !== null) return found;
  throw new AppError("not-found", `No service, task or node is called "${shown(id)}"`, {
    path: "id",
    next: "look with `shoal service ls`, `shoal service ps` or `shoal node ls`",
  });
}

function byId(tx: ReadTx, id: string): Found | null {
  const service = tx.get("service", id);
  if (service !== undefined) return { kind: "service", object: service };
  const task = tx.get("task", id);
  if (task !== undefined) return { kind: "task", object: task };
  const node = tx.get("node", id);
  return node === undefined ? null : { kind: "node", object: node };
}

function byName(tx: ReadTx, name: string): Found | null {
  const service = tx.find("service", "name", name.toLowerCase())[0];
  if (service !== undefined) return { kind: "service", object: service };
  const task = findTaskNamed(tx, name);
  if (task !== undefined) return { kind: "task", object: task };
  const nodes = tx.find("node", "name", name.toLowerCase());
  if (nodes.length > 1) throw ambiguous(name, "nodes");
  return nodes[0] === undefined ? null : { kind: "node", object: nodes[0] };
}

function byPrefix(tx: ReadTx, prefix: string): Found | null {
  for (const kind of ["service", "task", "node"] as const) {
    const found: Found[] = [];
    for (const object of tx.all(kind)) {
      if (!object.id.startsWith(prefix)) continue;
      const hit = byId(tx, object.id);
      if (hit !== null) found.push(hit);
      if (found.length > 1) throw ambiguous(prefix, `${kind}s`);
    }
    if (found[0] !== undefined) return found[0];
  }
  return null;
}

function ambiguous(text: string, what: string): AppError {
  return new AppError("invalid", `Several ${what} match "${text}"`, { path: "id", next: "use more of the id" });
}

function newestOf(tasks: readonly Task[]): Task | undefined {
  return tasks.toSorted((a, b) => (a.meta?.createdAtMs ?? 0) - (b.meta?.createdAtMs ?? 0)).at(-1);
}

/** An older revision that asks for the same is no reason to replace its tasks. */
function asksForOther(tx: ReadTx, service: Service, task: Task): boolean {
  if (task.revision === service.revision) return false;
  const spec = tx.get("revision", revisionId(service.id, task.revision))?.spec;
  const wanted = service.spec?.task;
  return !spec || !wanted || specDifference(spec, wanted) !== "none";
}

function explainService(tx: ReadTx, service: Service): Told {
  const name = service.spec?.name ?? service.id;
  const replicas = service.spec?.replicated?.replicas ?? DEFAULT_REPLICAS;
  const tasks = tx.find("task", "service", service.id);
  const bySlot = new Map<string, Task[]>();
  for (const task of tasks) {
    if (task.desired !== "REMOVE") bySlot.set(slotName(task), [...(bySlot.get(slotName(task)) ?? []), task]);
  }
  const broken = [...bySlot]
    .sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }))
    .filter(([, slotTasks]) => !slotTasks.some((task) => isWanted(task) && isHealthy(task) && !isTroubled(tx, task)))
    .map(([, slotTasks]) => slotTasks.findLast(isWanted) ?? newestOf(slotTasks))
    .filter((task) => task !== undefined);
  const running = bySlot.size - broken.length;
  const reasons = explainAlike(new Evidence(tx), broken);
  const outdated = tasks.filter((task) => isWanted(task) && asksForOther(tx, service, task)).length;
  if (outdated > 0) {
    const text = `${outdated} ${outdated === 1 ? "task is" : "tasks are"} of an earlier revision than ${service.revision}`;
    const next = running < replicas ? "the rollout goes on when the replaced tasks run" : "";
    reasons.push(reasonAbout("service", service.id, name, "rollout", text, next));
  }
  const missing = replicas - bySlot.size;
  if (missing > 0)
    reasons.push(reasonAbout("service", service.id, name, "missing", `${missing} tasks are not created yet`));
  return { name, summary: `${running} of ${replicas} replicas of ${name} run`, reasons };
}

/** Replicas usually lack the same thing: it is explained once, and the others are named. */
function explainAlike(evidence: Evidence, tasks: readonly Task[]): ExplainReason[] {
  const groups = new Map<string, Task[]>();
  for (const task of tasks) {
    const { state = "NEW", error = "" } = task.status ?? {};
    const key = [state, task.desired, error, task.pendingReason, task.nodeId].join("/");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [task]);
    else group.push(task);
  }
  return [...groups.values()].slice(0, REASONS_MAX).flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const told = explainTask(evidence, first);
    const name = taskName(first);
    const reasons = [reasonAbout("task", first.id, name, "task", told.summary), ...told.reasons];
    if (others.length > 0) {
      reasons.push(
        reasonAbout("task", first.id, name, "also", `the same holds for ${shortList(others.map(taskName))}`),
      );
    }
    return reasons;
  });
}

function isTroubled(tx: ReadTx, task: Task): boolean {
  return tx.get("node", task.nodeId)?.status?.state !== "READY";
}

function shortList(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

function explainNode(tx: ReadTx, node: Node): Told {
  const name = nodeName(node);
  const reasons: ExplainReason[] = [];
  const say = (code: string, message: string, next = ""): void => {
    reasons.push(reasonAbout("node", node.id, name, code, message, next));
  };
  const state = node.status?.state ?? "UNKNOWN";
  const availability = node.spec?.availability ?? "ACTIVE";
  if (state !== "READY") {
    const since = node.status?.sinceMs ? ` since ${new Date(node.status.sinceMs).toISOString()}` : "";
    const why = node.status?.message ? `: ${node.status.message}` : "";
    say("ready", `the node is ${state.toLowerCase()}${since}${why}`, NODE_NEXT[state]);
  }
  if (availability === "PAUSE")
    say("availability", "the node is paused: it gets no new tasks", "run `shoal node activate`");
  if (availability === "DRAIN")
    say("availability", "the node is drained: it gets no tasks", "run `shoal node activate`");
  if (node.status !== null && !node.status.engineOk && node.status.engineMessage !== "") {
    say("engine", `its engine does not answer: ${node.status.engineMessage}`, "check the Docker Engine on the node");
  }
  if (node.description !== null && node.description.runtimes.length === 0) {
    say("runtime", "it offers no runtime: tasks cannot run here", "give it a Docker Engine, or allow processes");
  }
  const tasks = tx.find("task", "node", node.id).filter(holdsResources);
  const info = bookOf(tx).get(node.id);
  if (info !== undefined && node.description?.resources) {
    const free = freeResources(info);
    say(
      "resources",
      `${formatBytes(Math.max(0, free.memoryBytes))} of memory and ${Math.max(0, free.nanoCpus) / 1e9} CPUs are not reserved`,
    );
  }
  return {
    name,
    summary: `node ${name} is ${state.toLowerCase()} and ${AVAILABILITY_WORD[availability]}, with ${tasks.length} tasks`,
    reasons,
  };
}

const AVAILABILITY_WORD = { ACTIVE: "active", PAUSE: "paused", DRAIN: "drained" } as const;

const NODE_NEXT: Readonly<Record<string, string>> = {
  UNKNOWN: "start `shoal daemon` on it",
  UNREACHABLE: "wait, or check its host and network; its tasks are replaced once it counts as down",
  DOWN: "check its host and network, or remove it with `shoal node rm`",
  LEFT: "start its agent again, or remove it with `shoal node rm`",
};
