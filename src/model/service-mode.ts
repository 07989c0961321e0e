/** What kind of service a spec makes, and what follows from that. */
import type { ServiceSpec } from "./index.ts";

export const SERVICE_MODES = ["replicated", "global"] as const;
export type ServiceMode = (typeof SERVICE_MODES)[number];

/** A spec that names none is replicated. */
export function modeOf(spec: Pick<ServiceSpec, "mode"> | null): ServiceMode {
  return spec?.mode ?? "replicated";
}

/** Its slots are nodes, so every change of a node may concern it. */
export function runsOnEveryNode(spec: ServiceSpec | null): boolean {
  return modeOf(spec) === "global";
}
