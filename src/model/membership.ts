/**
 * Which nodes a service has that runs once on every node (global services and global jobs), and
 * what it does on each. Pure; the orchestrator acts on it, Control counts by it, `shoal why` says it.
 */
import { nodeName } from "./naming.ts";
import { brokenPlacement } from "./revision-diff.ts";
import type { Node, TaskSpec } from "./index.ts";

/**
 * A node that is down keeps its task for so long: a host that was only silent goes on with what it
 * runs. Then the task is told to stop, and the node gets a new one when it answers.
 */
export const NODE_DOWN_KEPT_MS = 30_000;

/**
 * - run: has one task
 * - keep: a task that is there stays, none is created
 * - stop: what is there is shut down
 * - none: not a node of the service; what is there is removed
 */
export type Membership = {
  readonly kind: "run" | "keep" | "stop" | "none";
  /** Why not `run`, in words. */
  readonly why: string;
  /** Cluster time from which it is another although nothing changes; null is never. */
  readonly untilMs: number | null;
};

export function membershipOf(node: Node, spec: TaskSpec, nowMs: number): Membership {
  const name = nodeName(node);
  const misfit = misfitOf(node, spec);
  if (misfit !== null) return { kind: "none", why: `node ${name} ${misfit}`, untilMs: null };
  const availability = node.spec?.availability ?? "ACTIVE";
  if (availability === "DRAIN") return { kind: "stop", why: `node ${name} is drained`, untilMs: null };
  const standing = standingOf(node, nowMs);
  if (standing.kind !== "run") return standing;
  if (availability === "PAUSE") return { kind: "keep", why: `node ${name} is paused`, untilMs: null };
  return standing;
}

/** What the node is or lacks; a node that never connected has not said what it offers. */
function misfitOf(node: Node, spec: TaskSpec): string | null {
  const broken = brokenPlacement(spec.placement, node);
  if (broken !== null) return `does not satisfy ${broken}`;
  const runtime = spec.process ? "process" : "container";
  const offered = node.description?.runtimes;
  return offered === undefined || offered.includes(runtime) ? null : `offers no ${runtime} runtime`;
}

function standingOf(node: Node, nowMs: number): Membership {
  const name = nodeName(node);
  switch (node.status?.state) {
    case "READY":
      return { kind: "run", why: "", untilMs: null };
    case "UNREACHABLE":
      return { kind: "keep", why: `node ${name} is unreachable`, untilMs: null };
    case "DOWN": {
      const why = `node ${name} is down`;
      const givenUpAtMs = node.status.sinceMs + NODE_DOWN_KEPT_MS;
      return nowMs < givenUpAtMs ? { kind: "keep", why, untilMs: givenUpAtMs } : { kind: "stop", why, untilMs: null };
    }
    case "LEFT":
      return { kind: "stop", why: `node ${name} left`, untilMs: null };
    default:
      return { kind: "keep", why: `node ${name} has not connected yet`, untilMs: null };
  }
}
