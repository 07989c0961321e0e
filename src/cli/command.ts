/**
 * What every command has: global flags, a client when it asks for one, output, and one way to fail.
 * Nothing of gRPC is loaded until a command with right words runs, so that help and refusals are quick.
 */
import { Command } from "commander";
import type { Client, ConnectOptions } from "./connect.ts";
import { AppError } from "../util/errors.ts";
import { parseDurationMs } from "../util/units.ts";
import { exitCodeOf, renderError, usage, worstExit } from "./exit.ts";
import { Output } from "./output.ts";

export type GlobalFlags = {
  readonly host?: string;
  readonly context?: string;
  readonly format?: string;
  readonly timeout?: string;
  readonly quiet?: boolean;
  /** Of reads only. */
  readonly stale?: boolean;
};

export const TIMEOUT = "30s";

/** The half of connect.ts that commands use. */
export type Connector = {
  connect(options: ConnectOptions): Client;
  connectLocal(options: ConnectOptions): Client;
};

export class Session {
  readonly out: Output;
  readonly timeoutMs: number;
  /** Of each object that failed in `each`. */
  readonly failures: number[] = [];
  readonly #flags: GlobalFlags;
  readonly #connector: Connector | null;
  #client: Client | null = null;

  constructor(flags: GlobalFlags, connector: Connector | null, out: Output) {
    this.#flags = flags;
    this.#connector = connector;
    this.out = out;
    this.timeoutMs = parseDurationMs(flags.timeout ?? TIMEOUT, "--timeout");
    if (this.timeoutMs === 0) throw usage("--timeout: 0 leaves no time", "write it like 10s");
  }

  /** A client of the cluster. */
  get client(): Client {
    this.#client ??= this.#connectorOrThrow().connect(this.#options());
    return this.#client;
  }

  /** A client of this machine's own daemon. */
  get local(): Client {
    this.#client ??= this.#connectorOrThrow().connectLocal(this.#options());
    return this.#client;
  }

  /** One after the other; one that fails is told and does not keep the others from their turn. */
  async each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    for (const item of items) {
      try {
        await work(item);
      } catch (error) {
        this.fail(error);
      }
    }
  }

  fail(error: unknown): void {
    const paint = this.out.painter(this.out.err);
    this.out.err.write(`${renderError(error, this.out.isJson, (text) => paint("red", text))}\n`);
    this.failures.push(exitCodeOf(error));
  }

  /** For the day the manager that answered now does not. */
  async learnManagers(): Promise<void> {
    await this.#client?.learnManagers();
  }

  close(): void {
    this.#client?.close();
  }

  #connectorOrThrow(): Connector {
    if (this.#connector === null) throw new AppError("internal", "This command has no connection");
    return this.#connector;
  }

  #options(): ConnectOptions {
    const { host, context, stale: isStale = false } = this.#flags;
    const { out } = this;
    const onWait = (why: string): void => out.note(`Waiting: ${why}`);
    return { host, context, timeoutMs: this.timeoutMs, isStale, ...(out.err.isTTY === true ? { onWait } : {}) };
  }
}

export type Handler<F> = (session: Session, flags: F, words: readonly string[]) => Promise<void>;

/** Runs a handler with a session, prints errors one way, sets the exit code. */
export function action<F>(handler: Handler<F>): (...args: unknown[]) => Promise<void> {
  return runner(handler, async () => await import("./connect.ts"));
}

/** For commands that need no cluster. */
export function offline<F>(handler: Handler<F>): (...args: unknown[]) => Promise<void> {
  return runner(handler, async () => await Promise.resolve(null));
}

function runner<F>(handler: Handler<F>, load: () => Promise<Connector | null>): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    const command = args.at(-1);
    if (!(command instanceof Command)) throw new Error("commander passes the command last");
    const flags = flagsOf<F>(command);
    let session: Session | null = null;
    try {
      const out = new Output({ format: formatOf(flags.format), isQuiet: flags.quiet === true });
      session = new Session(flags, await load(), out);
      await handler(session, flags, command.args);
      if (flags.stale === true) out.note("This is what one manager knows; it may lag behind.");
      await session.learnManagers();
      if (session.failures.length > 0) process.exitCode = worstExit(session.failures);
    } catch (error) {
      (session ?? fallback(flags)).fail(error);
      process.exitCode = exitCodeOf(error);
    } finally {
      session?.close();
    }
  };
}

function formatOf(text = "table"): "table" | "json" {
  if (text === "table" || text === "json") return text;
  throw usage(`--format: "${text}" is not table or json`, "use --format json, one object a line, and a tool like jq");
}

/** Flags that cannot make a session can still say what is wrong, in the form that was asked for. */
function fallback({ format }: GlobalFlags): Session {
  return new Session({}, null, new Output({ format: format === "json" ? "json" : "table" }));
}

/** Global flags may stand before and after the noun: the last one said is the innermost. */
function flagsOf<F>(command: Command): F & GlobalFlags {
  const all: Record<string, unknown> = {};
  for (let at: Command | null = command; at !== null; at = at.parent) {
    for (const [name, value] of Object.entries(at.opts())) if (!(name in all)) all[name] = value;
  }
  // commander does not type what it parsed; each command names its own flags.
  return all as F & GlobalFlags;
}

/** Collects a repeatable option. */
export function many(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** For commands that only read. */
export function staleFlag(command: Command): Command {
  return command.option("--stale", "what one manager knows, also without a quorum");
}

export function listFlags(command: Command): Command {
  return staleFlag(command)
    .option("-f, --filter <key=value>", "only what matches (repeatable)", many)
    .option("-q, --quiet", "only ids")
    .option("--no-trunc", "nothing is cut short");
}

export type ListFlags = { readonly filter?: readonly string[]; readonly trunc?: boolean };
