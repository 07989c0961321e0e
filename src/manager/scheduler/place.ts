/** Placing the unplaced tasks of one service's revision: nodes are filtered once, then taken best first. */
import type { Task } from "../../model/index.ts";
import { nodeName } from "../../model/naming.ts";
import { Heap } from "../../util/heap.ts";
import { refusalSummary, refuseLoad, refuseNode } from "./filter.ts";
import type { Demand, Place, Refusal } from "./filter.ts";
import { NO_OUTGOING } from "./node-info.ts";
import type { NodeBook, NodeInfo } from "./node-info.ts";
import { compareRanks, rankOf } from "./rank.ts";
import type { Rank } from "./rank.ts";

/** What placement looks at of a task beside its spec. */
type Wanting = Pick<Task, "slot" | "pinnedNodeId" | "desired">;
type Candidate = { readonly info: NodeInfo; rank: Rank };

export class Placer {
  readonly #demand: Demand;
  readonly #failures: ReadonlyMap<string, number>;
  readonly #book: NodeBook;
  readonly #heap = new Heap<Candidate>((a, b) => compareRanks(a.rank, b.rank) < 0);

  /** @param failures recent ones of this revision, by node */
  constructor(book: NodeBook, demand: Demand, failures: ReadonlyMap<string, number>) {
    this.#book = book;
    this.#demand = demand;
    this.#failures = failures;
    for (const info of book.nodes()) {
      if (refuseNode(demand, info.node) === null) this.#heap.push({ info, rank: this.#rank(info) });
    }
  }

  /**
   * The best node that can take the task, or null. The caller enters the task into the book before the next call.
   * @param homes nodes of the slot's outgoing tasks: as if those were gone, so that a rollout leaves the spread as it was
   */
  pick(task: Wanting, homes: readonly string[] = []): NodeInfo | null {
    if (task.pinnedNodeId !== "") return this.#fit(task.pinnedNodeId, task);
    const best = this.#best(task);
    const rank = (info: NodeInfo): Rank => this.#rank(info, task.slot);
    return homes
      .flatMap((nodeId) => this.#fit(nodeId, task) ?? [])
      .reduce((found, home) => (found === null || compareRanks(rank(home), rank(found)) < 0 ? home : found), best);
  }

  #fit(nodeId: string, task: Wanting): NodeInfo | null {
    const info = this.#book.get(nodeId);
    return info !== undefined && refusalOf(this.#book, this.#demand, info, task) === null ? info : null;
  }

  #best(task: Wanting): NodeInfo | null {
    const setAside: Candidate[] = [];
    let found: NodeInfo | null = null;
    for (let best = this.#heap.pop(); best !== undefined; best = this.#heap.pop()) {
      const rank = this.#rank(best.info);
      if (compareRanks(rank, best.rank) !== 0) {
        // Tasks were placed since it was ranked. Ranks only grow, so what is on top now may be better.
        best.rank = rank;
        this.#heap.push(best);
        continue;
      }
      const refusal = refuseLoad(this.#demand, best.info, placeOf(this.#book, this.#demand, best.info, task));
      if (refusal === null) {
        found = best.info;
        setAside.push(best);
        break;
      }
      // Only this limit depends on the slot; the others hold for the rest of the group too, unless each waits for its own.
      if (refusal.code === "max-replicas" || task.desired === "READY") setAside.push(best);
    }
    for (const candidate of setAside) this.#heap.push(candidate);
    return found;
  }

  /** Why no node takes the task. */
  reason(task: Wanting): string {
    if (task.pinnedNodeId !== "") return this.#pinnedReason(task);
    return refusalSummary([...refusals(this.#book, this.#demand, task)].map(({ refusal }) => refusal));
  }

  #pinnedReason(task: Wanting): string {
    const info = this.#book.get(task.pinnedNodeId);
    if (info === undefined) return "its node was removed";
    const short = refusalOf(this.#book, this.#demand, info, task)?.short ?? "";
    return `node ${nodeName(info.node)} cannot take it (${short})`;
  }

  #rank(info: NodeInfo, exceptSlot?: number): Rank {
    return rankOf(info, this.#demand.serviceId, this.#failures, exceptSlot);
  }
}

/** The nodes that may be asked: all, or the one the task is pinned to. */
export function candidates(book: NodeBook, { pinnedNodeId }: Wanting): Iterable<NodeInfo> {
  if (pinnedNodeId === "") return book.nodes();
  const info = book.get(pinnedNodeId);
  return info === undefined ? [] : [info];
}

/** Every candidate that refuses the task, with the first filter that does. */
export function* refusals(
  book: NodeBook,
  demand: Demand,
  task: Wanting,
): Iterable<{ readonly info: NodeInfo; readonly refusal: Refusal }> {
  for (const info of candidates(book, task)) {
    const refusal = refusalOf(book, demand, info, task);
    if (refusal !== null) yield { info, refusal };
  }
}

function refusalOf(book: NodeBook, demand: Demand, info: NodeInfo, task: Wanting): Refusal | null {
  return refuseNode(demand, info.node) ?? refuseLoad(demand, info, placeOf(book, demand, info, task));
}

/** A task that is not to run yet waits for its slot's old one, and may take over what that holds. */
function placeOf(book: NodeBook, { serviceId }: Demand, info: NodeInfo, { slot, desired }: Wanting): Place {
  return { slot, outgoing: desired === "READY" ? book.outgoing(info, serviceId, slot) : NO_OUTGOING };
}
