/** `shoal service logs`: merged lines of every task, with reconnects while following. */
import type { LogsMessage } from "../proto/gen/LogsMessage.ts";
import type { StreamEnd } from "../proto/rpc.ts";
import { AppError } from "../util/errors.ts";
import { sleep } from "../util/env.ts";
import { realEnv } from "../util/real-env.ts";
import { parseDurationMs } from "../util/units.ts";
import type { Session } from "./command.ts";
import { integer } from "./spec-flags.ts";
import { shortId } from "./render.ts";

export type LogFlags = {
  readonly follow?: boolean;
  readonly tail?: string;
  readonly since?: string;
  readonly timestamps?: boolean;
  readonly raw?: boolean;
};

const RECONNECT_MS = 300;

export async function showLogs(session: Session, flags: LogFlags, targets: readonly string[]): Promise<void> {
  const printer = new Printer(session, flags);
  let sinceMs = flags.since === undefined ? 0 : parseSince(flags.since);
  let tail = flags.tail === undefined || flags.tail === "all" ? undefined : integer(flags.tail, "--tail");
  for (;;) {
    const options = { follow: flags.follow === true, sinceMs, ...(tail === undefined ? {} : { tail }) };
    const end = await new Promise<StreamEnd>((resolve) => {
      session.client.stream(
        "Logs.Stream",
        { targets: [...targets], options },
        { onMessage: (message) => printer.print(message), onClose: resolve },
      );
    });
    if (end.error === null) break;
    if (flags.follow !== true || !session.client.failed(end)) throw end.error;
    // Another manager goes on after the last line shown; lines of that very microsecond may be repeated.
    sinceMs = Math.max(sinceMs, Math.floor(printer.lastTimeUs / 1000));
    tail = undefined;
    await sleep(realEnv, RECONNECT_MS);
  }
  if (printer.incomplete.length > 0) {
    throw new AppError("unavailable", `Incomplete: ${printer.incomplete.join("; ")}`, { next: "shoal node ls" });
  }
}

export function parseSince(text: string): number {
  const date = Date.parse(text);
  if (!Number.isNaN(date) && /\d{4}-/.test(text)) return date;
  return realEnv.wallNow() - parseDurationMs(text, "--since");
}

class Printer {
  readonly #session: Session;
  readonly #flags: LogFlags;
  readonly #names = new Map<string, string>();
  readonly incomplete: string[] = [];
  lastTimeUs = 0;

  constructor(session: Session, flags: LogFlags) {
    this.#session = session;
    this.#flags = flags;
  }

  print(message: LogsMessage): void {
    const { begin, end, line } = message;
    if (begin) this.#names.set(begin.taskId, `${begin.name}.${shortId(begin.taskId)}@${begin.nodeName}`);
    if (end && end.error !== "") this.incomplete.push(`${this.#names.get(end.taskId) ?? end.taskId}: ${end.error}`);
    if (!line) return;
    this.lastTimeUs = Math.max(this.lastTimeUs, line.timeUs);
    const text = Buffer.from(line.data).toString("utf8");
    const time = new Date(line.timeUs / 1000).toISOString();
    const { out } = this.#session;
    if (out.isJson)
      out.json({ taskId: line.taskId, nodeId: line.nodeId, stream: line.stream.toLowerCase(), time, text });
    else {
      const prefix = this.#flags.raw === true ? "" : `${this.#names.get(line.taskId) ?? line.taskId} | `;
      const stamp = this.#flags.timestamps === true ? `${time} ` : "";
      (line.stream === "STDERR" ? process.stderr : process.stdout).write(`${prefix}${stamp}${text}\n`);
    }
  }
}
