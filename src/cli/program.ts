/** The command line: nouns are loaded only when named, so that a start costs what it needs. */
import { Command, CommanderError } from "commander";
import { EXIT, renderError } from "./exit.ts";

const NOUNS: Readonly<Record<string, (program: Command) => Promise<void>>> = {
  node: async (program) => (await import("./node.ts")).registerNode(program),
  service: async (program) => (await import("./service.ts")).registerService(program),
  task: async (program) => (await import("./task.ts")).registerTask(program),
  context: async (program) => (await import("./context-commands.ts")).registerContext(program),
  cluster: async (program) => (await import("./cluster.ts")).registerCluster(program),
};
/** Commands without a noun live in the cluster's file. */
const IN_CLUSTER_FILE = new Set(["init", "join", "leave", "why"]);

export type DaemonCommands = { readonly register: (program: Command) => void };

/** @param words the arguments after the program's name. */
export async function runCli(words: readonly string[], version: string, daemon: DaemonCommands): Promise<void> {
  const program = new Command("shoal")
    .description("A container orchestrator: desired state on Raft, tasks in containers")
    .version(version)
    .option("--host <a,b,c>", "managers to talk to (or SHOAL_HOST)")
    .option("--context <name>", "context to use (or SHOAL_CONTEXT)")
    .option("--format <kind>", "table, or json: one object a line")
    .option("--timeout <duration>", "bound on every request (30s)")
    .enablePositionalOptions()
    .showSuggestionAfterError(true)
    .exitOverride();
  daemon.register(program);
  await loadNouns(program, words);
  applyEverywhere(program);
  try {
    await program.parseAsync([...words], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
      return;
    }
    process.stderr.write(`${renderError(error, false)}\n`);
    process.exitCode = EXIT.failed;
  }
}

async function loadNouns(program: Command, words: readonly string[]): Promise<void> {
  const noun = words.find((word) => word in NOUNS || IN_CLUSTER_FILE.has(word));
  if (noun === undefined) {
    // Help, or a typo: every noun has to be known to be shown or suggested.
    for (const load of Object.values(NOUNS)) await load(program);
  } else if (IN_CLUSTER_FILE.has(noun)) await NOUNS["cluster"]?.(program);
  else await NOUNS[noun]?.(program);
}

/** Global flags are accepted after the command too, and a usage error never exits by itself. */
function applyEverywhere(command: Command): void {
  for (const child of command.commands) {
    child.exitOverride();
    if (child.commands.length === 0) {
      child
        .option("--host <a,b,c>", "managers to talk to")
        .option("--context <name>", "context to use")
        .option("--format <kind>", "table or json")
        .option("--timeout <duration>", "bound on every request");
    }
    applyEverywhere(child);
  }
}
