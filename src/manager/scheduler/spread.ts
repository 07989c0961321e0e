/**
 * The tree of a service's spread: a level for each preference, a branch for each value, in it all nodes
 * with that value (those without the label are a branch of their own), at its leaves the candidates. Each
 * task goes down to the branch with the fewest tasks of the service that has room: so existing tasks
 * count, every level is even, and what one branch has no room for overflows to the others.
 *
 *   zone ─┬─ a (3) ─┬─ rack 1 (2)        the next task goes to zone b, rack 1;
 *         │         └─ rack 2 (1)        then to zone a, rack 2
 *         └─ b (2) ─┬─ rack 1 (0)
 *                   └─ rack 3 (2)
 */
import { valueOf } from "../../model/constraint-match.ts";
import type { ConstraintKey } from "../../model/constraint.ts";
import type { Node } from "../../model/index.ts";
import { Heap } from "../../util/heap.ts";
import { compareRanks } from "./rank.ts";
import type { Rank } from "./rank.ts";

/** A candidate as it was when it was ranked; another `version` of it makes this one void. */
type Entry<C> = { readonly candidate: C; readonly rank: Rank; readonly version: number };

/** What the tree needs of a candidate. */
export type Branching = { version: number };

type Branch<C> = {
  readonly above: Branch<C> | null;
  /** By value; none at a leaf. */
  readonly below: Map<string, Branch<C>>;
  readonly heap: Heap<Entry<C>>;
  /** Wanted tasks of the service in it, on candidates and others. */
  tasks: number;
  /** The best of it as long as nothing in it changed; undefined is not known. */
  best: Entry<C> | null | undefined;
};

export class SpreadTree<C extends Branching> {
  readonly #levels: readonly ConstraintKey[];
  readonly #root: Branch<C>;

  constructor(levels: readonly ConstraintKey[]) {
    this.#levels = levels;
    this.#root = newBranch<C>(null);
  }

  /** Tasks of the service on this node, a candidate or not. */
  count(node: Node, by: number): void {
    for (let at: Branch<C> | null = this.#leaf(node); at !== null; at = at.above) {
      at.tasks += by;
      at.best = undefined;
    }
  }

  /** Enters a candidate, or again with another rank. */
  put(candidate: C, node: Node, rank: Rank): void {
    candidate.version += 1;
    const leaf = this.#leaf(node);
    leaf.heap.push({ candidate, rank, version: candidate.version });
    for (let at: Branch<C> | null = leaf; at !== null; at = at.above) at.best = undefined;
  }

  /** The next one in turn. One that is not taken for this task is not offered again until it is put again. */
  best(takes: (candidate: C) => boolean): C | null {
    return bestOf(this.#root, takes)?.candidate ?? null;
  }

  #leaf(node: Node): Branch<C> {
    let branch = this.#root;
    for (const level of this.#levels) {
      const value = valueOf(level, node) ?? "";
      let next = branch.below.get(value);
      if (next === undefined) {
        next = newBranch<C>(branch);
        branch.below.set(value, next);
      }
      branch = next;
    }
    return branch;
  }
}

function newBranch<C>(above: Branch<C> | null): Branch<C> {
  return {
    above,
    below: new Map(),
    heap: new Heap((a, b) => compareRanks(a.rank, b.rank) < 0),
    tasks: 0,
    best: undefined,
  };
}

function bestOf<C extends Branching>(branch: Branch<C>, takes: (candidate: C) => boolean): Entry<C> | null {
  if (branch.best !== undefined) return branch.best;
  branch.best = branch.below.size === 0 ? topOf(branch.heap, takes) : bestBelow(branch, takes);
  return branch.best;
}

function topOf<C extends Branching>(heap: Heap<Entry<C>>, takes: (candidate: C) => boolean): Entry<C> | null {
  for (let top = heap.peek(); top !== undefined; top = heap.peek()) {
    if (top.version === top.candidate.version && takes(top.candidate)) return top;
    heap.pop();
  }
  return null;
}

/** Of the branches with the fewest tasks that have room, the one with the best candidate. */
function bestBelow<C extends Branching>(branch: Branch<C>, takes: (candidate: C) => boolean): Entry<C> | null {
  let found: Entry<C> | null = null;
  let fewest = Infinity;
  for (const child of branch.below.values()) {
    if (child.tasks > fewest) continue;
    const best = bestOf(child, takes);
    if (best === null) continue;
    if (child.tasks < fewest || found === null || compareRanks(best.rank, found.rank) < 0) found = best;
    fewest = child.tasks;
  }
  return found;
}
