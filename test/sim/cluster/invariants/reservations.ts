/**
 * What tasks reserve on a node is never more than it offers: CPU, memory, and generic resources by number and by name;
 * counted anew at every entry that changes a task there.
 */
import { slotName } from "../../../../src/model/naming.ts";
import { compareStates, isWanted, observedState } from "../../../../src/model/task-state.ts";
import type { GenericResource, Node, Task, TaskSpec } from "../../../../src/model/index.ts";
import type { MakeInvariant } from "../invariant.ts";
import type { Truth } from "../truth.ts";

export const reservations: MakeInvariant = (world) => ({
  name: "nothing is reserved twice",
  afterEntry: ({ changes, version }) => {
    const nodeIds = new Set(
      changes.flatMap(({ table, after }) => (table === "task" && after !== undefined ? [after.nodeId] : [])),
    );
    for (const id of nodeIds) {
      const node = world.truth.get("node", id);
      if (node === undefined) continue;
      const why = overdraft(world.truth, node, world.truth.tasksOfNode(id).filter(holds));
      if (why !== null) throw new Error(`on ${node.spec?.name} at ${version}: ${why}`);
    }
  },
});

/** What of the node these tasks would take too much of; null if it suffices. */
export function overdraft(truth: Truth, node: Node, tasks: readonly Task[]): string | null {
  for (const [kind, amount] of runningAtOnce(truth, tasks)) {
    const room = offered(node, kind);
    if (amount > room) return `${amount} of ${room} ${kind} would be reserved`;
  }
  return null;
}

/** It has as many names as it asks for where its node gives names, and none that another slot's task holds. */
export function namesRefusal(truth: Truth, task: Task): string | null {
  const node = truth.get("node", task.nodeId);
  const others = truth.tasksOfNode(task.nodeId).filter((other) => holds(other) && slotKey(other) !== slotKey(task));
  for (const { kind, count } of genericOf(truth.specOf(task))) {
    const given = namesOf(task.generic, kind);
    const has = namesOf(node?.description?.resources?.generic ?? [], kind);
    const asked = has.length > 0 ? Number(count) : 0;
    if (new Set(given).size !== asked || !given.every((name) => has.includes(name)))
      return `it asks for ${count} ${kind} and has ${given.join()} of ${has.join()}`;
    const other = others.find(({ generic }) => namesOf(generic, kind).some((name) => given.includes(name)));
    if (other !== undefined) return `${given.join()} is ${other.id}'s already`;
  }
  return null;
}

/** It takes room as long as it is not known to have stopped. */
export function holds({ status }: Task): boolean {
  const state = status?.state ?? "NEW";
  return !["COMPLETE", "SHUTDOWN", "FAILED", "REJECTED", "ORPHANED"].includes(state);
}

/** By kind. A slot's old task and the one that waits for its end never run at once, so the larger counts. */
function runningAtOnce(truth: Truth, tasks: readonly Task[]): ReadonlyMap<string, number> {
  const slots = new Map<string, { readonly waiting: Map<string, number>; readonly others: Map<string, number> }>();
  for (const task of tasks) {
    // Told to stop before its start.
    if (!isWanted(task) && compareStates(observedState(task), "STARTING") < 0) continue;
    const sums = slots.get(slotKey(task)) ?? { waiting: new Map(), others: new Map() };
    slots.set(slotKey(task), sums);
    const sum = task.desired === "READY" ? sums.waiting : sums.others;
    for (const [kind, amount] of amountsOf(truth.specOf(task))) sum.set(kind, (sum.get(kind) ?? 0) + amount);
  }
  const total = new Map<string, number>();
  for (const { waiting, others } of slots.values()) {
    for (const kind of new Set([...waiting.keys(), ...others.keys()])) {
      const most = Math.max(waiting.get(kind) ?? 0, others.get(kind) ?? 0);
      total.set(kind, (total.get(kind) ?? 0) + most);
    }
  }
  return total;
}

function amountsOf(spec: TaskSpec | null): [kind: string, amount: number][] {
  const { nanoCpus = 0, memoryBytes = 0 } = spec?.resources?.reservations ?? {};
  const all: [string, number][] = [
    ["cpu", Number(nanoCpus)],
    ["memory", Number(memoryBytes)],
    ...genericOf(spec).map(({ kind, count }): [string, number] => [kind, Number(count)]),
  ];
  return all.filter(([, amount]) => amount > 0);
}

function offered({ description }: Node, kind: string): number {
  const resources = description?.resources;
  if (kind === "cpu") return Number(resources?.nanoCpus ?? 0);
  if (kind === "memory") return Number(resources?.memoryBytes ?? 0);
  const has = resources?.generic.find((one) => one.kind === kind);
  return has === undefined ? 0 : has.names.length || Number(has.count);
}

function genericOf(spec: TaskSpec | null): readonly GenericResource[] {
  return spec?.resources?.reservations?.generic ?? [];
}

function namesOf(list: readonly GenericResource[], kind: string): readonly string[] {
  return list.find((one) => one.kind === kind)?.names ?? [];
}

function slotKey(task: Task): string {
  return `${task.serviceId}/${task.run}/${slotName(task)}`;
}
