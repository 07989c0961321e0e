/**
 * Tasks to nodes, on the leader. Unplaced tasks are grouped by service and revision; a group is tried
 * when it gets a task, and every group when a node changes or something frees what it held. A group
 * that cannot be placed costs the others nothing. Nodes that became smaller than what runs on them are
 * looked at as well: what does not fit any more is marked, and the orchestrator moves it. So is, last of all, which task
 * of a rebalanced service moves next.
 */
import { compareStates, holdsResources, isWanted, observedState } from "../../model/task-state.ts";
import { nodeName } from "../../model/naming.ts";
import { reasonText } from "../../model/reason.ts";
import type { Node, Task } from "../../model/index.ts";
import type { Change, ReadTx, WriteTx } from "../../store/types.ts";
import { StoreLoop } from "../../store/store-loop.ts";
import { askOf, predecessorsOn } from "./ask.ts";
import type { Ask } from "./ask.ts";
import { demandOf, specOf } from "./demand.ts";
import type { Demand } from "./demand.ts";
import { Balancer } from "./balancer.ts";
import { planEvictions } from "./evict.ts";
import { NodeBook } from "./node-info.ts";
import type { NodeInfo } from "./node-info.ts";
import { Placer } from "./place.ts";

/** Tasks written in one transaction: about 250 KiB of its 1 MiB, and a turn of a few milliseconds. */
export const WRITES_PER_TURN_MAX = 500;
/** Nodes looked at in one turn, each once for each group tried: a few milliseconds. */
export const LOOKS_PER_TURN_MAX = 20_000;

type Group = {
  readonly serviceId: string;
  readonly revision: number;
  readonly taskIds: Set<string>;
  /** What all of its tasks were last told; null once one was added that was not. */
  told: string | null;
  /** It waits to be where another service is. */
  follows: boolean;
};

export class Scheduler extends StoreLoop {
  #book = new NodeBook();
  /** By `service/revision`, and whether its tasks wait; also the key in `dirty`. Only groups with tasks. */
  readonly #groups = new Map<string, Group>();
  /** Nodes to look at for tasks that do not fit any more. */
  readonly #shrunk = new Set<string>();
  /** Its keys are in `dirty` beside those of groups. */
  readonly #balancer = new Balancer();

