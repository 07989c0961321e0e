/** `shoal cluster update`. */
import type { Command } from "commander";
import type { ClusterSpec } from "../model/index.ts";
import { parseDurationMs } from "../util/units.ts";
import { action, type Session } from "./command.ts";
import { usage } from "./exit.ts";
import { retryOnConflict, shown } from "./read-change-write.ts";
import { choice, count, integer } from "./value-syntax.ts";

export type ClusterFlags = {
  readonly replaceAfter?: string;
  readonly replaceClosedAfter?: string;
  readonly taskHistoryLimit?: string;
  readonly eventsKeptFor?: string;
  readonly eventsKept?: string;
  readonly strategy?: string;
};

export function registerUpdate(cluster: Command): void {
  cluster
    .command("update")
    .description("Change what holds for the whole cluster")
    .option("--replace-after <duration>", "replace tasks of a node silent for this long, 3s or more (6s)")
    .option("--replace-closed-after <duration>", "the same where the node's kernel closed the connection (30s)")
    .option("--task-history-limit <n>", "tasks kept per slot, the live one included; 0: only that, -1: all (5)")
    .option("--events-kept-for <duration>", "events are dropped when they are older, 1h or more (168h)")
    .option("--strategy <kind>", "of services that name none: spread, or binpack where they reserve anything (spread)")
    .option("--events-kept <n>", "events kept at most, 1000 or more (100000)")
    .action(action<ClusterFlags>(update));
}

async function update({ client, out }: Session, flags: ClusterFlags): Promise<void> {
  const change = parseClusterChange(flags);
  const changed = await retryOnConflict(async () => {
    const { cluster } = await client.call("Control.GetCluster", {});
    const { meta, spec } = shown(cluster, "the cluster");
    const answer = await client.call("Control.UpdateCluster", {
      requestId: client.requestId(),
      version: meta?.version ?? 0,
      spec: change(shown(spec, "the cluster's spec")),
    });
    return shown(answer.cluster, "the cluster");
  });
  out.say(changed.spec?.name ?? changed.id);
  if (out.isJson) out.json(changed);
}

/** @returns what to do with the cluster's spec, whichever version of it the change meets. */
export function parseClusterChange(flags: ClusterFlags): (spec: ClusterSpec) => ClusterSpec {
  const { replaceAfter, replaceClosedAfter, taskHistoryLimit, eventsKeptFor, eventsKept, strategy } = flags;
  const change: Partial<ClusterSpec> = {
    ...(replaceAfter === undefined ? {} : { replaceAfterMs: parseDurationMs(replaceAfter, "--replace-after") }),
    ...(replaceClosedAfter === undefined
      ? {}
      : { replaceClosedAfterMs: parseDurationMs(replaceClosedAfter, "--replace-closed-after") }),
    ...(taskHistoryLimit === undefined ? {} : { taskHistoryLimit: integer(taskHistoryLimit, "--task-history-limit") }),
    ...(eventsKeptFor === undefined ? {} : { eventsKeptMs: parseDurationMs(eventsKeptFor, "--events-kept-for") }),
    ...(eventsKept === undefined ? {} : { eventsKept: count(eventsKept, "--events-kept") }),
    ...(strategy === undefined ? {} : { strategy: choice(strategy, "--strategy", ["SPREAD", "BINPACK"]) }),
  };
  if (Object.keys(change).length === 0) {
    throw usage("Nothing to change", "shoal cluster update --help lists what there is");
  }
  return (spec) => {
    const asked = { ...spec, ...change };
    // What stands from before and would be too short now is the manager's to fill in.
    const isShort = replaceClosedAfter === undefined && asked.replaceClosedAfterMs < asked.replaceAfterMs;
    return isShort ? { ...asked, replaceClosedAfterMs: 0 } : asked;
  };
}
