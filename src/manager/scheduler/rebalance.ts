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
import { NODE_SETTLED_AFTER_MS, rebalanceObstacle, UNEVEN_BY } from "../../model/rebalance.ts";
import { isFinished } from "../../model/rollout.ts";
import { holdsResources, isReady, isWanted } from "../../model/task-state.ts";
import type { Node, Service, Task } from "../../model/index.ts";
import type { ReadTx } from "../../store/types.ts";
import type { Ask } from "./ask.ts";
import { demandOf, FAILURE_WINDOW_MS } from "./demand.ts";
import type { Demand } from "./demand.ts";
import { refuseLoad } from "./load-filter.ts";
import { refuseNode } from "./node-filter.ts";
import type { NodeBook, NodeInfo } from "./node-info.ts";
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
  const best = bestMove(new Places(book, demand, { tasks: wanted, avoided }), wanted);
  if (best === null) return { kind: "even", wakeAtMs: avoided.size > 0 ? tx.timeMs + FAILURE_WINDOW_MS : null };
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
  const avoided = new Set(failures.keys());
  const wanted = new Set(tasks.filter(isWanted).map(({ id }) => id));
  for (const task of tasks) {
    const isRecent = (task.status?.atMs ?? 0) > nowMs - FAILURE_WINDOW_MS;
    if (isRecent && task.pinnedNodeId !== "" && !isWanted(task) && wanted.has(task.replaces))
      avoided.add(task.pinnedNodeId);
  }
  return avoided;
}

/** How many of the service's tasks are in each branch of its spread, the node itself being the last. */
class Places {
  readonly book: NodeBook;
  readonly demand: Demand;
  readonly #counts = new Map<string, number>();
  readonly #paths = new Map<string, readonly string[]>();
  /** Nodes that may get one. */
  readonly targets: readonly NodeInfo[];

  constructor(
    book: NodeBook,
    demand: Demand,
    { tasks, avoided }: { readonly tasks: readonly Task[]; readonly avoided: ReadonlySet<string> },
  ) {
    this.book = book;
    this.demand = demand;
    this.targets = [...book.nodes()].filter(
      ({ node }) => refuseNode(demand.needs, node) === null && !avoided.has(node.id),
    );
    for (const { nodeId } of tasks) {
      const info = book.get(nodeId);
      for (const branch of info === undefined ? [] : this.path(info.node))
        this.#counts.set(branch, this.count(branch) + 1);
    }
  }

  /** Names of the branches that the node is in, from the widest to itself. */
  path(node: Node): readonly string[] {
    let path = this.#paths.get(node.id);
    if (path === undefined) {
      const values = this.demand.needs.spread.map((level) => valueOf(level, node) ?? "");
      path = [...values.map((_, depth) => JSON.stringify(values.slice(0, depth + 1))), node.id];
      this.#paths.set(node.id, path);
    }
    return path;
  }

  count(branch: string): number {
    return this.#counts.get(branch) ?? 0;
  }
}

/** The widest level first, then the greatest difference made up for; among equals the emptiest branches, then the rank. */
type Gain = { readonly depth: number; readonly by: number; readonly counts: readonly number[]; readonly rank: Rank };

function bestMove(places: Places, tasks: readonly Task[]): Move | null {
  let best: { readonly move: Move; readonly gain: Gain } | null = null;
  for (const task of newestOfEachNode(tasks)) {
    const from = places.book.get(task.nodeId);
    const holding = places.book.holding(task.id);
    if (from === undefined || holding === undefined) continue;
    const ask: Ask = { pinnedNodeId: "", waits: false, predecessors: [holding] };
    const stays = isTarget(places, from) ? rankFor(places, from, ask) : null;
    for (const to of places.targets) {
      const gain = gainOf(places, from, to, { ask, stays });
      if (gain === null || (best !== null && compareGains(gain, best.gain) >= 0)) continue;
      if (refuseLoad(places.book, places.demand, to, ask) === null)
        best = { move: { task, from: from.node, to: to.node }, gain };
    }
  }
  return best?.move ?? null;
}

function isTarget({ demand }: Places, { node }: NodeInfo): boolean {
  return refuseNode(demand.needs, node) === null;
}

function gainOf(
  places: Places,
  from: NodeInfo,
  to: NodeInfo,
  { ask, stays }: { readonly ask: Ask; readonly stays: Rank | null },
): Gain | null {
  const [left, right] = [places.path(from.node), places.path(to.node)];
  const depth = left.findIndex((branch, at) => branch !== right[at]);
  if (depth < 0) return null;
  const by = places.count(left[depth] ?? "") - places.count(right[depth] ?? "");
  if (by < UNEVEN_BY) return null;
  const rank = rankFor(places, to, ask);
  // Between nodes of one branch a placement goes by more than the number: what is reserved, and what it is near to.
  if (depth === left.length - 1 && stays !== null && compareRanks(rank, stays) >= 0) return null;
  return { depth, by, counts: right.slice(depth, -1).map((branch) => places.count(branch)), rank };
}

/** With the task itself set aside. */
function rankFor({ book, demand }: Places, info: NodeInfo, { predecessors }: Ask): Rank {
  const before = predecessors.filter(({ nodeId }) => book.get(nodeId)?.engine === info.engine);
  return rankOf(book, demand, info, before);
}

function compareGains(a: Gain, b: Gain): number {
  if (a.depth !== b.depth) return a.depth - b.depth;
  if (a.by !== b.by) return b.by - a.by;
  for (const [at, count] of a.counts.entries()) {
    const other = b.counts[at] ?? 0;
    if (count !== other) return count - other;
  }
  return compareRanks(a.rank, b.rank);
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
