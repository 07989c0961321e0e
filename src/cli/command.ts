/** What every command has: global flags, a client when it asks for one, output, and one way to fail. */
import { Command } from "commander";
import { parseDurationMs } from "../util/units.ts";
import { connect, connectLocal, type Client } from "./connect.ts";
import { exitCodeOf, renderError, usage } from "./exit.ts";
import { Output } from "./output.ts";

export type GlobalFlags = {
  readonly host?: string;
  readonly context?: string;
  readonly format?: string;
  readonly timeout?: string;
  readonly quiet?: boolean;
};

export class Session {
  readonly out: Output;
  readonly timeoutMs: number;
  readonly #flags: GlobalFlags;
  #client: Client | null = null;

  constructor(flags: GlobalFlags) {
    this.#flags = flags;
    if (flags.format !== undefined && flags.format !== "json" && flags.format !== "table") {
      throw usage(`--format: "${flags.format}" is not table or json`);
    }
    this.out = new Output(flags.format === "json" ? "json" : "table", flags.quiet === true);
    this.timeoutMs = parseDurationMs(flags.timeout ?? "30s", "--timeout");
  }

  /** A client of the cluster. */
  get client(): Client {
    this.#client ??= connect({ host: this.#flags.host, context: this.#flags.context, timeoutMs: this.timeoutMs });
    return this.#client;
  }

  /** A client of this machine's own daemon. */
  get local(): Client {
    this.#client ??= connectLocal({ host: this.#flags.host, timeoutMs: this.timeoutMs });
    return this.#client;
  }

  close(): void {
    this.#client?.close();
  }
}

export type Handler<F> = (session: Session, flags: F, words: readonly string[]) => Promise<void>;

/** Runs a handler with a session, prints errors one way, sets the exit code. */
export function action<F>(handler: Handler<F>): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    const command = args.at(-1);
    if (!(command instanceof Command)) throw new Error("commander passes the command last");
    const flags: F & GlobalFlags = command.optsWithGlobals();
    let session: Session | null = null;
    try {
      session = new Session(flags);
      await handler(session, flags, command.args);
    } catch (error) {
      process.stderr.write(`${renderError(error, flags.format === "json")}\n`);
      process.exitCode = exitCodeOf(error);
    } finally {
      session?.close();
    }
  };
}

/** Collects a repeatable option. */
export function many(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

export function listFlags(command: Command): Command {
  return command
    .option("-f, --filter <key=value>", "only what matches (repeatable)", many)
    .option("-q, --quiet", "only ids");
}
