/** `shoal cluster ...`. */
import type { Command } from "commander";
import { AppError, isAppError } from "../util/errors.ts";
import { action, staleFlag, type Session } from "./command.ts";
import { upgrade } from "./cluster-upgrade.ts";
import { registerUpdate } from "./cluster-update.ts";
import { usage } from "./exit.ts";
import { massSilenceText } from "./mass-silence.ts";
import { retryOnConflict, shown } from "./read-change-write.ts";
import { beginning, resume, warnIfWaiting, type ResumeFlags } from "./resume.ts";
import { realEnv } from "../util/real-env.ts";
import { shortId } from "./render.ts";

const LABEL_WIDTH = 11;

type RotateFlags = { readonly rotate?: boolean };

export function registerCluster(cluster: Command): void {
  staleFlag(cluster.command("info").description("Show leader, managers, nodes and tasks")).action(
    action<{ readonly stale?: boolean }>(info),
  );
  registerUpdate(cluster);
  cluster
    .command("upgrade")
    .description("Show how far a rolling upgrade got, and end it")
    .option("--finalize", "let managers write what only the new version reads: there is no way back")
    .action(action<{ readonly finalize?: boolean }>(upgrade));
  cluster
    .command("resume")
    .description("After a recovery or restore: show what nodes would do, then let them")
    .option("-y, --yes", "without asking")
    .action(action<ResumeFlags>(resume));
  cluster
    .command("join-token [role]")
    .description("Show how to join: worker, manager or both")
    .option("--rotate", "make a new token for the role that is named; the one before opens nothing any more")
    .option("-q, --quiet", "only the token")
    .action(action<RotateFlags>((session, flags, [role]) => joinTokens(session, flags, role)));
}

async function rotate(
  client: Session["client"],
  which: { readonly rotateManagerToken: true } | { readonly rotateWorkerToken: true },
): Promise<void> {
  await retryOnConflict(async () => {
    const { cluster } = await client.call("Control.GetCluster", {});
    const version = shown(cluster, "the cluster").meta?.version ?? 0;
    await client.call("Control.UpdateCluster", { requestId: client.requestId(), version, ...which });
  });
}

async function info({ client, out }: Session, { stale }: { readonly stale?: boolean }): Promise<void> {
  const answer = await client.call("Control.GetCluster", {}).catch((error: unknown) => {
    throw stale === true ? error : withStaleHint(error);
  });
  if (out.isJson) {
    out.json(answer);
    return;
  }
  const { cluster } = answer;
  const waits = cluster?.awaitsResume ?? null;
  const massSilence = massSilenceText(cluster?.massSilence ?? null, realEnv.wallNow());
  const leader =
    answer.leaderId === "" ? "none" : `${answer.leaderAddress} (${shortId(answer.leaderId)}), term ${answer.term}`;
  const rows: readonly (readonly [string, string])[] = [
    ["Cluster", `${cluster?.spec?.name ?? ""} (${cluster?.id ?? ""})`],
    ["Leader", leader],
    ["Managers", `${answer.managersReachable} of ${answer.managers} reachable`],
    ...(answer.managers > 0 ? [["", survives(answer.managers)] as const] : []),
    ["Nodes", `${answer.nodesReady} of ${answer.nodes} ready`],
    ["Services", `${answer.services}`],
    ["Tasks", `${answer.tasksRunning} of ${answer.tasks} running`],
    ["Version", `${answer.commitIndex}`],
    ["Protocol", protocolText(answer)],
    ...(massSilence === null ? [] : [["Silence", massSilence] as const]),
    ...(waits === null ? [] : [["Waits", beginning(waits, realEnv.wallNow())] as const]),
  ];
  for (const [name, value] of rows) out.line(`${(name === "" ? "" : `${name}:`).padEnd(LABEL_WIDTH)}${value}`);
  warnIfWaiting(out, waits);
}

function protocolText({ protocol, protocolReady }: { protocol: number; protocolReady: number }): string {
  if (protocolReady <= protocol) return `${protocol}`;
  return `${protocol}; every node speaks ${protocolReady}: shoal cluster upgrade --finalize`;
}

/** Without a quorum this is the one thing that still helps. */
function withStaleHint(error: unknown): unknown {
  const isOpen = isAppError(error, "deadline") || (isAppError(error, "unavailable") && error.details["sent"] !== "no");
  if (!isOpen) return error;
  return new AppError(error.code, error.message, { ...error.details, next: "shoal cluster info --stale" }, error);
}

/** What losing managers means, in one sentence. */
export function survives(managers: number): string {
  const losses = Math.floor((managers - 1) / 2);
  if (managers === 1) return "losing the one manager stops changes until it is back; three survive the loss of one";
  if (losses === 0) return "losing one of two managers stops changes until it is back; three survive the loss of one";
  return `any ${losses} of ${managers} may be lost without losing anything`;
}

async function joinTokens(
  { client, out }: Session,
  { rotate: isRotated = false }: RotateFlags,
  role: string | undefined,
): Promise<void> {
  if (role !== undefined && role !== "worker" && role !== "manager") throw usage(`"${role}" is not worker or manager`);
  if (isRotated && role === undefined) throw usage("--rotate: a role is missing", "say worker or manager");
  if (isRotated) await rotate(client, role === "manager" ? { rotateManagerToken: true } : { rotateWorkerToken: true });
  const tokens = await client.call("Control.GetJoinTokens", {});
  if (out.isQuiet) {
    out.line(role === "manager" ? tokens.manager : tokens.worker);
    return;
  }
  if (out.isJson) {
    out.json(tokens);
    return;
  }
  const managers = tokens.addresses.join(" ");
  if (role !== "manager") out.line(`To add a worker:\n  shoal join --token ${tokens.worker} ${managers}`);
  if (role !== "worker") out.line(`To add a manager:\n  shoal join --token ${tokens.manager} ${managers}`);
}
