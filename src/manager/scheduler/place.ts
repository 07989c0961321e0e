/** Placing the unplaced tasks of one service's revision: nodes are filtered once, then taken best first. */
import { nodeName } from "../../model/naming.ts";
import { reasonText } from "../../model/reason.ts";
import type { Node } from "../../model/index.ts";
import { predecessorsOn } from "./ask.ts";
import type { Ask } from "./ask.ts";
import type { Demand } from "./demand.ts";
import { refuseLoad } from "./load-filter.ts";
import { refuseNode } from "./node-filter.ts";
import { ABSENT } from "./node-info.ts";
import type { NodeBook, NodeInfo } from "./node-info.ts";
import { isShaky, rankOf } from "./rank.ts";
import { refusalSummary } from "./refusal.ts";
import type { Refusal } from "./refusal.ts";
import { SpreadTree } from "./spread.ts";

type Candidate = { readonly info: NodeInfo; readonly tree: SpreadTree<Candidate>; version: number };
type Forest = {
  /** Nodes on which too many tasks failed lately are looked at only when no other has room. */
  readonly trees: readonly SpreadTree<Candidate>[];
  readonly candidates: ReadonlyMap<string, Candidate>;
};

export class Placer {
  readonly #book: NodeBook;
  readonly #demand: Demand;
  #forest: Forest | null = null;

  constructor(book: NodeBook, demand: Demand) {
    this.#book = book;
    this.#demand = demand;
  }

  /** The best node that can take the task, or null. The caller enters the task into the book, and says `placed`. */
  pick(ask: Ask): NodeInfo | null {
    if (ask.pinnedNodeId !== "") {
      const info = this.#book.get(ask.pinnedNodeId);
      return info !== undefined && refusalOf(this.#book, this.#demand, info, ask) === null ? info : null;
    }
    this.#forest ??= this.#plant();
    this.#setAside(ask, -1);
    const takes = ({ info }: Candidate): boolean => refuseLoad(this.#book, this.#demand, info, ask) === null;
    let found: Candidate | null = null;
    for (const tree of this.#forest.trees) found ??= tree.best(takes);
    this.#setAside(ask, 1);
    return found?.info ?? null;
  }

  /** A task that was picked for is in the book now. */
  placed(info: NodeInfo): void {
    if (this.#forest === null) return;
    const { company, affinities, serviceId } = this.#demand;
    const followsItself = [...company, ...affinities.map(({ rule }) => rule)].some(
      (rule) => "serviceIds" in rule && rule.serviceIds.includes(serviceId),
    );
    // What the first one does to the others is not told by its node alone.
    if (followsItself && this.#book.wantedOf(serviceId) === 1) {
      this.#forest = null;
      return;
    }
    for (const tree of this.#forest.trees) tree.count(info.node, 1);
    this.#rankAgain(info, null);
  }

  /** Why no node takes the task. */
  reason(ask: Ask): string {
    if (ask.pinnedNodeId !== "") return reasonText(this.#pinnedReason(ask));
    return reasonText(refusalSummary([...refusals(this.#book, this.#demand, ask)].map(({ refusal }) => refusal)));
  }

  #pinnedReason(ask: Ask): string {
    const info = this.#book.get(ask.pinnedNodeId);
    if (info === undefined) return "its node was removed";
    const short = refusalOf(this.#book, this.#demand, info, ask)?.short ?? "";
    return `node ${nodeName(info.node)} cannot take it (${short})`;
  }

  #plant(): Forest {
    const { needs, serviceId } = this.#demand;
    const sound = new SpreadTree<Candidate>(needs.spread);
    const shaky = new SpreadTree<Candidate>(needs.spread);
    const candidates = new Map<string, Candidate>();
    for (const info of this.#book.nodes()) {
      const tasks = needs.spread.length === 0 ? 0 : (info.services.get(serviceId) ?? ABSENT).wanted;
      if (tasks > 0 && staysThere(info.node)) for (const tree of [sound, shaky]) tree.count(info.node, tasks);
      if (refuseNode(needs, info.node) !== null) continue;
      const tree = isShaky(this.#demand, info) ? shaky : sound;
      const candidate = { info, tree, version: 0 };
      candidates.set(info.node.id, candidate);
      tree.put(candidate, info.node, rankOf(this.#book, this.#demand, info, []));
    }
    return { trees: [sound, shaky], candidates };
  }

  /** The slot's own tasks make way for their successor while it is placed, and are back afterwards. */
  #setAside(ask: Ask, by: 1 | -1): void {
    for (const { nodeId, wanted } of ask.predecessors) {
      const info = this.#book.get(nodeId);
      if (info === undefined) continue;
      if (wanted && staysThere(info.node)) for (const tree of this.#forest?.trees ?? []) tree.count(info.node, by);
      this.#rankAgain(info, by < 0 ? ask : null);
    }
  }

  /** Everything on the engine, whether it was refused before or not. */
  #rankAgain({ engine }: NodeInfo, ask: Ask | null): void {
    for (const info of engine.nodes.values()) {
      const candidate = this.#forest?.candidates.get(info.node.id);
      if (candidate === undefined) continue;
      const before = ask === null ? [] : predecessorsOn(this.#book, info, ask);
      candidate.tree.put(candidate, info.node, rankOf(this.#book, this.#demand, info, before));
    }
  }
}

/** What runs on a node that is lost or drained is about to be elsewhere. */
function staysThere({ status, spec }: Node): boolean {
  return status?.state !== "DOWN" && status?.state !== "LEFT" && spec?.availability !== "DRAIN";
}

/** The nodes that may be asked: all, or the one the task is pinned to. */
export function candidates(book: NodeBook, { pinnedNodeId }: Ask): Iterable<NodeInfo> {
  if (pinnedNodeId === "") return book.nodes();
  const info = book.get(pinnedNodeId);
  return info === undefined ? [] : [info];
}

/** Every candidate that refuses the task, with the first filter that does. */
export function* refusals(
  book: NodeBook,
  demand: Demand,
  ask: Ask,
): Iterable<{ readonly info: NodeInfo; readonly refusal: Refusal }> {
  for (const info of candidates(book, ask)) {
    const refusal = refusalOf(book, demand, info, ask);
    if (refusal !== null) yield { info, refusal };
  }
}

function refusalOf(book: NodeBook, demand: Demand, info: NodeInfo, ask: Ask): Refusal | null {
  return refuseNode(demand.needs, info.node) ?? refuseLoad(book, demand, info, ask);
}
