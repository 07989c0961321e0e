/** `service create` and `service update` flags for what becomes of tasks whose node does not answer. Pure. */
import type { Command } from "commander";
import type { NodeLoss, ServiceSpec } from "../model/index.ts";
import { parseDurationMs } from "../util/units.ts";
import { choice } from "./value-syntax.ts";

export type NodeLossFlags = {
  readonly replaceAfter?: string;
  readonly onReturn?: string;
  readonly single?: boolean;
};

export function nodeLossFlags(command: Command): Command {
  return command
    .option(
      "--replace-after <duration>",
      "replace tasks of a node silent for this long, 3s or more; 0 is the cluster's",
    )
    .option("--single", "its one task never runs twice: cut off, it stops after 20s, and starts elsewhere after 30s")
    .option("--no-single", "it may, for a moment")
    .option("--on-return <task>", "which goes on when the node is back: original or replacement (original)");
}

export function withNodeLoss(
  before: Pick<ServiceSpec, "nodeLoss" | "single">,
  flags: NodeLossFlags,
): Pick<ServiceSpec, "nodeLoss" | "single"> {
  return { nodeLoss: nodeLossOf(before, flags), single: flags.single ?? before.single };
}

function nodeLossOf(
  { nodeLoss }: Pick<ServiceSpec, "nodeLoss">,
  { replaceAfter, onReturn }: NodeLossFlags,
): NodeLoss | null {
  if (replaceAfter === undefined && onReturn === undefined) return nodeLoss;
  const before: NodeLoss = nodeLoss ?? { replaceAfterMs: 0, onReturn: "KEEP_ORIGINAL" };
  return {
    replaceAfterMs:
      replaceAfter === undefined ? before.replaceAfterMs : parseDurationMs(replaceAfter, "--replace-after"),
    onReturn: onReturn === undefined ? before.onReturn : keepOf(onReturn),
  };
}

function keepOf(text: string): NodeLoss["onReturn"] {
  return choice(text, "--on-return", ["ORIGINAL", "REPLACEMENT"]) === "ORIGINAL" ? "KEEP_ORIGINAL" : "KEEP_REPLACEMENT";
}
