/** `shoal service logs`: merged lines of every task, with reconnects while following. */
import type { Command } from "commander";
import type { LogsMessage } from "../proto/gen/LogsMessage.ts";
import type { StreamEnd } from "../proto/rpc.ts";
import { AppError } from "../util/errors.ts";
import { sleep } from "../util/env.ts";
import { realEnv } from "../util/real-env.ts";
import { parseDurationMs } from "../util/units.ts";
import type { Session } from "./command.ts";
import { isWorthRetrying } from "./retry.ts";
import { LogCursor } from "./log-cursor.ts";
import type { Output } from "./output.ts";
import { shortId } from "./render.ts";
import { count } from "./value-syntax.ts";

export type LogFlags = {
  readonly follow?: boolean;
  readonly tail?: string;
  readonly since?: string;
  readonly timestamps?: boolean;
  readonly raw?: boolean;
};

const RECONNECT_MS = 300;

export function addLogFlags(command: Command): Command {
  return command
    .option("-f, --follow", "go on as new lines come, also across replacements")
    .option("-n, --tail <lines>", "last lines of each task, or all")
    .option("--since <when>", "only newer: a duration (10m), a date, or Unix seconds")
    .option("-t, --timestamps", "show when")
    .option("--raw", "no task names");
}

export async function showLogs(session: Session, flags: LogFlags, targets: readonly string[]): Promise<void> {
  const { client, out } = session;
  const startedMs = realEnv.wallNow();
  const sinceMs = flags.since === undefined ? 0 : parseSince(flags.since, startedMs);
  const tail = flags.tail === undefined || flags.tail === "all" ? undefined : count(flags.tail, "--tail");
  const follow = flags.follow === true;
  // With --tail older lines are not wanted, whichever manager is asked for the rest.
  const printer = new Printer(out, flags, new LogCursor(tail === undefined ? sinceMs : startedMs));
  let options: { follow: boolean; sinceMs: number; tail?: number } = {
    follow,
    sinceMs,
    ...(tail === undefined ? {} : { tail }),
  };
  let troubleSince: number | null = null;
  for (;;) {
    const before = printer.messages;
    const end = await new Promise<StreamEnd>((resolve) => {
      client.stream(
        "Logs.Stream",
        { targets: [...targets], options },
        { onMessage: (message) => printer.print(message), onClose: resolve },
      );
    });
    printer.breakLine();
    if (end.error === null) break;
    const now = realEnv.now();
    troubleSince = printer.messages > before ? now : (troubleSince ?? now);
    const isOver = now - troubleSince >= session.timeoutMs;
    if (isOver || !isWorthRetrying(end.error, true) || (!follow && printer.messages > 0)) throw end.error;
    client.next();
    if (printer.messages > 0) options = { follow, sinceMs: printer.resume() };
    await sleep(realEnv, RECONNECT_MS);
  }
  if (printer.incomplete.length > 0) {
    throw new AppError("unavailable", `Incomplete: ${printer.incomplete.join("; ")}`, { next: "shoal node ls" });
  }
}

/** @returns Unix ms. */
export function parseSince(text: string, nowMs: number, flag = "--since"): number {
  if (/^\d{9,}(?:\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  const date = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? nowMs - parseDurationMs(text, flag) : date;
}

/** Writes bytes as they came: a task's output need not be text, and a piece may end inside a letter. */
export class Printer {
  readonly #out: Output;
  readonly #flags: LogFlags;
  readonly #cursor: LogCursor;
  readonly #names = new Map<string, string>();
  readonly #silent = new Set<string>();
  /** The task whose line has no end yet: its next piece goes on behind it. */
  #open: { readonly taskId: string; readonly isErr: boolean } | null = null;
  #incomplete = new Map<string, string>();
  messages = 0;

  constructor(out: Output, flags: LogFlags, cursor: LogCursor) {
    this.#out = out;
    this.#flags = flags;
    this.#cursor = cursor;
  }

  /** Sources that could not be read to their end, and why. */
  get incomplete(): string[] {
    return [...this.#incomplete].map(([taskId, error]) => `${this.#name(taskId)}: ${error}`);
  }

  /** Another stream goes on. @returns Unix ms to ask from. */
  resume(): number {
    this.#incomplete = new Map();
    return this.#cursor.resume(this.#silent.size);
  }

  print({ begin, end, line }: LogsMessage): void {
    this.messages += 1;
    if (begin) {
      if (!this.#names.has(begin.taskId)) this.#silent.add(begin.taskId);
      this.#names.set(begin.taskId, `${begin.name}.${shortId(begin.taskId)}@${begin.nodeName}`);
    }
    if (end && end.error !== "") this.#incomplete.set(end.taskId, end.error);
    if (!line || !this.#cursor.accept(line)) return;
    this.#silent.delete(line.taskId);
    if (this.#out.isJson) this.#json(line);
    else this.#text(line);
  }

  /** Ends a line that will get no more pieces. */
  breakLine(): void {
    if (this.#open !== null) this.#screen(this.#open.isErr).write("\n");
    this.#open = null;
  }

  #json(line: NonNullable<LogsMessage["line"]>): void {
    this.#out.json({
      taskId: line.taskId,
      nodeId: line.nodeId,
      name: this.#name(line.taskId),
      stream: line.stream.toLowerCase(),
      time: timeOf(line.timeUs),
      text: Buffer.from(line.data).toString("utf8"),
      ...(line.partial ? { partial: true } : {}),
    });
  }

  #text(line: NonNullable<LogsMessage["line"]>): void {
    const isErr = line.stream === "STDERR";
    const goesOn = this.#open?.taskId === line.taskId && this.#open.isErr === isErr;
    if (!goesOn) this.breakLine();
    const stamp = this.#flags.timestamps === true ? `${timeOf(line.timeUs)} ` : "";
    const prefix = this.#flags.raw === true ? "" : `${this.#name(line.taskId)} | `;
    const head = goesOn ? "" : prefix + stamp;
    const tail = line.partial ? "" : "\n";
    this.#screen(isErr).write(Buffer.concat([Buffer.from(head), Buffer.from(line.data), Buffer.from(tail)]));
    this.#open = line.partial ? { taskId: line.taskId, isErr } : null;
  }

  #screen(isErr: boolean): Output["out"] {
    return isErr ? this.#out.err : this.#out.out;
  }

  #name(taskId: string): string {
    return this.#names.get(taskId) ?? shortId(taskId);
  }
}

function timeOf(timeUs: number): string {
  return new Date(timeUs / 1000).toISOString();
}
