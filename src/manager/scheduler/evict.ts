/**
 * Which tasks may not stay on an engine that has become smaller than what they reserve: only as many as it
 * takes. A node that is silent, paused, or whose engine does not answer loses nobody: what it says of itself
 * may be old, or nothing.
 */
import { amountText, GPU_KIND } from "../../model/resources.ts";
import { nodeName } from "../../model/naming.ts";
import type { Node } from "../../model/index.ts";
import type { EngineInfo, Holding, NodeBook, NodeInfo } from "./node-info.ts";
import type { Needs } from "./needs.ts";

export type Eviction = { readonly taskId: string; readonly why: string };

export function planEvictions(book: NodeBook, engine: EngineInfo): readonly Eviction[] {
  const nodes = [...engine.nodes.values()].filter(isBelievable);
  if (nodes.length === 0) return [];
  const evictions: Eviction[] = [];
  let staying: Holding[] = [];
  const held = [...book.holdingsOf(engine)];
  const serving = new Set(held.filter(({ waits }) => !waits).map(({ slot }) => slot));
  for (const holding of held) {
    if (!holding.wanted || holding.unfit) continue;
    // It takes over what its predecessor holds, and is looked at when that is gone.
    if (holding.waits && serving.has(holding.slot)) continue;
    const lost = lostName(engine.nodes.get(holding.nodeId), holding);
    if (lost === null) staying.push(holding);
    else evictions.push({ taskId: holding.id, why: lost });
  }
  const totals = totalsOf(nodes);
  const before = overflows(totals, staying);
  const chosen: Holding[] = [];
  for (;;) {
    const over = overflows(totals, staying);
    const movable = staying.filter(({ nodeId }) => nodes.some(({ node }) => node.id === nodeId));
    const victim = victimOf(movable, over);
    if (victim === null) break;
    chosen.push(victim);
    staying = staying.filter((holding) => holding !== victim);
  }
  for (const { id, nodeId } of withoutNeedless(totals, staying, chosen))
    evictions.push({ taskId: id, why: tooSmall(engine.nodes.get(nodeId), before) });
  return evictions;
}

function isBelievable({ node, stock }: NodeInfo): boolean {
  const { status, spec } = node;
  const isKnown = stock.memoryBytes > 0 || stock.nanoCpus > 0;
  return status?.state === "READY" && status.engineOk && isKnown && (spec?.availability ?? "ACTIVE") === "ACTIVE";
}

/** What by its name it has of its node and the node does not give any more. */
function lostName(info: NodeInfo | undefined, { generic }: Holding): string | null {
  if (info === undefined || !isBelievable(info)) return null;
  for (const { kind, names } of generic) {
    const offered = info.stock.generic.get(kind)?.names ?? [];
    const lost = offered.length === 0 ? undefined : names.find((name) => !offered.includes(name));
    if (lost !== undefined) return `node ${nodeName(info.node)} has no ${kind} ${lost} any more`;
  }
  return null;
}

/** Agents of one engine should say the same; of what they do not, the most. */
function totalsOf(nodes: readonly NodeInfo[]): ReadonlyMap<string, number> {
  const totals = new Map<string, number>();
  const raise = (kind: string, amount: number): void => void totals.set(kind, Math.max(totals.get(kind) ?? 0, amount));
  const names = new Map<string, Set<string>>();
  for (const { stock } of nodes) {
    raise("cpu", stock.nanoCpus);
    raise("memory", stock.memoryBytes);
    for (const [kind, one] of stock.generic) {
      const all = names.get(kind) ?? new Set<string>();
      for (const name of one.names) all.add(name);
      names.set(kind, all);
      raise(kind, Math.max(one.count, all.size));
    }
  }
  return totals;
}

type Overflow = { readonly kind: string; readonly total: number; readonly reserved: number };

function overflows(totals: ReadonlyMap<string, number>, staying: readonly Holding[]): readonly Overflow[] {
  const reserved = new Map<string, number>();
  for (const { needs } of staying) {
    for (const kind of kindsOf(needs)) reserved.set(kind, (reserved.get(kind) ?? 0) + amountIn(needs, kind));
  }
  return [...reserved]
    .filter(([kind]) => totals.has(kind) || staying.some(({ needs }) => needs.reserved.generic.has(kind)))
    .map(([kind, amount]) => ({ kind, total: totals.get(kind) ?? 0, reserved: amount }))
    .filter(({ total, reserved: amount }) => amount > total);
}

/** The least that makes room for all that is too much; without one, what makes the most room. The youngest of equals. */
function victimOf(movable: readonly Holding[], over: readonly Overflow[]): Holding | null {
  const useful = movable.filter(({ needs }) => over.some(({ kind }) => amountIn(needs, kind) > 0));
  const part = ({ needs }: Holding, { kind, total, reserved }: Overflow): number =>
    amountIn(needs, kind) / (reserved - total);
  const enough = useful.filter((holding) => over.every((one) => part(holding, one) >= 1));
  const size = (holding: Holding): number => over.reduce((sum, one) => sum + part(holding, one), 0);
  const gain = (holding: Holding): number => over.reduce((sum, one) => sum + Math.min(1, part(holding, one)), 0);
  const order = (a: Holding, b: Holding): number => b.createdAtMs - a.createdAtMs || (a.id < b.id ? -1 : 1);
  return (
    (enough.length > 0
      ? enough.toSorted((a, b) => size(a) - size(b) || order(a, b))[0]
      : useful.toSorted((a, b) => gain(b) - gain(a) || order(a, b))[0]) ?? null
  );
}

/** A later choice may have made an earlier one needless. */
function withoutNeedless(
  totals: ReadonlyMap<string, number>,
  staying: readonly Holding[],
  chosen: readonly Holding[],
): readonly Holding[] {
  const kept = [...staying];
  return chosen.filter((holding) => {
    const isNeeded = overflows(totals, [...kept, holding]).some(({ kind }) => amountIn(holding.needs, kind) > 0);
    if (!isNeeded) kept.push(holding);
    return isNeeded;
  });
}

function tooSmall(info: NodeInfo | undefined, over: readonly Overflow[]): string {
  const [first] = over;
  const node: Node | undefined = info?.node;
  if (first === undefined || node === undefined) return "its node is too small for it";
  const { kind, total, reserved } = first;
  return `node ${nodeName(node)} has only ${amountText(kind, total)} of ${kind} for tasks that reserve ${amountText(kind, reserved)}`;
}

/** A share of GPUs is counted where the node says how many it has. */
function kindsOf({ reserved, gpuShare }: Needs): string[] {
  const { nanoCpus, memoryBytes, generic } = reserved;
  const named = [...(nanoCpus > 0 ? ["cpu"] : []), ...(memoryBytes > 0 ? ["memory"] : []), ...generic.keys()];
  return gpuShare > 0 ? [...named, GPU_KIND] : named;
}

function amountIn({ reserved: { nanoCpus, memoryBytes, generic }, gpuShare }: Needs, kind: string): number {
  if (kind === "cpu") return nanoCpus;
  if (kind === "memory") return memoryBytes;
  return (generic.get(kind) ?? 0) + (kind === GPU_KIND ? Math.max(0, gpuShare) : 0);
}
