/** `shoal daemon`, `shoal dev`, `shoal healthcheck`, and what works on a data directory without a daemon. */
import { Option, type Command } from "commander";
import { offline } from "../cli/command.ts";
import { RESCUE } from "../cli/program.ts";
import type { DebugRaftFlags } from "./debug-command.ts";
import type { RestoreFlags } from "./restore-command.ts";
import type { RecoverFlags } from "./recover-command.ts";
import { envName, readConfig, SETTINGS, type RawSettings, type SettingName } from "./config.ts";

export function registerDaemon(program: Command): void {
  const daemon = program.command("daemon").description("Run a node");
  addSettings(daemon);
  daemon
    .option("--config <file>", "file of name = value lines")
    .action(async (flags: RawSettings & { readonly config?: string }) => {
      const { runDaemon } = await import("./run.ts");
      await runDaemon(
        () => readConfig(flags, process.env, flags.config ?? process.env["SHOAL_CONFIG_FILE"] ?? ""),
        program.version() ?? "",
      );
    });
  const dev = program.command("dev").description("Run a one-node cluster for trying things out");
  dev
    .option("--data-dir <dir>", "where to keep its state", ".shoal/dev")
    .option("--port <port>", "gRPC port; HTTP is the next one", "7377")
    .option("--executor <kind>", "docker, process or auto", "auto")
    .option("--log-level <level>", "debug, info, warn or error", "warn")
    .action(async (flags: DevFlags) => {
      const { runDev } = await import("./dev.ts");
      await runDev(flags, program.version() ?? "");
    });
  program
    .command("healthcheck", { hidden: true })
    .description("Exit 0 when this machine's node is healthy")
    .action(async () => {
      const { checkHealth } = await import("./healthcheck.ts");
      await checkHealth(readConfig({}, process.env, ""));
    });
  registerOffline(program);
}

/** For the worst days: on a data directory whose daemon is stopped. */
function registerOffline(program: Command): void {
  program.commandsGroup(RESCUE);
  registerRestore(program);
  registerDebug(program);
  const recover = program.command("recover").description("Make a cluster of this manager after the quorum was lost");
  addSettings(recover, ["dataDir", "advertise"]);
  addOfflineFlags(recover)
    .option("-y, --yes", "without asking")
    .option("--force", "also when it is the cluster's only manager")
    .addHelpText("after", "\nIts daemon must be stopped. It says what it does and asks first.")
    .action(
      offline<RecoverFlags>(async (session, flags) => {
        const { recoverCluster } = await import("./recover-command.ts");
        await recoverCluster(session, flags);
      }),
    );
}

function registerRestore(program: Command): void {
  const restore = program.command("restore <file>").description("Make a cluster from its backup, on an empty machine");
  addSettings(restore, ["dataDir", "advertise", "listen", "nodeName", "labels"]);
  addOfflineFlags(restore)
    .addHelpText("after", "\n- is standard input. The data directory must be empty; no daemon needs to run.")
    .action(
      offline<RestoreFlags>(async (session, flags, [file = ""]) => {
        const { restoreCommand } = await import("./restore-command.ts");
        await restoreCommand(session, flags, file);
      }),
    );
}

function registerDebug(program: Command): void {
  const debug = program.command("debug").description("Look at a stopped manager's data");
  addFormat(
    debug.command("raft <dir>").description("Show a log: identity, votes, snapshot, entries, and whether all is sound"),
  )
    .option("--from <index>", "entries from here on")
    .option("--to <index>", "entries up to here")
    .addHelpText("after", "\nThe data directory is not changed. Exit code 1: something in it is corrupted.")
    .action(
      offline<DebugRaftFlags>(async (session, flags, words) => {
        const { debugRaft } = await import("./debug-command.ts");
        await debugRaft(session, flags, words);
      }),
    );
  addFormat(
    debug.command("store <dir> [table] [id]").description("Show the state that a log, or a backup's file, holds"),
  )
    .addHelpText("after", "\nWithout a table: how many rows each has. The CA's key, tokens and answers are not shown.")
    .action(
      offline<object>(async (session, flags, words) => {
        const { debugStore } = await import("./debug-command.ts");
        await debugStore(session, flags, words);
      }),
    );
}

function addFormat(command: Command): Command {
  return command.option("--format <kind>", "table, or json: one object a line");
}

function addOfflineFlags(command: Command): Command {
  return addFormat(command).option("--config <file>", "file of name = value lines");
}

export type DevFlags = {
  readonly dataDir: string;
  readonly port: string;
  readonly executor: string;
  readonly logLevel: string;
};

function addSettings(command: Command, names = Object.keys(SETTINGS) as readonly SettingName[]): void {
  for (const name of names) {
    const { flag, takes, help, initial } = SETTINGS[name];
    const suffix = initial === "" ? "" : ` (${initial})`;
    command.addOption(
      new Option(
        takes === null ? `--${flag}` : `--${flag} <${takes}>`,
        `${help}${suffix} [${envName(name)}]`,
      ).argParser(String),
    );
  }
}
