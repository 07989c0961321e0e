/** Keeps the tasks of rebalanced services spread: which services to look at again, and what is under way. */
import { nodeName } from "../../model/naming.ts";
import { isRebalanced, MOVES_TO_NODE_MAX } from "../../model/rebalance.ts";
import { reasonText } from "../../model/reason.ts";
import { holdsResources, isReady, isTerminal, isWanted, observedState } from "../../model/task-state.ts";
import type { Service, Task } from "../../model/index.ts";
import type { Change, ReadTx, WriteTx } from "../../store/types.ts";
import type { NodeBook } from "./node-info.ts";
import { planBalance } from "./rebalance.ts";
import type { Move } from "./rebalance.ts";

/** No group of tasks has such a key. */
const PREFIX = "rebalance:";

export type Turn = { readonly written: number; readonly wakeAtMs: number | null };

const NOTHING: Turn = { written: 0, wakeAtMs: null };

export class Balancer {
  /** Keys of the services that are rebalanced. */
  readonly #keys = new Set<string>();
  /** Tasks that make way, to the node that gets another one in their place. */
  readonly #moving = new Map<string, string>();

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** @returns keys to look at */
  reset(tx: ReadTx): readonly string[] {
    this.#keys.clear();
    this.#moving.clear();
    for (const service of tx.all("service")) if (isAbout(service)) this.#keys.add(keyOf(service.id));
    for (const task of tx.all("task")) this.#follow(task);
    return [...this.#keys];
  }

  /** @returns keys to look at again */
  note(change: Change): Iterable<string> {
    switch (change.table) {
      case "service":
        return this.#noteService(change);
      case "task":
        return this.#noteTask(change);
      case "node":
        return standing(change.before) === standing(change.after) ? [] : this.#keys;
      case "revision":
      case "run":
      case "cluster":
      case "request":
        return [];
    }
  }

  /** Marks the task that moves next, if one does. */
  turn(tx: WriteTx, book: NodeBook, key: string): Turn {
    const service = this.#keys.has(key) ? tx.get("service", key.slice(PREFIX.length)) : undefined;
    if (service === undefined) return NOTHING;
    const { rebalanceUntilMs } = service;
    if (!isRebalanced(service, tx.timeMs)) return rebalanceUntilMs > 0 ? askedIsOver(tx, service) : NOTHING;
    const plan = planBalance(tx, book, service, tx.find("task", "service", service.id));
    const endsAtMs = rebalanceUntilMs > tx.timeMs ? rebalanceUntilMs : null;
    switch (plan.kind) {
      case "even":
        if (rebalanceUntilMs > 0) askedIsOver(tx, service);
        return { written: rebalanceUntilMs > 0 ? 1 : 0, wakeAtMs: service.spec?.rebalance ? plan.wakeAtMs : null };
      case "wait":
        return { written: 0, wakeAtMs: plan.wakeAtMs ?? endsAtMs };
      case "move":
        // The end of any of those looks at all services again.
        if (this.#movesTo(plan.move.to.id) >= MOVES_TO_NODE_MAX) return { written: 0, wakeAtMs: endsAtMs };
        mark(tx, plan.move);
        this.#moving.set(plan.move.task.id, plan.move.to.id);
        return { written: 1, wakeAtMs: endsAtMs };
    }
  }

  #noteService({ id, after }: Extract<Change, { table: "service" }>): Iterable<string> {
    const key = keyOf(id);
    if (after !== undefined && isAbout(after)) {
      this.#keys.add(key);
      return [key];
    }
    this.#keys.delete(key);
    return [];
  }

  #noteTask({ id, before, after }: Extract<Change, { table: "task" }>): Iterable<string> {
    const wasMoving = this.#moving.delete(id);
    if (after !== undefined) this.#follow(after);
    if (wasMoving && !this.#moving.has(id)) return this.#keys;
    const key = keyOf((after ?? before)?.serviceId ?? "");
    return this.#keys.has(key) && weight(before) !== weight(after) ? [key] : [];
  }

  #follow(task: Task): void {
    if (task.move !== null && isWanted(task) && !isTerminal(observedState(task)))
      this.#moving.set(task.id, task.move.toNodeId);
  }

  #movesTo(nodeId: string): number {
    let moves = 0;
    for (const to of this.#moving.values()) if (to === nodeId) moves += 1;
    return moves;
  }
}

function keyOf(serviceId: string): string {
  return `${PREFIX}${serviceId}`;
}

function isAbout({ spec, rebalanceUntilMs }: Service): boolean {
  return spec?.rebalance === true || rebalanceUntilMs > 0;
}

function askedIsOver(tx: WriteTx, service: Service): Turn {
  tx.put("service", { ...service, rebalanceUntilMs: 0 });
  return { written: 1, wakeAtMs: null };
}

function mark(tx: WriteTx, { task, from, to }: Move): void {
  const reason = reasonText(`rebalanced: to node ${nodeName(to)}, which has fewer of its tasks than ${nodeName(from)}`);
  tx.put("task", {
    ...task,
    move: { toNodeId: to.id, sinceMs: tx.timeMs },
    cause: { actor: "scheduler", reason },
  });
}

/** All of a task that a plan looks at. */
function weight(task: Task | undefined): string {
  if (task === undefined) return "";
  return JSON.stringify([task.nodeId, isWanted(task), holdsResources(task), isReady(task), task.move?.sinceMs ?? 0]);
}

/** All of a node that one looks at beside what it describes, which seldom changes. */
function standing(node: Extract<Change, { table: "node" }>["after"]): string {
  if (node === undefined) return "";
  const { spec, status, description } = node;
  const { state, sinceMs, engineOk, engineSinceMs } = status ?? {};
  return JSON.stringify([spec?.availability, spec?.labels, state, sinceMs, engineOk, engineSinceMs, description]);
}
