/** What tasks reserve and nodes have: CPU, memory, and what an operator says a node has beside. */
import type { GenericResource, Resources, TaskSpec } from "./index.ts";
import { formatBytes } from "../util/units.ts";

/** Of the generic resources the one that GPU requests (`--gpus`) are counted by, on nodes that have it. */
export const GPU_KIND = "gpu";

export const NO_RESOURCES: Resources = { nanoCpus: 0, memoryBytes: 0, generic: [] };

/** What the scheduler counts for a task of this spec. */
export function reservationsOf(spec: TaskSpec | null | undefined): Resources {
  return spec?.resources?.reservations ?? NO_RESOURCES;
}

export function reservesAny({ nanoCpus, memoryBytes, generic }: Resources): boolean {
  return nanoCpus > 0 || memoryBytes > 0 || generic.length > 0;
}

/** How many of its kind: names count themselves. */
export function amountOf({ count, names }: GenericResource): number {
  return names.length > 0 ? names.length : count;
}

/** An amount of `cpu`, `memory` or a generic kind as people write it. */
export function amountText(kind: string, amount: number): string {
  if (kind === "memory") return formatBytes(amount);
  return kind === "cpu" ? `${Math.round(amount / 1e7) / 100} CPUs` : String(amount);
}
