/** Placing the unplaced tasks of one service's revision: nodes are filtered once, then taken best first. */
import type { Task } from "../../model/index.ts";
import { nodeName } from "../../model/naming.ts";
import { Heap } from "../../util/heap.ts";
import { refusalSummary, refuseLoad, refuseNode } from "./filter.ts";
import type { Demand, Refusal } from "./filter.ts";
import type { NodeBook, NodeInfo } from "./node-info.ts";
import { compareRanks, rankOf } from "./rank.ts";
import type { Rank } from "./rank.ts";

/** What placement looks at of a task beside its spec. */
type Wanting = Pick<Task, "slot" | "pinnedNodeId">;
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

  /** The best node that can take the task, or null. The caller enters the task into the book before the next call. */
  pick(task: Wanting): NodeInfo | null {
    if (task.pinnedNodeId !== "") {
      const info = this.#book.get(task.pinnedNodeId);
      return info !== undefined && refusalOf(this.#demand, info, task.slot) === null ? info : null;
    }
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
      const refusal = refuseLoad(this.#demand, best.info, task.slot);
      if (refusal === null) {
        found = best.info;
        setAside.push(best);
        break;
      }
      // Only this limit depends on the slot; the others hold for the rest of the group too.
      if (refusal.code === "max-replicas") setAside.push(best);
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
    const short = refusalOf(this.#demand, info, task.slot)?.short ?? "";
    return `node ${nodeName(info.node)} cannot take it (${short})`;
  }

  #rank(info: NodeInfo): Rank {
    return rankOf(info, this.#demand.serviceId, this.#failures);
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
    const refusal = refusalOf(demand, info, task.slot);
    if (refusal !== null) yield { info, refusal };
  }
}

function refusalOf(demand: Demand, info: NodeInfo, slot: number): Refusal | null {
  return refuseNode(demand, info.node) ?? refuseLoad(demand, info, slot);
}
