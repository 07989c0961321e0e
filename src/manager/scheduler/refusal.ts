/** Why a node does not take a task, and how many nodes said the same. */
export type RefusalCode =
  | "ready"
  | "availability"
  | "runtime"
  | "engine"
  | "disk"
  | "constraint"
  | "platform"
  | "device"
  | "log-driver"
  | "resources"
  | "port"
  | "max-replicas"
  | "affinity";

export type Refusal = {
  readonly code: RefusalCode;
  /** The same for all nodes refused for the same reason. */
  readonly short: string;
  readonly message: string;
  readonly next: string;
};

/** Short forms that say how a node is rather than what it lacks. */
const STANDINGS: ReadonlySet<string> = new Set(["unreachable", "down", "left", "not ready", "drained", "paused"]);

/** `no suitable node (insufficient memory on 3 nodes; 1 node not ready)` */
export function refusalSummary(refusals: readonly Refusal[]): string {
  if (refusals.length === 0) return "no suitable node (the cluster has no node)";
  const counts = new Map<string, number>();
  for (const { short } of refusals) counts.set(short, (counts.get(short) ?? 0) + 1);
  const parts = [...counts]
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .map(([short, count]) => {
      const nodes = `${count} ${count === 1 ? "node" : "nodes"}`;
      return STANDINGS.has(short) ? `${nodes} ${short}` : `${short} on ${nodes}`;
    });
  return `no suitable node (${parts.join("; ")})`;
}
