/** `--mode` and the flags that belong to one mode. Pure. */
import { modeOf } from "../model/service-mode.ts";
import type { ServiceSpec } from "../model/index.ts";
import { usage } from "./exit.ts";
import { choice, count } from "./value-syntax.ts";

export type ModeFlags = { readonly mode?: string; readonly replicas?: string };
type ModePart = Pick<ServiceSpec, "mode" | "replicated" | "global">;

/** For a new service. */
export function newMode(flags: ModeFlags): ModePart {
  switch (choice(flags.mode ?? "replicated", "--mode", ["REPLICATED", "GLOBAL"])) {
    case "REPLICATED":
      return { mode: "replicated", replicated: { replicas: 1 } };
    case "GLOBAL":
      return { mode: "global", global: {} };
  }
}

/** What the flags change of the mode a service has. */
export function changedMode(spec: ModePart, { replicas }: ModeFlags): ModePart {
  return replicas === undefined ? {} : withReplicas(spec, count(replicas, "--replicas"));
}

export function withReplicas(spec: ModePart, replicas: number): ModePart {
  if (modeOf(spec) === "replicated") return { replicated: { replicas } };
  throw usage("A global service has one task on every node, and no replicas", "say where with --constraint");
}
