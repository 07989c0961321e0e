/** The command line: a noun's file is loaded only when the noun is named, so that a start costs what it needs. */
import { Command, CommanderError, Option } from "commander";
import { instead } from "./docker-words.ts";
import { EXIT, exitCodeOf, renderError, usage } from "./exit.ts";
import { TIMEOUT } from "./command.ts";
import { Output } from "./output.ts";
import type { AppError } from "../util/errors.ts";

type Noun = {
  readonly name: string;
  readonly summary: string;
  readonly group: string;
  readonly load: () => Promise<(command: Command) => void>;
};

const MANAGE = "Manage a cluster:";
const RUN = "Run a node:";
/** Daemon's own commands for the same purpose are registered under it, too. */
export const RESCUE = "On a bad day:";
const GLOBAL = "Global options:";

const NOUNS: readonly Noun[] = [
  {
    name: "service",
    summary: "Create, change, scale and watch services",
    group: MANAGE,
    load: async () => (await import("./service.ts")).registerService,
  },
  {
    name: "task",
    summary: "Look at tasks, and replace one by another",
    group: MANAGE,
    load: async () => (await import("./task.ts")).registerTask,
  },
  {
    name: "node",
    summary: "Look at nodes, drain and remove them",
    group: MANAGE,
    load: async () => (await import("./node.ts")).registerNode,
  },
  {
    name: "cluster",
    summary: "Look at the cluster, show how to join",
    group: MANAGE,
    load: async () => (await import("./cluster.ts")).registerCluster,
  },
  {
    name: "why",
    summary: "Say why a service, task or node is not what it should be",
    group: MANAGE,
    load: async () => (await import("./why.ts")).registerWhy,
  },
  {
    name: "events",
    summary: "What happened to services, tasks, nodes and the cluster, and why",
    group: MANAGE,
    load: async () => (await import("./events.ts")).registerEvents,
  },
  {
    name: "context",
    summary: "Choose which cluster commands talk to",
    group: MANAGE,
    load: async () => (await import("./context-commands.ts")).registerContext,
  },
  {
    name: "backup",
    summary: "Copy the cluster's whole state into a file",
    group: RESCUE,
    load: async () => (await import("./backup.ts")).registerBackup,
  },
  {
    name: "init",
    summary: "Make a cluster of this node",
    group: RUN,
    load: async () => (await import("./local.ts")).registerInit,
  },
  {
    name: "join",
    summary: "Join a cluster; the token decides the role",
    group: RUN,
    load: async () => (await import("./local.ts")).registerJoin,
  },
  {
    name: "leave",
    summary: "Take this node out of its cluster",
    group: RUN,
    load: async () => (await import("./local.ts")).registerLeave,
  },
];

const EPILOGUE = `
Try: shoal dev, then in another terminal the export it prints, and shoal service create --name web -p 8080:80 nginx
Environment: SHOAL_HOST, SHOAL_CONTEXT, SHOAL_CONFIG (~/.shoal), NO_COLOR
Exit codes: 0 done, 1 failed, 2 there are changes and none was made, 3 timed out and may still take effect, 64 wrong words
`;

export type DaemonCommands = { readonly register: (program: Command) => void };

