/** Which of several nodes that can take a task is best: the lesser rank. */
import { matches } from "../../model/constraint-match.ts";
import { FAILURES_MAX } from "./demand.ts";
import type { Demand } from "./demand.ts";
import { freeOf, suits, totalOf } from "./load-filter.ts";
import { ABSENT } from "./node-info.ts";
import type { Holding, NodeBook, NodeInfo } from "./node-info.ts";

/** Numbers compared from left to right; the node's id ends every tie, so that placement is reproducible. */
export type Rank = { readonly keys: readonly number[]; readonly nodeId: string };

/** Negative if `a` is the better node. */
export function compareRanks(a: Rank, b: Rank): number {
  for (let at = 0; at < a.keys.length; at += 1) {
    const [x = 0, y = 0] = [a.keys[at], b.keys[at]];
    if (x !== y) return x < y ? -1 : 1;
  }
  return a.nodeId < b.nodeId ? -1 : a.nodeId > b.nodeId ? 1 : 0;
}

/** Too many tasks of the revision failed there lately: any other node is better. */
export function isShaky(demand: Demand, { node }: NodeInfo): boolean {
  return (demand.failures.get(node.id) ?? 0) >= FAILURES_MAX;
}

/** @param before predecessors on the engine: they make way for the task, and count neither here nor there */
export function rankOf(book: NodeBook, demand: Demand, info: NodeInfo, before: readonly Holding[]): Rank {
  const failures = isShaky(demand, info) ? (demand.failures.get(info.node.id) ?? 0) : 0;
  const dislike = -affinityOf(book, demand, info, before);
  const keys = demand.strategy === "BINPACK" ? packKeys(demand, info) : spreadKeys(demand, info, before);
  return { keys: [failures, dislike, ...keys], nodeId: info.node.id };
}

/**
 * A first copy on a node comes before a second one anywhere, for the day that a node is lost. From then on
 * nodes fill in proportion to the room that they have for the service; without a reservation by number.
 */
function spreadKeys(demand: Demand, info: NodeInfo, before: readonly Holding[]): number[] {
  const { serviceId, needs } = demand;
  const wanted = before.filter((holding) => holding.wanted);
  const onNode = wantedIn(info.services, serviceId) - wanted.filter(({ nodeId }) => nodeId === info.node.id).length;
  const onEngine = wantedIn(info.engine.services, serviceId) - wanted.length;
  const level = needs.reservesAny ? levelOf(demand, info, { copies: onEngine, before }) : onNode;
  return [Math.min(onNode, 1), Math.min(onEngine, 1), level, onNode, onEngine, reservedShare(info), info.tasks];
}

/** The fullest first, by what the task reserves; among those the busiest. */
function packKeys({ needs }: Demand, info: NodeInfo): number[] {
  const { nanoCpus, memoryBytes, generic } = needs.reserved;
  let fullest = 0;
  const look = (kind: string, amount: number): void => {
    const total = totalOf(info, kind);
    if (amount > 0 && total > 0) fullest = Math.max(fullest, 1 - (freeOf(info, kind) - amount) / total);
  };
  look("cpu", nanoCpus);
  look("memory", memoryBytes);
  for (const [kind, amount] of generic) look(kind, amount);
  return [-fullest, -reservedShare(info), -info.tasks];
}

/** Share of the room for this service that it has taken once the task is there too; of what it is shortest of. */
function levelOf(
  { needs }: Demand,
  info: NodeInfo,
  { copies, before }: { readonly copies: number; readonly before: readonly Holding[] },
): number {
  const { nanoCpus, memoryBytes, generic } = needs.reserved;
  let level = 0;
  const look = (kind: string, amount: number): void => {
    if (amount <= 0) return;
    const room = freeOf(info, kind, before) + copies * amount;
    level = Math.max(level, room > 0 ? ((copies + 1) * amount) / room : Infinity);
  };
  look("cpu", nanoCpus);
  look("memory", memoryBytes);
  for (const [kind, amount] of generic) look(kind, amount);
  return level;
}

/** The larger of the reserved shares of CPU and memory. */
function reservedShare({ stock, engine }: NodeInfo): number {
  const cpu = stock.nanoCpus > 0 ? engine.nanoCpus / stock.nanoCpus : 0;
  const memory = stock.memoryBytes > 0 ? engine.memoryBytes / stock.memoryBytes : 0;
  return Math.max(cpu, memory);
}

function affinityOf(book: NodeBook, demand: Demand, info: NodeInfo, before: readonly Holding[]): number {
  let weights = 0;
  for (const { rule, weight } of demand.affinities) {
    const holds =
      "serviceIds" in rule ? suits(book, demand.serviceId, { company: rule, info, before }) : matches(rule, info.node);
    if (holds) weights += weight;
  }
  return weights;
}

function wantedIn(services: NodeInfo["services"], serviceId: string): number {
  return (services.get(serviceId) ?? ABSENT).wanted;
}
