/** `shoal cluster ...`, `init`, `join`, `leave`, `why`. */
import type { Command } from "commander";
import type { ExplainReason } from "../model/index.ts";
import { action, type Session } from "./command.ts";
import { table } from "./output.ts";
import { shortId } from "./render.ts";
import { usage } from "./exit.ts";

export function registerCluster(program: Command): void {
  const cluster = program.command("cluster").description("Look at the cluster");
  cluster
    .command("info")
    .description("Show leader, managers, nodes and tasks")
    .option("--stale", "what this one manager knows, without a quorum")
    .action(action<{ readonly stale?: boolean }>(info));
  cluster
    .command("join-token [role]")
    .description("Show how to join: worker, manager or both")
    .action(action((session, _, [role]) => joinTokens(session, role)));
  program
    .command("init")
    .description("Make a cluster of this node (needs a running shoal daemon)")
    .option("--name <name>", "name of the cluster", "default")
    .option("--advertise <host:port>", "address others reach this node by")
    .action(action<{ readonly name: string; readonly advertise?: string }>(init));
  program
    .command("join <manager...>")
    .description("Join a cluster (needs a running shoal daemon); the token decides the role")
    .requiredOption("--token <token>", "join token")
    .option("--advertise <host:port>", "address others reach this node by")
    .option("--name <name>", "how people know this node")
    .action(action<{ readonly token: string; readonly advertise?: string; readonly name?: string }>(join));
  program
    .command("leave")
    .description("Take this node out of its cluster and forget it")
    .option("--force", "also when this loses the quorum")
    .action(action<{ readonly force?: boolean }>(leave));
  program
    .command("why <service|task|node>")
    .description("Say why something is not what it should be")
    .action(action(why));
}

async function info({ client, out }: Session, { stale }: { readonly stale?: boolean }): Promise<void> {
  const answer = await client.call("Control.GetCluster", { consistency: stale === true ? "STALE" : "LINEARIZABLE" });
  if (out.isJson) {
    out.json(answer);
    return;
  }
  const { cluster } = answer;
  const rows: [string, string][] = [
    ["Cluster", `${cluster?.spec?.name ?? ""} (${cluster?.id ?? ""})`],
    [
      "Leader",
      answer.leaderId === "" ? "none" : `${answer.leaderAddress} (${shortId(answer.leaderId)}), term ${answer.term}`,
    ],
    ["Managers", `${answer.managersReachable} of ${answer.managers} reachable`],
    ["Nodes", `${answer.nodesReady} of ${answer.nodes} ready`],
    ["Services", `${answer.services}`],
    ["Tasks", `${answer.tasksRunning} of ${answer.tasks} running`],
    ["Version", `${answer.commitIndex}`],
  ];
  for (const [name, value] of rows) out.line(`${`${name}:`.padEnd(11)}${value}`);
  if (answer.managers > 0) out.line(`${"".padEnd(11)}${survives(answer.managers)}`);
}

/** What losing managers means, in one sentence. */
export function survives(managers: number): string {
  const losses = Math.floor((managers - 1) / 2);
  if (losses === 0)
    return `${managers} manager${managers === 1 ? "" : "s"}: losing one stops changes until it is back; three survive the loss of one`;
  return `${managers} managers: any ${losses} may be lost without losing anything`;
}

async function joinTokens({ client, out }: Session, role: string | undefined): Promise<void> {
  if (role !== undefined && role !== "worker" && role !== "manager") throw usage(`"${role}" is not worker or manager`);
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

async function init(
  { local, out }: Session,
  flags: { readonly name: string; readonly advertise?: string },
): Promise<void> {
  const answer = await local.call("Daemon.Init", { clusterName: flags.name, advertise: flags.advertise ?? "" });
  if (out.isJson) {
    out.json(answer);
    return;
  }
  out.line(`Cluster ${answer.clusterId} is ready; this node ${answer.nodeId} is its first manager.`);
  out.line("");
  out.line("This is the only manager: if it is lost, running tasks go on but nothing can be changed, and");
  out.line("without a copy of its data directory the cluster's state is gone. Add two more managers.");
  out.line("");
  out.line(`To add a manager, on its machine (with shoal daemon running):`);
  out.line(`  shoal join --token ${answer.managerToken} ${answer.advertise}`);
  out.line(`To add a worker:`);
  out.line(`  shoal join --token ${answer.workerToken} ${answer.advertise}`);
  out.line("");
  out.line("To reach the cluster from a laptop:");
  out.line(`  here:    shoal context export --name ${flags.name} > ${flags.name}.json   (holds a private key)`);
  out.line(`  there:   shoal context import ${flags.name}.json`);
  out.line("");
  out.line("Next: shoal node ls");
}

async function join(
  { local, out }: Session,
  flags: { readonly token: string; readonly advertise?: string; readonly name?: string },
  managers: readonly string[],
): Promise<void> {
  const answer = await local.call("Daemon.Join", {
    managers: [...managers],
    token: flags.token,
    advertise: flags.advertise ?? "",
    name: flags.name ?? "",
  });
  if (out.isJson) out.json(answer);
  out.say(`This node ${answer.nodeId} joined cluster ${answer.clusterId} as a ${answer.role}.`);
  out.say(answer.role === "manager" ? "Next: shoal node ls" : "Next, on a manager: shoal node ls");
}

async function leave({ local, out }: Session, { force }: { readonly force?: boolean }): Promise<void> {
  await local.call("Daemon.Leave", { force: force === true });
  if (out.isJson) out.json({ left: true });
  out.say("This node left its cluster.");
  out.say("Next: shoal join --token TOKEN MANAGER, or shoal init");
}

async function why({ client, out }: Session, _: object, [id = ""]: readonly string[]): Promise<void> {
  const answer = await client.call("Control.Explain", { id });
  if (out.isJson) {
    out.json(answer);
    return;
  }
  out.line(`${answer.kind} ${answer.name === "" ? shortId(answer.id) : answer.name}: ${answer.summary}`);
  if (answer.reasons.length === 0) return;
  out.line("");
  const rows = table<ExplainReason>(answer.reasons, [
    {
      title: "ABOUT",
      value: (reason) =>
        `${reason.subjectKind} ${reason.subjectName === "" ? shortId(reason.subjectId) : reason.subjectName}`,
    },
    { title: "CHECK", value: (reason) => reason.code },
    { title: "WHY", value: (reason) => reason.message },
    { title: "NEXT", value: (reason) => reason.next },
  ]);
  for (const row of rows) out.line(row);
}
