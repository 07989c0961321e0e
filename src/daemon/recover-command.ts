/** What `shoal recover` says and asks. */
import type { Session } from "../cli/command.ts";
import { confirm } from "../cli/confirm.ts";
import { shortId } from "../cli/render.ts";
import { realEnv } from "../util/real-env.ts";
import { readConfig, type RawSettings } from "./config.ts";
import { ClusterRecovery, type RecoveryPlan } from "./recover.ts";

export type RecoverFlags = RawSettings & { readonly config?: string; readonly yes?: boolean; readonly force?: boolean };

export async function recoverCluster({ out }: Session, flags: RecoverFlags): Promise<void> {
  const config = readConfig(settings(flags), process.env, flags.config ?? process.env["SHOAL_CONFIG_FILE"] ?? "");
  const recovery = await ClusterRecovery.open(realEnv, {
    dataDir: config.dataDir,
    advertise: config.isAdvertiseSet ? config.advertise : null,
    force: flags.force === true,
  });
  try {
    const { plan } = recovery;
    if (out.isJson) out.json({ plan });
    else for (const line of recoveryText(plan)) out.line(line);
    if (!(await confirm(out, { question: "Make this manager the cluster?", yes: flags.yes === true }))) return;
    const { incarnation, index } = await recovery.apply();
    if (out.isJson) out.json({ recovered: true, incarnation, version: index });
    else for (const line of recoveredText(plan)) out.line(line);
  } finally {
    await recovery.close();
  }
}

/** Global flags of the command line have names of their own: only settings are read as such. */
export function settings({ dataDir, advertise, nodeName, listen, labels }: RawSettings): RawSettings {
  return { dataDir, advertise, nodeName, listen, labels };
}

export function recoveryText(plan: RecoveryPlan): string[] {
  const { cluster, manager, last, uncommitted, counts, formerManagers, outdatedNodes } = plan;
  const lines = [
    `This makes a cluster of one manager from the data in ${plan.dataDir}:`,
    "",
    `  Cluster:  ${cluster.name} (${cluster.id})`,
    `  Manager:  ${manager.name} (${shortId(manager.id)}) at ${manager.address}`,
    `  State:    version ${last.index}, term ${last.term}: ${counts.services} services, ${counts.tasks} tasks, ${counts.nodes} nodes`,
    "",
    "Do it only if the quorum is lost for good: if the other managers are merely down, start them instead.",
    "Where one of them still runs, stop it first.",
    "",
    "What may be lost: changes that other managers confirmed and this one never got. If another manager's",
    "data can still be read, compare: shoal debug raft DIR. Recover on the one whose last entry has the",
    "highest term, and of those the highest index; on one only.",
  ];
  if (uncommitted > 0) {
    const first = last.index - uncommitted + 1;
    lines.push("", `Kept, though this manager does not know that they were confirmed: entries from ${first} on.`);
  }
  if (formerManagers.length > 0) {
    lines.push(
      "",
      "No managers any more; when their daemons start again they go on as workers, their tasks untouched:",
    );
    for (const { id, name, address } of formerManagers) lines.push(`  ${name} (${shortId(id)}) at ${address}`);
  }
  if (outdatedNodes.length > 0) {
    lines.push("", `Too old a version for the recovered cluster, until upgraded: ${outdatedNodes.join(", ")}`);
  }
  return [...lines, ""];
}

function recoveredText({ formerManagers }: RecoveryPlan): string[] {
  return [
    "Done. The cluster waits: nothing is started, stopped or deleted on any node until you say so.",
    "",
    "Next:",
    "  shoal daemon                start this manager again, as it was started before",
    "  shoal node ls               the other nodes come back by themselves",
    "  shoal cluster resume        see what would change on them, then let it",
    ...(formerManagers.length === 0
      ? []
      : ["  shoal node promote NAME     make managers of nodes, until there are three"]),
    "A machine whose disk is lost joins anew: shoal node rm NAME, there shoal join",
  ];
}
