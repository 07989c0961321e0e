/** Placing the unplaced tasks of one service's revision: nodes are filtered once, then taken best first. */
import type { Task } from "../../model/index.ts";
import { Heap } from "../../util/heap.ts";
import { refusalSummary, refuseLoad, refuseNode } from "./filter.ts";
import type { Demand, Refusal } from "./filter.ts";
import type { NodeBook, NodeInfo } from "./node-info.ts";
import { compareRanks, rankOf } from "./rank.ts";
import type { Rank } from "./rank.ts";

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
  pick(task: Pick<Task, "slot">): NodeInfo | null {
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

  /** Why no node takes a task of this slot. */
  reason(slot: number): string {
    return refusalSummary([...refusals(this.#book, this.#demand, slot)].map(({ refusal }) => refusal));
  }

  #rank(info: NodeInfo): Rank {
    return rankOf(info, this.#demand.serviceId, this.#failures);
  }
}

/** Every node that refuses a task of this slot, with the first filter that does. */
export function* refusals(
  book: NodeBook,
  demand: Demand,
  slot: number,
): Iterable<{ readonly info: NodeInfo; readonly refusal: Refusal }> {
  for (const info of book.nodes()) {
    const refusal = refuseNode(demand, info.node) ?? refuseLoad(demand, info, slot);
    if (refusal !== null) yield { info, refusal };
  }
}
