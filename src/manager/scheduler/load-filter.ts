/** What else runs on a node keeps a task away: every placement may change it. */
import { amountText, GPU_KIND } from "../../model/resources.ts";
import { predecessorsOn } from "./ask.ts";
import type { Ask } from "./ask.ts";
import type { Company, Demand } from "./demand.ts";
import { ABSENT, portConflict } from "./node-info.ts";
import type { Holding, NodeBook, NodeInfo } from "./node-info.ts";
import type { Refusal } from "./refusal.ts";

/** The first filter that refuses the node, or null. */
export function refuseLoad(book: NodeBook, demand: Demand, info: NodeInfo, ask: Ask): Refusal | null {
  const before = predecessorsOn(book, info, ask);
  const gone = ask.waits ? before : NONE;
  return (
    refuseResources(demand, info, gone) ??
    refusePort(demand, info, gone) ??
    refuseMaxReplicas(demand, info, before) ??
    refuseShunned(demand, info) ??
    refuseCompany(book, demand, info, before)
  );
}

const NONE: readonly Holding[] = [];

/** How much of what a task reserves a node can still give. @param gone what does not count as held */
export function freeOf({ stock, engine }: NodeInfo, kind: string, gone: readonly Holding[] = NONE): number {
  switch (kind) {
    case "cpu":
      return stock.nanoCpus - engine.nanoCpus + sum(gone, ({ needs }) => needs.reserved.nanoCpus);
    case "memory":
      return stock.memoryBytes - engine.memoryBytes + sum(gone, ({ needs }) => needs.reserved.memoryBytes);
    default:
      return engine.generic.freeOf(stock, kind, gone);
  }
}

function sum(holdings: readonly Holding[], amountOf: (holding: Holding) => number): number {
  let total = 0;
  for (const holding of holdings) total += amountOf(holding);
  return total;
}

/** Nothing wanted of a kind is never short of it, even on an overcommitted node. */
function refuseResources({ needs }: Demand, info: NodeInfo, gone: readonly Holding[]): Refusal | null {
  const { nanoCpus, memoryBytes, generic } = needs.reserved;
  if (memoryBytes > 0 && memoryBytes > freeOf(info, "memory", gone)) return shortage(info, "memory", memoryBytes, gone);
  if (nanoCpus > 0 && nanoCpus > freeOf(info, "cpu", gone)) return shortage(info, "cpu", nanoCpus, gone);
  for (const [kind, amount] of generic)
    if (amount > freeOf(info, kind, gone)) return shortage(info, kind, amount, gone);
  return refuseGpus(needs.gpuShare, info, gone);
}

/** A node that does not say how many GPUs it has takes whom its engine takes. */
function refuseGpus(share: number, info: NodeInfo, gone: readonly Holding[]): Refusal | null {
  if (share === 0 || !info.stock.generic.has(GPU_KIND)) return null;
  const wanted = share < 0 ? totalOf(info, GPU_KIND) : share;
  return wanted > freeOf(info, GPU_KIND, gone) ? shortage(info, GPU_KIND, wanted, gone) : null;
}

function shortage(info: NodeInfo, kind: string, wanted: number, gone: readonly Holding[]): Refusal {
  const total = totalOf(info, kind);
  const free = Math.max(0, freeOf(info, kind, gone));
  const text = (amount: number): string => amountText(kind, amount);
  if (total === 0 && kind !== "cpu" && kind !== "memory") {
    return {
      code: "resources",
      short: `no ${kind}`,
      message: `the task reserves ${wanted} ${kind} and the node has none`,
      next: `add it to the engine's node-generic-resources, or start \`shoal daemon\` with --node-generic-resources ${kind}=…`,
    };
  }
  return {
    code: "resources",
    short: `insufficient ${kind}`,
    message: `the task reserves ${text(wanted)} of ${kind}; ${text(free)} of the node's ${text(total)} are not reserved`,
    next:
      wanted > total
        ? `reserve less ${kind}, or add a larger node`
        : `reserve less ${kind}, add a node, or remove tasks`,
  };
}

