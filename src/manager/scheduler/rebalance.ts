/**
 * Which task of a service moves next so that its tasks are spread again, and where to. Pure. A move is the placement of
 * the task's slot done again, by the same filters and ranks, but only where it makes up for a difference of two tasks:
 * at the widest level of the spread where the two nodes differ, or between the nodes themselves. So each move makes the
 * spread evener, none is ever undone, and they come to an end.
 */
import { formatSpan } from "../../util/units.ts";
import { valueOf } from "../../model/constraint-match.ts";
import { DEFAULT_REPLICAS } from "../../model/defaults.ts";
import { nodeName, taskName } from "../../model/naming.ts";
import {
  AVOIDED_FOR_MS,
  failedMoves,
  NODE_SETTLED_AFTER_MS,
  rebalanceObstacle,
  UNEVEN_BY,
} from "../../model/rebalance.ts";
import { isFinished } from "../../model/rollout.ts";
import { holdsResources, isReady, isWanted } from "../../model/task-state.ts";
import type { Node, Service, Task } from "../../model/index.ts";
import type { ReadTx } from "../../store/types.ts";
import { predecessorsOn } from "./ask.ts";
import type { Ask } from "./ask.ts";
import { demandOf, FAILURE_WINDOW_MS } from "./demand.ts";
import type { Demand } from "./demand.ts";
import { refuseLoad } from "./load-filter.ts";
import { refuseNode } from "./node-filter.ts";
import type { EngineInfo, Holding, NodeBook, NodeInfo } from "./node-info.ts";
import { compareRanks, rankOf } from "./rank.ts";
import type { Rank } from "./rank.ts";

export type Move = { readonly task: Task; readonly from: Node; readonly to: Node };

export type BalancePlan =
  | { readonly kind: "move"; readonly move: Move }
  /** No move makes it evener; `wakeAtMs`: one that is out of the question may not be then. */
  | { readonly kind: "even"; readonly wakeAtMs: number | null }
  | { readonly kind: "wait"; readonly why: string; readonly wakeAtMs: number | null };

/** @param tasks all of the service, as the book knows them */
export function planBalance(tx: ReadTx, book: NodeBook, service: Service, tasks: readonly Task[]): BalancePlan {
  const why = heldUpBy(tx, service, tasks);
  if (why !== "") return { kind: "wait", why, wakeAtMs: null };
  const demand = demandOf(tx, { serviceId: service.id, revision: service.revision });
  if (demand === null || demand.strategy === "BINPACK") return { kind: "even", wakeAtMs: null };
  const wanted = tasks.filter(isWanted);
  const avoided = nodesToAvoid(demand, tasks, tx.timeMs);
  const best = bestMove(book, new Places(book, demand, { tasks: wanted, avoided }), wanted);
  if (best === null)
    return {
      kind: "even",
      wakeAtMs: avoided.size > 0 ? tx.timeMs + Math.max(AVOIDED_FOR_MS, FAILURE_WINDOW_MS) : null,
    };
  const settledAtMs = service.rebalanceUntilMs > tx.timeMs ? 0 : settlesAtMs(best.to);
  if (settledAtMs <= tx.timeMs) return { kind: "move", move: best };
  const soon = `node ${nodeName(best.to)} draws tasks once it was ready for ${formatSpan(NODE_SETTLED_AFTER_MS)}`;
  return { kind: "wait", why: soon, wakeAtMs: settledAtMs };
}

function settlesAtMs({ status }: Node): number {
  return Math.max(status?.sinceMs ?? 0, status?.engineSinceMs ?? 0) + NODE_SETTLED_AFTER_MS;
}

