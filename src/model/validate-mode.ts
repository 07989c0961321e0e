/** What a service's mode allows and asks for. */
import { checkInteger } from "./checks.ts";
import { modeOf } from "./service-mode.ts";
import type { ServiceSpec } from "./index.ts";
import { invalid } from "../util/errors.ts";

export const REPLICAS_MAX = 10_000;

export function validateMode(spec: ServiceSpec, path: string): void {
  switch (modeOf(spec)) {
    case "replicated":
      if (spec.replicated)
        checkInteger(spec.replicated.replicas, `${path}.replicated.replicas`, { min: 0, max: REPLICAS_MAX });
      return;
    case "global":
      refuseMaxReplicas(spec, path);
  }
}

/** It would be a limit of what is one anyway. */
function refuseMaxReplicas({ task }: ServiceSpec, path: string): void {
  if ((task?.placement?.maxReplicasPerNode ?? 0) === 0) return;
  throw invalid(
    `${path}.task.placement.maxReplicasPerNode`,
    "a service with one task on every node takes no such limit",
    "leave it out, or make the service replicated",
  );
}