export function totalOf({ stock }: NodeInfo, kind: string): number {
  if (kind === "cpu") return stock.nanoCpus;
  if (kind === "memory") return stock.memoryBytes;
  const has = stock.generic.get(kind);
  return has === undefined ? 0 : Math.max(has.count, has.names.length);
}

function refusePort({ needs }: Demand, info: NodeInfo, gone: readonly Holding[]): Refusal | null {
  if (needs.ports.length === 0) return null;
  const conflict = portConflict(info, needs.ports, (taskId) => gone.some(({ id }) => id === taskId));
  if (conflict === null) return null;
  const name = `${conflict.port.published}/${conflict.port.protocol.toLowerCase()}`;
  return {
    code: "port",
    short: `host port ${name} in use`,
    message: `port ${name} of the node's engine is held by task ${conflict.taskId}`,
    next: "publish another port (0 takes a free one), or run at most one replica per engine",
  };
}

function refuseMaxReplicas({ needs, serviceId }: Demand, info: NodeInfo, before: readonly Holding[]): Refusal | null {
  const max = needs.maxPerNode;
  if (max <= 0) return null;
  const own = before.filter(({ nodeId }) => nodeId === info.node.id).length;
  const count = (info.services.get(serviceId) ?? ABSENT).held - own;
  if (count < max) return null;
  return {
    code: "max-replicas",
    short: `max replicas per node (${max}) reached`,
    message: `the node runs ${count} tasks of the service and at most ${max} are allowed`,
    next: "add a node, raise max_replicas_per_node, or scale down",
  };
}

/** Keeping away is mutual: whoever came first stays alone. */
function refuseShunned({ names }: Demand, { engine }: NodeInfo): Refusal | null {
  if (engine.shuns.size === 0) return null;
  for (const name of names) {
    for (const other of engine.shuns.get(name)?.keys() ?? []) {
      if (names.includes(other.toLowerCase())) continue;
      return {
        code: "affinity",
        short: "kept free of it by another service",
        message: `a task of ${other} there keeps away from service ${names.at(-1) ?? ""}`,
        next: `add a node, or change the constraint of ${other}`,
      };
    }
  }
  return null;
}

function refuseCompany(book: NodeBook, demand: Demand, info: NodeInfo, before: readonly Holding[]): Refusal | null {
  for (const company of demand.company) {
    if (suits(book, demand.serviceId, { company, info, before })) continue;
    return company.negated ? unwelcome(company) : missing(company);
  }
  return null;
}

/** Whether the company that a task would have on an engine is as asked for. */
export function suits(
  book: NodeBook,
  serviceId: string,
  {
    company,
    info,
    before,
  }: { readonly company: Company; readonly info: NodeInfo; readonly before: readonly Holding[] },
): boolean {
  const { serviceIds, negated } = company;
  const { services } = info.engine;
  if (negated) {
    // A task that is being stopped is still there.
    return serviceIds.every((id) => (services.get(id) ?? ABSENT).held - (id === serviceId ? before.length : 0) <= 0);
  }
  if (serviceIds.some((id) => (services.get(id) ?? ABSENT).wanted > 0)) return true;
  // Who wants to be beside its own kind must begin somewhere.
  return serviceIds.includes(serviceId) && serviceIds.every((id) => book.wantedOf(id) === 0);
}

function unwelcome({ text }: Company): Refusal {
  return {
    code: "affinity",
    short: `constraint ${text} not satisfied`,
    message: `the node, or another agent of its engine, runs what ${text} keeps away from`,
    next: "add a node, or change the constraint",
  };
}

function missing({ text, unknown }: Company): Refusal {
  return {
    code: "affinity",
    short: `constraint ${text} not satisfied`,
    message: `the node runs no task that satisfies ${text}`,
    next:
      unknown.length > 0
        ? `create the service ${unknown.join(", ")}, or change the constraint`
        : "change the constraint",
  };
}