  protected override note(change: Change): boolean {
    const before = this.dirty.size + this.#shrunk.size;
    if (change.table === "node") this.#noteNode(change);
    else if (change.table === "task") this.#noteTask(change);
    for (const key of this.#balancer.note(change)) this.dirty.add(key);
    return this.dirty.size + this.#shrunk.size > before;
  }

  protected override noteAll(tx: WriteTx): void {
    this.#book = bookOf(tx);
    this.#groups.clear();
    for (const task of tx.all("task")) if (isUnplaced(task)) this.#add(task);
    for (const node of tx.all("node")) this.#shrunk.add(node.id);
    for (const key of this.#balancer.reset(tx)) this.dirty.add(key);
  }

  protected override turn(tx: WriteTx): readonly string[] {
    const taken: string[] = [];
    let room = this.bound(WRITES_PER_TURN_MAX);
    let looks = LOOKS_PER_TURN_MAX;
    for (const nodeId of this.#shrunk) {
      if (room <= 0) break;
      this.#shrunk.delete(nodeId);
      this.#planned(tx, nodeId, () => {
        room -= this.#evict(tx, nodeId, room);
      });
    }
    for (const key of this.dirty) {
      if (room <= 0 || looks <= 0) break;
      this.dirty.delete(key);
      const group = this.#groups.get(key);
      if (group === undefined) {
        if (this.#balancer.has(key)) {
          taken.push(key);
          looks -= this.#book.size;
        }
        this.#planned(tx, key, () => {
          const { written, wakeAtMs } = this.#balancer.turn(tx, this.#book, key);
          room -= written;
          this.alarm(key, wakeAtMs, tx.timeMs);
        });
        continue;
      }
      taken.push(key);
      looks -= this.#book.size + group.taskIds.size;
      this.#planned(tx, key, () => {
        room -= this.#placeGroup(tx, { key, group, room });
      });
    }
    if (this.#shrunk.size > 0) this.trigger();
    return taken;
  }

  /** What a failed plan counted as placed is not. */
  #planned(tx: WriteTx, key: string, plan: () => void): void {
    if (!this.guarded(tx, key, plan)) this.#book = bookOf(tx);
  }

  /** @returns how many tasks were written. */
  #placeGroup(tx: WriteTx, { key, group, room }: { key: string; group: Group; room: number }): number {
    const demand = demandOf(tx, group);
    if (demand === null) return 0;
    group.follows = demand.company.some(({ negated }) => !negated);
    const placer = new Placer(this.#book, demand);
    let written = 0;
    let refusal: string | null = null;
    for (const id of group.taskIds) {
      if (written >= room) {
        this.dirty.add(key);
        return written;
      }
      const task = tx.get("task", id);
      if (task === undefined || !isUnplaced(task)) continue;
      if (refusal !== null && isLikeOthers(demand, task)) {
        // All of them know already.
        if (group.told === refusal) return written;
        if (tell(tx, task, refusal)) written += 1;
        continue;
      }
      const ask = askOf(tx, this.#book, task);
      const info = placer.pick(ask);
      if (info !== null) {
        this.#assign(tx, task, { demand, info, ask });
        placer.placed(info);
        written += 1;
        continue;
      }
      if (ask.pinnedNodeId !== "" || ask.predecessors.length > 0) {
        // For reasons of its own.
        if (tell(tx, task, placer.reason(ask))) written += 1;
        continue;
      }
      refusal ??= placer.reason(ask);
      if (tell(tx, task, refusal)) written += 1;
    }
    group.told = refusal;
    return written;
  }

  #assign(
    tx: WriteTx,
    task: Task,
    { demand, info, ask }: { readonly demand: Demand; readonly info: NodeInfo; readonly ask: Ask },
  ): void {
    const { node, stock, engine } = info;
    const name = nodeName(node);
    const status =
      task.status === null
        ? null
        : { ...task.status, state: "ASSIGNED" as const, message: reasonText(`assigned to ${name}`), atMs: tx.timeMs };
    const gone = ask.waits ? predecessorsOn(this.#book, info, ask) : [];
    const spec = specOf(tx, task);
    const assigned: Task = {
      ...task,
      nodeId: node.id,
      status,
      ports: [...(spec?.ports ?? [])],
      generic: engine.generic.give(stock, demand.needs, gone),
      pendingReason: "",
      cause: { actor: "scheduler", reason: reasonText(`placed on node ${name}`) },
    };
    tx.put("task", assigned);
    this.#book.setTask(assigned, spec);
  }

  /** @returns how many tasks were written. */
  #evict(tx: WriteTx, nodeId: string, room: number): number {
    const engine = this.#book.get(nodeId)?.engine;
    if (engine === undefined) return 0;
    const evictions = planEvictions(this.#book, engine);
    if (evictions.length > room) this.#shrunk.add(nodeId);
    for (const { taskId, why: reason } of evictions.slice(0, room)) {
      const why = reasonText(reason);
      const task = tx.get("task", taskId);
      if (task === undefined) continue;
      const unfit: Task = { ...task, unfit: why, cause: { actor: "scheduler", reason: why } };
      tx.put("task", unfit);
      this.#book.setTask(unfit, specOf(tx, unfit));
    }
    return Math.min(evictions.length, room);
  }

  #noteNode({ id, before, after }: Extract<Change, { table: "node" }>): void {
    if (after === undefined) this.#book.removeNode(id);
    else this.#book.setNode(after);
    if (before !== undefined && after !== undefined && looksOf(before) === looksOf(after)) return;
    if (after !== undefined) this.#shrunk.add(id);
    this.#wakeAll();
  }

  #noteTask({ id, before, after }: Extract<Change, { table: "task" }>): void {
    if (after === undefined) this.#book.removeTask(id);
    else this.#book.setTask(after, this.#specFor(after));
    const from = before !== undefined && isUnplaced(before) ? groupKey(before) : "";
    const to = after !== undefined && isUnplaced(after) ? groupKey(after) : "";
    if (before !== undefined && from !== "" && from !== to) this.#drop(before);
    if (after !== undefined && to !== "" && from !== to) this.#add(after);
    const held = before !== undefined && holdsResources(before);
    const holds = after !== undefined && holdsResources(after);
    if (held && !holds) this.#wakeAll();
    if (holds && before?.desired === "READY" && after.desired !== "READY") this.#shrunk.add(after.nodeId);
    if (!held && holds) for (const [key, group] of this.#groups) if (group.follows) this.dirty.add(key);
  }

  /** Only what holds something is looked up. */
  #specFor(task: Task): ReturnType<typeof specOf> {
    return holdsResources(task) ? specOf(this.deps.store.speculative(), task) : null;
  }

  #add(task: Task): void {
    const key = groupKey(task);
    const group = this.#groups.get(key);
    if (group === undefined) {
      const { serviceId, revision } = task;
      this.#groups.set(key, { serviceId, revision, taskIds: new Set([task.id]), told: null, follows: false });
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

/** All of a node that placement looks at. */
function looksOf({ spec, status, description, role, address }: Node): string {
  const { availability, labels } = spec ?? {};
  const { state, engineOk, engineMessage } = status ?? {};
  return JSON.stringify([availability, labels, state, engineOk, engineMessage !== "", description, role, address]);
}

function isUnplaced(task: Task): boolean {
  return task.nodeId === "" && isWanted(task) && compareStates(observedState(task), "PENDING") === 0;
}

/** What waits for its slot's old task fits where others do not. */
function groupKey({ serviceId, revision, desired }: Task): string {
  return `${serviceId}/${revision}${desired === "READY" ? "/waiting" : ""}`;
}

/** Where no slot makes way for its own task, what is refused to one task is refused to all of its group. */
function isLikeOthers({ needs, company }: Demand, { desired, pinnedNodeId }: Task): boolean {
  const isSlotBound = desired === "READY" || needs.maxPerNode > 0 || company.some(({ negated }) => negated);
  return pinnedNodeId === "" && !isSlotBound;
}

/** @returns whether it had to be written. */
function tell(tx: WriteTx, task: Task, reason: string): boolean {
  if (task.pendingReason === reason) return false;
  tx.put("task", { ...task, pendingReason: reason, cause: { actor: "scheduler", reason } });
  return true;
}