/** One task moves at a time, and only where every slot of the service serves; empty if so. */
function heldUpBy(tx: ReadTx, { spec, rollout }: Service, tasks: readonly Task[]): string {
  const obstacle = spec === null ? "it has no spec" : rebalanceObstacle(spec);
  if (obstacle !== "") return obstacle;
  if (rollout !== null && !isFinished(rollout.state)) return "its rollout is not over";
  let serving = 0;
  for (const task of tasks) {
    const node = tx.get("node", task.nodeId);
    const where = node === undefined ? "" : ` on node ${nodeName(node)}`;
    if (!isWanted(task)) {
      if (holdsResources(task)) return `task ${taskName(task)} stops${where}`;
      continue;
    }
    if (task.move !== null) return `task ${taskName(task)} is being moved`;
    if (!isReady(task) || node?.status?.state !== "READY") return `task ${taskName(task)} does not serve${where}`;
    if (node.spec?.availability === "DRAIN") return `node ${nodeName(node)} is drained`;
    serving += 1;
  }
  const replicas = spec?.replicated?.replicas ?? DEFAULT_REPLICAS;
  return serving === replicas ? "" : `${serving} of its ${replicas} tasks serve`;
}

/** Where its tasks failed lately, or a move came to nothing, none is sent again for a while. */
function nodesToAvoid({ failures }: Demand, tasks: readonly Task[], nowMs: number): ReadonlySet<string> {
  return new Set([...failures.keys(), ...failedMoves(tasks, nowMs).map(({ pinnedNodeId }) => pinnedNodeId)]);
}

/** A node, and where it is in the spread. */
type Spot = {
  readonly info: NodeInfo;
  /** Names of the branches that it is in, the widest first. */
  readonly branches: readonly string[];
  /** The service's tasks in each of those; the last number is its own. */
  readonly counts: readonly number[];
};
type Candidate = { readonly spot: Spot; readonly rank: Rank };
/** Nodes of the same branches and with as many tasks. Those with room, the best first; null until somebody asks. */
type Peers = { readonly all: Spot[]; open: readonly Candidate[] | null };

/**
 * How many of the service's tasks are in each branch of its spread and on each node. For one plan. What is asked of a node
 * is asked once and of alike nodes together, not for each task that might move: in a cluster of some hundred nodes
 * that would hold up a leader for a second.
 */
class Places {
  readonly #book: NodeBook;
  readonly #demand: Demand;
  readonly #counts = new Map<string, number>();
  readonly #peers = new Map<string, Peers>();

  /** @param avoided nodes that get none */
  constructor(
    book: NodeBook,
    demand: Demand,
    { tasks, avoided }: { readonly tasks: readonly Task[]; readonly avoided: ReadonlySet<string> },
  ) {
    this.#book = book;
    this.#demand = demand;
    for (const { nodeId } of tasks) {
      const info = book.get(nodeId);
      const places = info === undefined ? [] : [...branchesOf(demand, info.node), nodeId];
      for (const place of places) this.#counts.set(place, (this.#counts.get(place) ?? 0) + 1);
    }
    for (const info of book.nodes()) {
      if (!this.isTarget(info) || avoided.has(info.node.id)) continue;
      const spot = this.spot(info);
      const key = JSON.stringify([spot.branches.at(-1), spot.counts.at(-1)]);
      const peers = this.#peers.get(key);
      if (peers === undefined) this.#peers.set(key, { all: [spot], open: null });
      else peers.all.push(spot);
    }
  }

  /** Of the nodes that may get one. */
  peers(): Iterable<Peers> {
    return this.#peers.values();
  }

