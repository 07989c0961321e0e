/** Where the tasks of a world are: what tests of placement ask about. */
import type { Task } from "../../../src/model/index.ts";
import { service, spec } from "./objects.ts";
import type { SpecPart } from "./objects.ts";
import type { World } from "./world.ts";

/** Creates or changes a service, and lets the loops settle. @returns its wanted tasks */
export async function deploy(
  world: World,
  replicas: number,
  part: SpecPart = {},
  name = "web",
): Promise<readonly Task[]> {
  world.putService(service(name, { replicas, task: spec(part) }));
  await world.run(200);
  return world.wanted(name);
}

/** Tasks by their node's id; those without one are not there. */
export function byNode(tasks: readonly Task[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { nodeId } of tasks) if (nodeId !== "") counts[nodeId] = (counts[nodeId] ?? 0) + 1;
  return counts;
}

/** How many each node has, the most first. */
export function counts(tasks: readonly Task[]): number[] {
  return Object.values(byNode(tasks)).sort((a, b) => b - a);
}

/** What the unplaced ones were told. */
export function reasons(tasks: readonly Task[]): string[] {
  return tasks.filter((task) => task.nodeId === "").map((task) => task.pendingReason);
}

export function nodesOf(tasks: readonly Task[]): string[] {
  return tasks.map(({ nodeId }) => nodeId).toSorted();
}
