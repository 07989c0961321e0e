/** What may be asked of a task's node. Conflicts are found here, not by a task that waits for ever. */
import { checkInteger, checkLength, checkOneOf, checkText } from "./checks.ts";
import { parseConstraint, parseNodeKey } from "./constraint.ts";
import { reservationsOf, reservesAny } from "./resources.ts";
import { runsOnEveryNode } from "./service-mode.ts";
import { REPLICAS_MAX } from "./validate-mode.ts";
import type { Placement, PlacementPreference, ServiceSpec } from "./index.ts";
import { invalid } from "../util/errors.ts";

export const CONSTRAINTS_MAX = 64;
export const PREFERENCES_MAX = 16;
export const AFFINITY_WEIGHT_MAX = 100;
export const STRATEGIES = ["DEFAULT", "SPREAD", "BINPACK"] as const;

export function validatePlacement(placement: Placement, path: string): void {
  const { constraints, maxReplicasPerNode, platforms, preferences, strategy } = placement;
  checkLength(constraints, `${path}.constraints`, CONSTRAINTS_MAX);
  for (const [at, text] of constraints.entries()) parseConstraint(text, `${path}.constraints[${at}]`);
  checkInteger(maxReplicasPerNode, `${path}.maxReplicasPerNode`, { min: 0, max: REPLICAS_MAX });
  checkLength(platforms, `${path}.platforms`, CONSTRAINTS_MAX);
  for (const [at, { os, architecture }] of platforms.entries()) {
    checkText(os, `${path}.platforms[${at}].os`);
    checkText(architecture, `${path}.platforms[${at}].architecture`);
  }
  checkLength(preferences, `${path}.preferences`, PREFERENCES_MAX);
  for (const at of preferences.keys()) validatePreference(preferences, at, `${path}.preferences[${at}]`);
  checkOneOf(strategy, `${path}.strategy`, STRATEGIES);
}

/** What placement and the rest of the service say of each other. @param path of the service's spec */
export function validatePlacementOf(spec: ServiceSpec, path: string): void {
  const placement = spec.task?.placement;
  if (!placement) return;
  const here = `${path}.task.placement`;
  if (runsOnEveryNode(spec)) refuseChoices(placement, here);
  if (placement.strategy === "BINPACK" && !reservesAny(reservationsOf(spec.task))) {
    throw invalid(
      `${here}.strategy`,
      "nodes are packed by what tasks reserve, and this one reserves nothing",
      "reserve CPU or memory, or leave the strategy out",
    );
  }
}

/** Where every node has one there is nothing to choose. */
function refuseChoices({ maxReplicasPerNode, preferences, strategy, constraints }: Placement, path: string): void {
  const what = "a service with one task on every node";
  if (maxReplicasPerNode > 0)
    throw invalid(
      `${path}.maxReplicasPerNode`,
      `${what} takes no such limit`,
      "leave it out, or make the service replicated",
    );
  if (preferences.length > 0)
    throw invalid(
      `${path}.preferences`,
      `${what} has no preference`,
      "say which nodes with constraints, or make the service replicated",
    );
  if (strategy !== "DEFAULT")
    throw invalid(`${path}.strategy`, `${what} takes no strategy`, "leave it out, or make the service replicated");
  const at = constraints.findIndex((text) => parseConstraint(text, path).key === "service");
  if (at >= 0)
    throw invalid(
      `${path}.constraints[${at}]`,
      `${what} cannot follow or avoid another service`,
      "constrain it to labels of nodes",
    );
}

function validatePreference(preferences: readonly PlacementPreference[], at: number, path: string): void {
  const { spread, affinity } = preferences[at] ?? {};
  if (affinity) {
    parseConstraint(affinity.constraint, `${path}.affinity.constraint`);
    const range = { min: -AFFINITY_WEIGHT_MAX, max: AFFINITY_WEIGHT_MAX };
    checkInteger(affinity.weight, `${path}.affinity.weight`, range);
    return;
  }
  if (spread === undefined || spread === "") throw invalid(path, "prefers nothing", "say spread or affinity");
  if (parseNodeKey(spread) === null)
    throw invalid(
      `${path}.spread`,
      `"${spread}" is no key to spread by`,
      "use one like node.labels.zone or engine.labels.rack",
    );
  const first = preferences.findIndex((other) => other.spread === spread);
  if (first < at)
    throw invalid(`${path}.spread`, `"${spread}" is a level twice`, "name each level once, the widest first");
}
