/** Whether a running task still is what its service's current spec asks for. */
import type { ContainerSpec, Node, Placement, TaskSpec } from "./index.ts";
import { constraintText } from "./constraint.ts";
import { constraintsOf, matches } from "./constraint-match.ts";
import { platformMatches } from "./platform.ts";

export type SpecDifference = "none" | "placement" | "other";

/**
 * A pull policy speaks of starts to come, so it never makes a task out of date, nor does whether a mount
 * is shared. A change of the
 * placement alone does only where the task's node no longer fits it.
 */
export function specDifference(from: TaskSpec, to: TaskSpec): SpecDifference {
  if (!equalValues(essence(from), essence(to))) return "other";
  return equalValues(from.placement, to.placement) ? "none" : "placement";
}

/** @param node where the task is, undefined while it has none. */
export function isOutOfDate(difference: SpecDifference, to: TaskSpec, node: Node | undefined): boolean {
  if (difference !== "placement") return difference === "other";
  return node === undefined || !placementAllows(to.placement, node);
}

/** Constraints and platforms; how many tasks a node has is not a property of the node. */
export function placementAllows(placement: Placement | null, node: Node): boolean {
  return brokenPlacement(placement, node) === null;
}

/** What of a placement the node does not satisfy, in words. */
export function brokenPlacement(placement: Placement | null, node: Node): string | null {
  if (placement === null) return null;
  const platform = node.description?.platform ?? { os: "", architecture: "" };
  if (placement.platforms.length > 0 && !placement.platforms.some((wanted) => platformMatches(wanted, platform))) {
    return "the platform";
  }
  const broken = constraintsOf(placement).find((constraint) => !matches(constraint, node));
  return broken === undefined ? null : constraintText(broken);
}

/** Names of the fields that differ, a runtime's own without its name, for people. */
export function changedFields(from: TaskSpec | null, to: TaskSpec | null): string[] {
  const names = (a: object, b: object): string[] => {
    const left = new Map<string, unknown>(Object.entries(a));
    const right = new Map<string, unknown>(Object.entries(b));
    return [...new Set([...left.keys(), ...right.keys()])].filter((key) => !equalValues(left.get(key), right.get(key)));
  };
  const { container: _, process: __, ...rest } = from ?? {};
  const { container, process, ...restTo } = to ?? {};
  const runtime = names(from?.container ?? from?.process ?? {}, container ?? process ?? {});
  return [...runtime, ...names(rest, restTo)].filter((name) => !name.startsWith("_"));
}

function essence(spec: TaskSpec): unknown {
  const container = spec.container ? { ...spec.container, pullPolicy: null, mounts: mountsOf(spec.container) } : null;
  return { ...spec, placement: null, container };
}

/** Whether a mount is shared, or its data is on the node, is said to managers only. */
function mountsOf({ mounts }: ContainerSpec): unknown[] {
  return mounts.map((mount) => ({ ...mount, shared: false, local: false }));
}

/** Structural; null and absent are the same, as they are on the wire. */
function equalValues(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a === null || a === undefined) return b === null || b === undefined;
  if (typeof a !== "object" || typeof b !== "object" || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    const other: readonly unknown[] = b;
    return a.every((item, index) => equalValues(item, other[index]));
  }
  const left = new Map<string, unknown>(Object.entries(a));
  const right = new Map<string, unknown>(Object.entries(b));
  return [...new Set([...left.keys(), ...right.keys()])].every((key) => equalValues(left.get(key), right.get(key)));
}
