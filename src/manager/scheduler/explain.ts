/**
 * Why a service, task or node is not what it should be, read from the store alone: `shoal why`. The
 * same filters and rules that act are asked again, so an explanation cannot drift from what happens.
 */
import { shown } from "../../model/checks.ts";
import { nodeName, taskName } from "../../model/naming.ts";
import { amountText } from "../../model/resources.ts";
import { jobOf } from "../../model/service-mode.ts";
import { holdsResources } from "../../model/task-state.ts";
import type { ExplainReason, Node, Service, Task } from "../../model/index.ts";
import { findTaskNamed } from "../../store/task-names.ts";
import type { ReadTx } from "../../store/types.ts";
import { AppError } from "../../util/errors.ts";
import { explainJob } from "./explain-job.ts";
import { explainService } from "./explain-service.ts";
import { engineTrouble, Evidence, explainTask, REASONS_MAX, reasonAbout, type Told } from "./explain-task.ts";
import { freeOf, totalOf } from "./load-filter.ts";
import type { NodeInfo } from "./node-info.ts";
import { bookOf } from "./scheduler.ts";

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
      ? explainWhole(tx, found.object)
      : found.kind === "task"
        ? { name: taskName(found.object), ...explainTask(new Evidence(tx), found.object) }
        : explainNode(tx, found.object);
  const { name, summary, reasons } = explanation;
  return { kind: found.kind, id: found.object.id, name, summary, reasons: reasons.slice(0, REASONS_MAX) };
}

function explainWhole(tx: ReadTx, service: Service): Told & { readonly name: string } {
  return jobOf(service.spec) === null ? explainService(tx, service) : explainJob(tx, service);
}

type Found =
  | { readonly kind: "service"; readonly object: Service }
  | { readonly kind: "task"; readonly object: Task }
  | { readonly kind: "node"; readonly object: Node };

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

function explainNode(tx: ReadTx, node: Node): Told & { readonly name: string } {
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
  const trouble = engineTrouble(node);
  if (trouble !== null) say("engine", trouble.message, trouble.next);
  const fullPaths = node.description?.fullPaths ?? [];
  if (fullPaths.length > 0) {
    say("disk", `the disk of ${fullPaths.join(" and ")} is almost full: it gets no new tasks`, "free space there");
  }
  if (node.description !== null && node.description.runtimes.length === 0) {
    say("runtime", "it offers no runtime: tasks cannot run here", "give it a Docker Engine, or allow processes");
  }
  const tasks = tx.find("task", "node", node.id).filter(holdsResources);
  const info = bookOf(tx).get(node.id);
  if (info !== undefined && node.description?.resources) say("resources", freeText(info));
  return {
    name,
    summary: `node ${name} is ${state.toLowerCase()} and ${AVAILABILITY_WORD[availability]}, with ${tasks.length} tasks`,
    reasons,
  };
}

/** `6GiB of 8GiB of memory, 3.5 CPUs of 4 CPUs of cpu and 1 of 2 of gpu are not reserved` */
function freeText(info: NodeInfo): string {
  const kinds = ["memory", "cpu", ...info.stock.generic.keys()];
  const parts = kinds.map((kind) => {
    const text = (amount: number): string => amountText(kind, amount);
    const unit = kind === "cpu" ? "" : ` of ${kind}`;
    return `${text(Math.max(0, freeOf(info, kind)))} of ${text(totalOf(info, kind))}${unit}`;
  });
  return `${parts.slice(0, -1).join(", ")} and ${parts.at(-1) ?? ""} are not reserved`;
}

const AVAILABILITY_WORD = { ACTIVE: "active", PAUSE: "paused", DRAIN: "drained" } as const;

const NODE_NEXT: Readonly<Record<string, string>> = {
  UNKNOWN: "start `shoal daemon` on it",
  UNREACHABLE: "wait, or check its host and network; its tasks are replaced once it counts as down",
  DOWN: "check its host and network, or remove it with `shoal node rm`",
  LEFT: "start its agent again, or remove it with `shoal node rm`",
};
