/** Names people see. */
import type { Node, Task } from "./index.ts";

type Slotted = Pick<Task, "slot" | "pinnedNodeId">;
type Named = Slotted & Pick<Task, "serviceName">;

/** What a slot is known by within its service: its number, or its node's id where each node has one. */
export function slotName({ slot, pinnedNodeId }: Slotted): string {
  return slot > 0 ? String(slot) : pinnedNodeId;
}

/** `web.2`, or `web.<node id>`: the slot, whichever attempt fills it. */
export function taskName(task: Named): string {
  return `${task.serviceName}.${slotName(task)}`;
}

/** Takes a task's name apart; a service's name has no dot. Null for what is no task's name. */
export function parseTaskName(text: string): { readonly service: string; readonly slot: string } | null {
  const dot = text.indexOf(".");
  if (dot <= 0 || dot === text.length - 1) return null;
  return { service: text.slice(0, dot), slot: text.slice(dot + 1) };
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
