/**
 * Tasks to nodes, on the leader. Unplaced tasks are grouped by service and revision; a group is tried
 * when it gets a task, and every group when a node changes or something frees what it held. A group
 * that cannot be placed costs the others nothing.
 */
import { compareStates, holdsResources, isWanted, observedState } from "../../model/task-state.ts";
import { nodeName, slotName } from "../../model/naming.ts";
import type { Task, TaskSpec } from "../../model/index.ts";
import type { Change, ReadTx, WriteTx } from "../../store/types.ts";
import { StoreLoop } from "../../store/store-loop.ts";
import { demandOf } from "./filter.ts";
import { NodeBook } from "./node-info.ts";
import type { NodeInfo } from "./node-info.ts";
import { Placer } from "./place.ts";
import { recentFailures } from "./rank.ts";

/** Tasks written in one transaction: about 250 KiB of its 1 MiB. */
export const PLACED_PER_TURN_MAX = 500;
/** Groups tried in one turn. */
const GROUPS_PER_TURN_MAX = 100;

type Group = {
  readonly serviceId: string;
  readonly revision: number;
  readonly taskIds: Set<string>;
  /** What all of its tasks were last told; null once one was added that was not. */
  told: string | null;
};

export class Scheduler extends StoreLoop {
  #book = new NodeBook();
  /** By `service/revision`, and whether its tasks wait; also the key in `dirty`. Only groups with tasks. */
  readonly #groups = new Map<string, Group>();

  protected override note(change: Change): boolean {
    const before = this.dirty.size;
    if (change.table === "node") {
      if (change.after === undefined) this.#book.removeNode(change.id);
      else this.#book.setNode(change.after);
      this.#wakeAll();
    } else if (change.table === "task") this.#noteTask(change);
    return this.dirty.size > before;
  }

  protected override noteAll(tx: WriteTx): void {
    this.#book = bookOf(tx);
    this.#groups.clear();
    for (const task of tx.all("task")) if (isUnplaced(task)) this.#add(task);
  }

  protected override turn(tx: WriteTx): readonly string[] {
    const taken: string[] = [];
    let room = PLACED_PER_TURN_MAX;
    for (const key of this.dirty) {
      if (room <= 0 || taken.length >= GROUPS_PER_TURN_MAX) break;
      this.dirty.delete(key);
      const group = this.#groups.get(key);
      if (group === undefined) continue;
      taken.push(key);
      this.guarded(key, () => {
        room -= this.#placeGroup(tx, key, group, room);
      });
    }
    return taken;
  }

  /** @returns how many tasks were written. */
  #placeGroup(tx: WriteTx, key: string, group: Group, room: number): number {
    const spec = specOf(tx, group);
    if (spec === null) return 0;
    const failures = recentFailures(tx.find("task", "service", group.serviceId), group.revision, tx.timeMs);
    const placer = new Placer(this.#book, demandOf(group.serviceId, spec), failures);
    let written = 0;
    let refusal: string | null = null;
    for (const id of group.taskIds) {
      if (written >= room) {
        this.dirty.add(key);
        return written;
      }
      const task = tx.get("task", id);
      if (task === undefined || !isUnplaced(task)) continue;
      const info = placer.pick(task, homesOf(tx, task));
      if (info !== null) {
        this.#assign(tx, task, spec, info);
        written += 1;
        continue;
      }
      // Each for reasons of its own.
      if (task.pinnedNodeId !== "" || task.desired === "READY") {
        if (tell(tx, task, placer.reason(task))) written += 1;
        continue;
      }
      refusal ??= placer.reason(task);
      // All of them know already.
      if (group.told === refusal) return written;
      group.told = null;
      if (tell(tx, task, refusal)) written += 1;
    }
    group.told = refusal;
    return written;
  }

  #assign(tx: WriteTx, task: Task, spec: TaskSpec, { node }: NodeInfo): void {
    const name = nodeName(node);
    const status =
      task.status === null
        ? null
        : { ...task.status, state: "ASSIGNED" as const, message: `assigned to ${name}`, atMs: tx.timeMs };
    const assigned: Task = {
      ...task,
      nodeId: node.id,
      status,
      ports: [...spec.ports],
      pendingReason: "",
      cause: { actor: "scheduler", reason: `placed on node ${name}` },
    };
    tx.put("task", assigned);
    this.#book.setTask(assigned, spec);
  }

  #noteTask({ id, before, after }: Extract<Change, { table: "task" }>): void {
    if (after === undefined) this.#book.removeTask(id);
    else this.#book.setTask(after, this.#specFor(after));
    const from = before !== undefined && isUnplaced(before) ? groupKey(before) : "";
    const to = after !== undefined && isUnplaced(after) ? groupKey(after) : "";
    if (before !== undefined && from !== "" && from !== to) this.#drop(before);
    if (after !== undefined && to !== "" && from !== to) this.#add(after);
    if (before !== undefined && holdsResources(before) && (after === undefined || !holdsResources(after)))
      this.#wakeAll();
  }

  /** Only what holds something is looked up. */
  #specFor(task: Task): TaskSpec | null {
    return holdsResources(task) ? specOf(this.deps.store.speculative(), task) : null;
  }

  #add(task: Task): void {
    const key = groupKey(task);
    const group = this.#groups.get(key);
    if (group === undefined) {
      const { serviceId, revision } = task;
      this.#groups.set(key, { serviceId, revision, taskIds: new Set([task.id]), told: null });
    } else {
      group.taskIds.add(task.id);
      group.told = null;
    }
    this.dirty.add(key);
  }

  #drop(task: Task): void {
    const key = groupKey(task);
    const group = this.#groups.get(key);
    group?.taskIds.delete(task.id);
    if (group?.taskIds.size === 0) this.#groups.delete(key);
  }

  #wakeAll(): void {
    for (const key of this.#groups.keys()) this.dirty.add(key);
  }
}

/** The accounting of everything a transaction shows. */
export function bookOf(tx: ReadTx): NodeBook {
  const book = new NodeBook();
  for (const node of tx.all("node")) book.setNode(node);
  for (const task of tx.all("task")) if (holdsResources(task)) book.setTask(task, specOf(tx, task));
  return book;
}

function specOf(
  tx: ReadTx,
  { serviceId, revision }: { readonly serviceId: string; readonly revision: number },
): TaskSpec | null {
  return tx.get("revision", `${serviceId}/${revision}`)?.spec ?? null;
}

function isUnplaced(task: Task): boolean {
  return task.nodeId === "" && isWanted(task) && compareStates(observedState(task), "PENDING") === 0;
}

/** What waits for its slot's old task fits where others do not. */
function groupKey({ serviceId, revision, desired }: Task): string {
  return `${serviceId}/${revision}${desired === "READY" ? "/waiting" : ""}`;
}

/** Nodes of what the task takes over from, or runs beside until that goes. */
function homesOf(tx: ReadTx, task: Task): readonly string[] {
  const slot = tx.find("task", "slot", `${task.serviceId}/${slotName(task)}`);
  return slot.filter((other) => other.id !== task.id && holdsResources(other)).map(({ nodeId }) => nodeId);
}

/** @returns whether it had to be written. */
function tell(tx: WriteTx, task: Task, reason: string): boolean {
  if (task.pendingReason === reason) return false;
  tx.put("task", { ...task, pendingReason: reason, cause: { actor: "scheduler", reason } });
  return true;
}
