/** At the very entry that places it, a task's node may have it: judged anew, from committed rows alone. */
import type { Node, PortSpec, Task, TaskSpec } from "../../../../src/model/index.ts";
import { compareStates, isWanted, observedState } from "../../../../src/model/task-state.ts";
import { parseConstraint } from "../../../../src/model/constraint.ts";
import { matches } from "../../../../src/model/constraint-match.ts";
import type { MakeInvariant } from "../invariant.ts";
import type { Truth } from "../truth.ts";

export const placement: MakeInvariant = (world) => ({
  name: "tasks are placed where they may be",
  afterEntry: ({ changes, version }) => {
    for (const change of changes) {
      if (change.table !== "task" || change.after === undefined || change.after.nodeId === "") continue;
      if ((change.before?.nodeId ?? "") !== "") continue;
      const why = refusal(world.truth, change.after);
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
  return standing(node) ?? nodeRefusal(node, spec) ?? loadRefusal(truth, node, task, spec);
}

function standing({ spec, status }: Node): string | null {
  if (status?.state !== "READY") return `its node is ${status?.state}`;
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
  const memory = runningAtOnce(truth, [...beside, task]);
  const room = Number(node.description?.resources?.memoryBytes ?? 0);
  if (memory > room) return `${memory} of ${room} bytes would be reserved`;
  const others = beside.filter((other) => !makesWay(other));
  const taken = others.flatMap((other) => fixed(truth.specOf(other)));
  const conflict = fixed(spec).find((port) => taken.includes(port));
  if (conflict !== undefined) return `port ${conflict} is taken`;
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

/** Bytes: a slot's old task and the one that waits for its end never run at once, so the larger counts. */
function runningAtOnce(truth: Truth, tasks: readonly Task[]): number {
  const bySlot = new Map<string, { waiting: number; others: number }>();
  for (const task of tasks) {
    // Told to stop before its start.
    if (!isWanted(task) && compareStates(observedState(task), "STARTING") < 0) continue;
    const key = `${task.serviceId}/${task.slot}`;
    const sum = bySlot.get(key) ?? { waiting: 0, others: 0 };
    const bytes = Number(truth.specOf(task)?.resources?.reservations?.memoryBytes ?? 0);
    if (task.desired === "READY") sum.waiting += bytes;
    else sum.others += bytes;
    bySlot.set(key, sum);
  }
  return [...bySlot.values()].reduce((total, { waiting, others }) => total + Math.max(waiting, others), 0);
}

/** It takes room as long as it is not known to have stopped. */
function holds({ status }: Task): boolean {
  const state = status?.state ?? "NEW";
  return !["COMPLETE", "SHUTDOWN", "FAILED", "REJECTED", "ORPHANED"].includes(state);
}

function fixed(spec: TaskSpec | null): number[] {
  return (spec?.ports ?? []).map((port: PortSpec) => Number(port.published)).filter((port) => port !== 0);
}
