/** Arithmetic on what tasks reserve and nodes have. */
import type { Resources, TaskSpec } from "./index.ts";

export const NO_RESOURCES: Resources = { nanoCpus: 0, memoryBytes: 0 };

export function addResources(a: Resources, b: Resources): Resources {
  return { nanoCpus: a.nanoCpus + b.nanoCpus, memoryBytes: a.memoryBytes + b.memoryBytes };
}

/** May go below zero: a node can shrink under what it runs. */
export function subtractResources(a: Resources, b: Resources): Resources {
  return { nanoCpus: a.nanoCpus - b.nanoCpus, memoryBytes: a.memoryBytes - b.memoryBytes };
}

/** What is short; nothing wanted of a kind is never short of it, even on an overcommitted node. */
export function shortOf(wanted: Resources, free: Resources): "cpu" | "memory" | null {
  if (wanted.memoryBytes > 0 && wanted.memoryBytes > free.memoryBytes) return "memory";
  if (wanted.nanoCpus > 0 && wanted.nanoCpus > free.nanoCpus) return "cpu";
  return null;
}

export function fits(wanted: Resources, free: Resources): boolean {
  return shortOf(wanted, free) === null;
}

/** What the scheduler counts for a task of this spec. */
export function reservationsOf(spec: TaskSpec | null | undefined): Resources {
  return spec?.resources?.reservations ?? NO_RESOURCES;
}
