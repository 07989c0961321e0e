/** `shoal init`, `join` and `leave`: about this machine's own daemon, over its socket. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { InitResponse } from "../proto/gen/InitResponse.ts";
import { action, type Session } from "./command.ts";
import { usage } from "./exit.ts";
import { parseHosts } from "./target.ts";

type InitFlags = { readonly name: string; readonly advertise?: string };
type JoinFlags = TokenFlags & { readonly advertise?: string; readonly name?: string };
type TokenFlags = { readonly token?: string; readonly tokenFile?: string };

const NEEDS_DAEMON = "\nNeeds a running daemon on this machine: shoal daemon";

export function registerInit(command: Command): void {
  command
    .option("--name <name>", "name of the cluster", "default")
    .option("--advertise <host:port>", "address others reach this node by")
    .addHelpText("after", NEEDS_DAEMON)
    .action(action<InitFlags>(init));
}

export function registerJoin(command: Command): void {
  command
    .argument("<manager...>", "addresses of managers, one is enough")
    .option("--token <token>", "join token: shoal cluster join-token on a manager (or SHOAL_TOKEN)")
    .option("--token-file <file>", "file with it (- is standard input): the command line is seen by every user here")
    .option("--advertise <host:port>", "address others reach this node by")
    .option("--name <name>", "how people know this node")
    .addHelpText("after", NEEDS_DAEMON)
    .action(action<JoinFlags>(join));
}

export function registerLeave(command: Command): void {
  command
    .option("--force", "also when this loses the quorum")
    .addHelpText("after", NEEDS_DAEMON)
    .action(action<{ readonly force?: boolean }>(leave));
}

async function init({ local, out }: Session, { name, advertise }: InitFlags): Promise<void> {
  const answer = await local.call("Daemon.Init", { clusterName: name, advertise: advertise ?? "" });
  if (out.isJson) out.json(answer);
  else for (const line of initText(name, answer)) out.line(line);
}

/** What was made, what it lacks, and how to go on. */
export function initText(name: string, answer: InitResponse): string[] {
  const lines = [
    `Cluster "${name}" (${answer.clusterId}) is ready; this node ${answer.nodeId} is its first manager.`,
    "",
    "This is the only manager. If it stops, running tasks go on but nothing can be changed; if its data",
    "directory is lost, so is the cluster's state. With three managers any one of them may be lost.",
    "",
    "To add a manager, on its machine (with shoal daemon running there):",
    `  shoal join --token ${answer.managerToken} ${answer.advertise}`,
    "To add a worker:",
    `  shoal join --token ${answer.workerToken} ${answer.advertise}`,
  ];
  if (isLoopback(answer.advertise)) {
    lines.push(
      "",
      `${answer.advertise} is this machine's own: others cannot reach it. Start the daemon with`,
      "--advertise ADDRESS:PORT before you add nodes of other machines.",
    );
  }
  lines.push(
    "",
    "To reach the cluster from a laptop:",
    `  here:    shoal context export --name ${name} --output ${name}.json   (it holds a private key)`,
    `  there:   shoal context import ${name}.json`,
    "",
    "Next: shoal node ls",
  );
  return lines;
}

function isLoopback(address: string): boolean {
  return /^(127\.|localhost:|\[::1\])/.test(address);
}

async function join({ local, out }: Session, flags: JoinFlags, managers: readonly string[]): Promise<void> {
  const answer = await local.call("Daemon.Join", {
    managers: parseHosts(managers.join(",")),
    token: joinToken(flags, process.env),
    advertise: flags.advertise ?? "",
    name: flags.name ?? "",
  });
  if (out.isJson) out.json(answer);
  out.say(`This node ${answer.nodeId} joined cluster ${answer.clusterId} as a ${answer.role}.`);
  out.note(answer.role === "manager" ? "Next: shoal node ls" : "Next, on a manager: shoal node ls");
}

/** Refused here when there is none, before anything is asked of the daemon. */
export function joinToken(
  { token, tokenFile }: TokenFlags,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  if (token !== undefined && tokenFile !== undefined) throw usage("--token: goes not with --token-file");
  const given = tokenFile === undefined ? (token ?? environment["SHOAL_TOKEN"] ?? "") : readToken(tokenFile);
  if (given.trim() !== "") return given.trim();
  throw usage("A join token is missing", "get one on a manager: shoal cluster join-token; give it by --token-file");
}

function readToken(file: string): string {
  if (file === "-" && process.stdin.isTTY) throw usage("--token-file: nothing is piped to standard input");
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    throw usage(`--token-file: cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function leave({ local, out }: Session, { force }: { readonly force?: boolean }): Promise<void> {
  await local.call("Daemon.Leave", { force: force === true });
  if (out.isJson) out.json({ left: true });
  out.say("This node left its cluster.");
  out.note("Next: shoal join --token TOKEN MANAGER, or shoal init");
}
