/** At the very entry that places it, a task's node may have it: judged anew, from committed rows alone. */
import type { Node, PortSpec, Task, TaskSpec } from "../../../../src/model/index.ts";
import { isWanted } from "../../../../src/model/task-state.ts";
import { parseConstraint } from "../../../../src/model/constraint.ts";
import { matches } from "../../../../src/model/constraint-match.ts";
import type { MakeInvariant } from "../invariant.ts";
import type { Truth } from "../truth.ts";
import { holds, namesRefusal, overdraft } from "./reservations.ts";

export const placement: MakeInvariant = (world) => ({
  name: "tasks are placed where they may be",
  afterEntry: ({ changes, version }) => {
    for (const change of changes) {
      if (change.table !== "task" || change.after === undefined || change.after.nodeId === "") continue;
      if ((change.before?.nodeId ?? "") !== "") continue;
      const why = refusal(world.truth, change.after) ?? namesRefusal(world.truth, change.after);
      if (change.after.generic.length > 0) world.coverage.add("generic resources given");
      if (why !== null) throw new Error(`${change.after.id} is placed at ${version}, but ${why}`);
    }
  },
});

/** Why the task may not be where it is, or would be. @param except the task itself */
export function refusal(truth: Truth, task: Task): string | null {
  const node = truth.get("node", task.nodeId);
  const spec = truth.specOf(task);
  if (node === undefined) return "its node is not there";
  if (spec === null) return "its revision is not there";
  if (task.pinnedNodeId !== "" && task.pinnedNodeId !== node.id) return `it may run on ${task.pinnedNodeId} only`;
  return standing(node) ?? nodeRefusal(node, spec) ?? loadRefusal(truth, node, task, spec);
}

function standing({ spec, status, description }: Node): string | null {
  if (status?.state !== "READY") return `its node is ${status?.state}`;
  if (!status.engineOk && status.engineMessage !== "") return "the engine of its node does not answer";
  if (description !== null && description.fullPaths.length > 0) return `${description.fullPaths.join()} is full`;
  return spec?.availability === "ACTIVE" ? null : `its node is ${spec?.availability}`;
}

/** What about a node does not change with what it runs. */
export function nodeRefusal(node: Node, spec: TaskSpec): string | null {
  if (node.description?.runtimes.includes("container") !== true) return "its node runs no containers";
  const broken = spec.placement?.constraints.find((text) => !matches(parseConstraint(text, ""), node));
  return broken === undefined ? null : `its node does not satisfy ${broken}`;
}

function loadRefusal(truth: Truth, node: Node, task: Task, spec: TaskSpec): string | null {
  // What waits for its slot's old task takes that one's room.
  const makesWay = (other: Task): boolean =>
    task.desired === "READY" && other.serviceId === task.serviceId && other.slot === task.slot;
  const beside = truth.tasksOfNode(node.id).filter((other) => other.id !== task.id && holds(other));
  const overdrawn = overdraft(truth, node, [...beside, task]);
  if (overdrawn !== null) return overdrawn;
  const others = beside.filter((other) => !makesWay(other));
  const taken = others.flatMap((other) => fixed(truth.specOf(other)));
  const conflict = fixed(spec).find((port) => taken.includes(port));
  if (conflict !== undefined) return `port ${conflict} is taken`;
  const company = companyRefusal(truth, task, spec, beside);
  if (company !== null) return company;
  const max = Number(spec.placement?.maxReplicasPerNode ?? 0);
  // The limit is the revision's own: what another one, without it, places a moment later in the same entry is not bound by it.
  const isLater = ({ meta, revision }: Task): boolean =>
    meta?.version === task.meta?.version && revision !== task.revision;
  const same = others.filter(
    (other) => other.serviceId === task.serviceId && other.slot !== task.slot && !isLater(other),
  );
  // A slot's old task and its successor never run at once.
  const slots = new Set(same.map(({ slot }) => slot));
  return max > 0 && slots.size >= max ? `its node has the slots ${[...slots].join(", ")}, of at most ${max}` : null;
}

/** `service == x`: something of it is on the node, or the task is the first of its own kind; `service != x`: nothing is. */
function companyRefusal(
  truth: Truth,
  task: Task,
  { placement: wants }: TaskSpec,
  beside: readonly Task[],
): string | null {
  for (const text of wants?.constraints ?? []) {
    const { key, test } = parseConstraint(text, "");
    if (key !== "service" || test.kind !== "one-of") continue;
    const ids = test.values.map((name) => truth.serviceNamed(name)?.id ?? "");
    const there = beside.filter(({ serviceId }) => ids.includes(serviceId));
    const stranger = there.find(({ serviceId, slot }) => serviceId !== task.serviceId || slot !== task.slot);
    if (test.negated && stranger !== undefined)
      return `its node runs ${stranger.id}, and it keeps away from that: ${text}`;
    if (test.negated || there.some(isWanted)) continue;
    const kin = truth.tasksOfService(task.serviceId).filter((other) => other.id !== task.id && other.nodeId !== "");
    const isFirst = ids.includes(task.serviceId) && !kin.some((other) => holds(other) && isWanted(other));
    if (!isFirst) return `its node runs nothing that it wants to be with: ${text}`;
  }
  return null;
}

/** Whether the other task keeps away from this one's service. */
export function shuns(truth: Truth, other: Task, { serviceId, serviceName }: Task): boolean {
  if (other.serviceId === serviceId || !holds(other)) return false;
  return (truth.specOf(other)?.placement?.constraints ?? []).some((text) => {
    const { key, test } = parseConstraint(text, "");
    return key === "service" && test.kind === "one-of" && test.negated && test.values.includes(serviceName);
  });
}

function fixed(spec: TaskSpec | null): number[] {
  return (spec?.ports ?? []).map((port: PortSpec) => Number(port.published)).filter((port) => port !== 0);
}
