/** What `shoal restore` says. */
import type { Session } from "../cli/command.ts";
import { usage } from "../cli/exit.ts";
import { shortId } from "../cli/render.ts";
import { realEnv } from "../util/real-env.ts";
import { formatAge } from "../util/units.ts";
import { readConfig, type RawSettings } from "./config.ts";
import { settings } from "./recover-command.ts";
import { restoreCluster, type RestoredCluster } from "./restore.ts";

export type RestoreFlags = RawSettings & { readonly config?: string };

export async function restoreCommand({ out }: Session, flags: RestoreFlags, file: string): Promise<void> {
  if (file === "-" && process.stdin.isTTY) throw usage("Nothing is piped to standard input", "shoal restore FILE");
  const config = readConfig(settings(flags), process.env, flags.config ?? process.env["SHOAL_CONFIG_FILE"] ?? "");
  const { dataDir, advertise, nodeName, labels } = config;
  const restored = await restoreCluster(realEnv, { file, dataDir, advertise, nodeName, labels });
  if (out.isJson) {
    const { cluster, nodeId, version, createdAtMs, begun } = restored;
    const former = { formerManagers: restored.formerManagers };
    out.json({ restored: true, cluster, nodeId, version, createdAtMs, incarnation: begun.incarnation, ...former });
    return;
  }
  for (const line of restoredText(restored, { dataDir, advertise, nowMs: realEnv.wallNow() })) out.line(line);
}

type Where = { readonly dataDir: string; readonly advertise: string; readonly nowMs: number };

export function restoredText(restored: RestoredCluster, { dataDir, advertise, nowMs }: Where): string[] {
  const { cluster, nodeId, version, createdAtMs, counts, formerManagers } = restored;
  const age = formatAge(Math.max(0, nowMs - createdAtMs)).toLowerCase();
  const lines = [
    `Cluster "${cluster.name}" (${cluster.id}) is restored in ${dataDir}, as it was ${age} ago at version ${version}:`,
    `${counts.services} services, ${counts.tasks} tasks, ${counts.nodes} nodes. This host is its one manager, ${nodeId}.`,
    "It waits: nothing is started, stopped or deleted on any node until you say so.",
  ];
  if (formerManagers.length > 0) {
    lines.push("", "No managers any more; should one come back, it goes on as a worker:");
    for (const { id, name, address } of formerManagers) lines.push(`  ${name} (${shortId(id)}) at ${address}`);
  }
  return [
    ...lines,
    "",
    "Next:",
    "  shoal daemon                 start this manager, with these settings:",
    `                               --data-dir ${dataDir} --advertise ${advertise}`,
    "  shoal node ls                nodes that know its address come back by themselves; others:",
    `                               start their daemon with --join ${advertise} in addition`,
    "  shoal cluster resume         see what would change on them, then let it",
    "  shoal join                   make more managers: three survive the loss of one",
  ];
}
