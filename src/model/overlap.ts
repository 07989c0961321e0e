/** Whether two tasks of one slot can run side by side for a moment, as start-first does. Pure. */
import type { Mount, TaskSpec } from "./index.ts";

/**
 * Why not, in words that follow "stops first: "; empty if they can. Both tasks may end up on one node,
 * where a port has one holder, and where a volume with two writers is how data is lost.
 */
export function overlapObstacle(spec: TaskSpec): string {
  const port = spec.ports.find(({ published }) => published !== 0);
  if (port !== undefined) return `it publishes port ${port.published}/${port.protocol.toLowerCase()} of its node`;
  const mount = spec.container?.mounts.find(isWrittenOnNode);
  if (mount === undefined) return "";
  return `it writes to ${mount.type === "VOLUME" ? "the local volume" : "the node's"} ${mount.source}`;
}

/** A volume without a name is the task's own. */
function isWrittenOnNode({ type, source, readOnly }: Mount): boolean {
  return (type === "VOLUME" || type === "BIND") && source !== "" && !readOnly;
}