/** @param words the arguments after the program's name. */
export async function runCli(words: readonly string[], version: string, daemon: DaemonCommands): Promise<void> {
  endQuietlyWithoutReader();
  const program = buildProgram(version, daemon);
  try {
    if (words.length === 0) program.outputHelp();
    else {
      await loadForHelp(program, words);
      await program.parseAsync([...words], { from: "user" });
    }
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
      return;
    }
    process.stderr.write(`${rendered(error, words)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

function buildProgram(version: string, daemon: DaemonCommands): Command {
  const program = new Command("shoal")
    .description("A container orchestrator: say what shall run, it runs, and losing a machine costs seconds")
    .usage("[options] command")
    .version(version, "-v, --version", "show the version")
    .helpOption("-h, --help", "show help")
    .addHelpCommand(new Command("help").argument("[command]").description("show help").helpGroup(RUN))
    .enablePositionalOptions()
    .showSuggestionAfterError(true)
    .addHelpText("after", EPILOGUE)
    .exitOverride();
  addGlobalFlags(program);
  program.commandsGroup(RUN);
  daemon.register(program);
  for (const command of program.commands) tune(command);
  const loaded = new Set<string>();
  for (const { name, summary, group } of NOUNS) tune(program.command(name).description(summary).helpGroup(group));
  program.commandsGroup(MANAGE);
  tuneErrors(program);
  program.hook("preSubcommand", async (_, command) => await loadNoun(command, loaded));
  return program;
}

async function loadNoun(command: Command, loaded: Set<string>): Promise<void> {
  const noun = NOUNS.find(({ name }) => name === command.name());
  if (noun === undefined || command.parent?.parent !== null || loaded.has(noun.name)) return;
  loaded.add(noun.name);
  const register = await noun.load();
  register(command);
  applyGlobals(command);
}

/** `shoal help node` shows a command without running it, so no hook is called. */
async function loadForHelp(program: Command, [first, second]: readonly string[]): Promise<void> {
  const command = first === "help" ? program.commands.find((known) => known.name() === second) : undefined;
  if (command !== undefined) await loadNoun(command, new Set());
}

/** Help of a noun is about its verbs: their own help names the flags. */
function addGlobalFlags(command: Command, isHidden = false): void {
  const flags = [
    new Option("--host <a,b,c>", "managers to talk to, or unix:/path (or SHOAL_HOST)"),
    new Option("--context <name>", "context to use (or SHOAL_CONTEXT)"),
    new Option("--format <kind>", "table, or json: one object a line"),
    new Option("--timeout <duration>", `bound on every request (${TIMEOUT})`),
  ];
  for (const flag of flags) command.addOption(flag.helpGroup(GLOBAL).hideHelp(isHidden));
}

/** Global flags are accepted after the noun and after the verb too. */
function applyGlobals(command: Command): void {
  const isVerb = command.commands.length === 0;
  addGlobalFlags(command, !isVerb);
  tune(command);
  // A verb without flags of its own would show them below the global ones.
  if (isVerb) command.addHelpOption(new Option("-h, --help", "show help").helpGroup(GLOBAL));
  for (const child of command.commands) applyGlobals(child);
}

function tune(command: Command): void {
  command.helpOption("-h, --help", "show help").helpCommand(false).exitOverride();
  tuneErrors(command);
}

/** Refusals of commander's in our own words, with where to look. */
function tuneErrors(command: Command): void {
  command.configureOutput({
    outputError: (text, write) => write(`${rendered(refusal(command, text), process.argv)}\n`),
  });
}

function refusal(command: Command, text: string): AppError {
  const [message = "", ...more] = text
    .replace(/^error: /, "")
    .trim()
    .split("\n");
  const name = fullName(command);
  const word = /^unknown (?:command|option) '(.*)'$/.exec(message)?.[1] ?? "";
  const added = command.options.find(({ long }) => long === `${word}-add`)?.long;
  const better = instead(name, word);
  const hint = added === undefined ? more.join(" ") : `(Did you mean ${added}?)`;
  const said = message.charAt(0).toUpperCase() + message.slice(1);
  return usage(hint === "" || better !== null ? said : `${said} ${hint}`, better ?? `${name} --help`);
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

function rendered(error: unknown, words: readonly string[]): string {
  const asJson = words.some(
    (word, at) => word === "--format=json" || (word === "--format" && words[at + 1] === "json"),
  );
  const paint = new Output({ format: "table" }).painter(process.stderr);
  return renderError(error, asJson, (text) => paint("red", text));
}

/** `shoal service logs web | head`: the reader has what it wanted. */
function endQuietlyWithoutReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      process.exit(process.exitCode ?? EXIT.done);
    });
  }
}
