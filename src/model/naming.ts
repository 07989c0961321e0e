/** Names people see. */
import type { Node, Task } from "./index.ts";

type Named = Pick<Task, "serviceName" | "slot">;

/** `web.2`: the slot, whichever attempt fills it. */
export function taskName(task: Named): string {
  return `${task.serviceName}.${task.slot}`;
}

/** `web.2.<task id>`: unique on an engine, and what Swarm's users expect to read in `docker ps`. */
export function containerName(task: Named & Pick<Task, "id">): string {
  return `${taskName(task)}.${task.id}`;
}

/** The name given to a node, else its hostname, else its id. */
export function nodeName(node: Node): string {
  const given = node.spec?.name ?? "";
  if (given !== "") return given;
  const hostname = node.description?.hostname ?? "";
  return hostname === "" ? node.id : hostname;
}