  isTarget({ node }: NodeInfo): boolean {
    return refuseNode(this.#demand.needs, node) === null;
  }

  spot(info: NodeInfo): Spot {
    const branches = branchesOf(this.#demand, info.node);
    return { info, branches, counts: [...branches, info.node.id].map((place) => this.#counts.get(place) ?? 0) };
  }

  /** The task itself counts for nothing there. */
  rank(info: NodeInfo, holding: Holding): Rank {
    const before = predecessorsOn(this.#book, info, askFor([holding]));
    return rankOf(this.#book, this.#demand, info, before);
  }

  /** The best one that can take the task; and those of its own engine, of which it has a part itself. */
  candidates(peers: Peers, engine: EngineInfo, holding: Holding): readonly Candidate[] {
    peers.open ??= peers.all
      .filter(({ info }) => this.#hasRoom(info, []))
      .map((spot) => this.#candidate(spot, []))
      .sort(byRank);
    const best = peers.open.find(({ spot }) => spot.info.engine !== engine);
    const beside = engine.nodes.size > 1 ? peers.all.filter(({ info }) => info.engine === engine) : [];
    const own = beside
      .filter(({ info }) => this.#hasRoom(info, [holding]))
      .map((spot) => this.#candidate(spot, [holding]));
    return best === undefined ? own : [best, ...own];
  }

  #candidate(spot: Spot, before: readonly Holding[]): Candidate {
    return { spot, rank: rankOf(this.#book, this.#demand, spot.info, before) };
  }

  #hasRoom(info: NodeInfo, predecessors: readonly Holding[]): boolean {
    return refuseLoad(this.#book, this.#demand, info, askFor(predecessors)) === null;
  }
}

function branchesOf({ needs }: Demand, node: Node): readonly string[] {
  const values = needs.spread.map((level) => valueOf(level, node) ?? "");
  return values.map((_, depth) => JSON.stringify(values.slice(0, depth + 1)));
}

function askFor(predecessors: readonly Holding[]): Ask {
  return { pinnedNodeId: "", waits: false, predecessors };
}

function byRank(a: Candidate, b: Candidate): number {
  return compareRanks(a.rank, b.rank);
}

/** How uneven two nodes are: at the widest level where they differ, or by their own numbers. */
type Difference = { readonly depth: number; readonly by: number };
/** The widest level first, then the greatest difference made up for; among equals the emptiest branches, then the rank. */
type Gain = Difference & { readonly to: Candidate };

function bestMove(book: NodeBook, places: Places, tasks: readonly Task[]): Move | null {
  let best: { readonly move: Move; readonly gain: Gain } | null = null;
  for (const task of newestOfEachNode(tasks)) {
    const info = book.get(task.nodeId);
    const holding = book.holding(task.id);
    if (info === undefined || holding === undefined) continue;
    const from = places.spot(info);
    const stays = places.isTarget(info) ? places.rank(info, holding) : null;
    for (const peers of places.peers()) {
      const difference = differenceOf(from, peers);
      if (difference.by < UNEVEN_BY || (best !== null && compareDifferences(difference, best.gain) > 0)) continue;
      for (const to of places.candidates(peers, info.engine, holding)) {
        const gain: Gain = { ...difference, to };
        if (best !== null && compareGains(gain, best.gain) >= 0) continue;
        if (isBetter(gain, stays)) best = { move: { task, from: info.node, to: to.spot.info.node }, gain };
      }
    }
  }
  return best?.move ?? null;
}

/** Among its own peers there is none. */
function differenceOf(from: Spot, { all: [to = from] }: Peers): Difference {
  let depth = 0;
  while (depth < from.branches.length && from.branches[depth] === to.branches[depth]) depth += 1;
  return { depth, by: (from.counts[depth] ?? 0) - (to.counts[depth] ?? 0) };
}

/** Between nodes of one branch a placement goes by more than the number: what is reserved, and what it is near to. */
function isBetter({ depth, to }: Gain, stays: Rank | null): boolean {
  return depth < to.spot.branches.length || stays === null || compareRanks(to.rank, stays) < 0;
}

function compareDifferences(a: Difference, b: Difference): number {
  return a.depth === b.depth ? b.by - a.by : a.depth - b.depth;
}

function compareGains(a: Gain, b: Gain): number {
  const difference = compareDifferences(a, b);
  if (difference !== 0) return difference;
  for (let at = a.depth; at < a.to.spot.branches.length; at += 1) {
    const [count = 0, other = 0] = [a.to.spot.counts[at], b.to.spot.counts[at]];
    if (count !== other) return count - other;
  }
  return compareRanks(a.to.rank, b.to.rank);
}

/** The one that has run for the shortest time is the least missed. */
function newestOfEachNode(tasks: readonly Task[]): readonly Task[] {
  const newest = new Map<string, Task>();
  for (const task of tasks) {
    const known = newest.get(task.nodeId);
    if (known === undefined || isNewer(task, known)) newest.set(task.nodeId, task);
  }
  return [...newest.values()].toSorted((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
}

function isNewer(a: Task, b: Task): boolean {
  const [atA, atB] = [a.meta?.createdAtMs ?? 0, b.meta?.createdAtMs ?? 0];
  return atA === atB ? a.id > b.id : atA > atB;
}
