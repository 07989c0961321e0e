/** Runs a command inside a container and says how it ended. */
import type { IncomingMessage } from "node:http";
import { sleep, withDeadline, type Env } from "../../../util/env.ts";
import { isAppError } from "../../../util/errors.ts";
import type { ProbeLimits, ProbeOutcome } from "../executor.ts";
import { failed, oneLine } from "../net-probe.ts";
import type { EngineClient } from "./engine-client.ts";

/** What is kept of its output; the rest is read and dropped. */
const OUTPUT_BYTES_MAX = 4096;
/** Its output may end before it does. */
const END_POLL_MS = 50;

type Exec = { readonly isRunning: boolean; readonly exitCode: number | null };

export class ExecProber {
  readonly #env: Env;
  readonly #client: EngineClient;
  /**
   * Execs that did not end in time, by container and command. No engine ends them, so none is started beside one: what
   * hangs would otherwise gather with every probe.
   */
  readonly #stuck = new Map<string, string>();

  constructor(env: Env, client: EngineClient) {
    this.#env = env;
    this.#client = client;
  }

  /** @throws unavailable, cancelled */
  async probe(containerId: string, command: readonly string[], limits: ProbeLimits): Promise<ProbeOutcome> {
    const { timeoutMs, signal } = limits;
    const [file = ""] = command;
    const key = [containerId, ...command].join("\0");
    const before = this.#stuck.get(key);
    if (before !== undefined && (await this.#inspect(before, signal)).isRunning) {
      return failed(`${file}: the one before has not ended yet`);
    }
    this.#stuck.delete(key);
    const id = await this.#create(containerId, command, signal);
    const response = await this.#client.open(
      { what: "Starting the command of a check", signal },
      { method: "POST", path: `/exec/${id}/start`, query: {}, body: { Detach: false, Tty: false } },
    );
    const output = new ExecOutput(response);
    try {
      const exitCode = await withDeadline(this.#env, { ms: timeoutMs, what: file, parent: signal }, (inner) =>
        this.#end(id, output, inner),
      );
      const text = output.text();
      if (exitCode === 0) return { isOk: true, message: oneLine(text) };
      return failed(`${file} exited with code ${exitCode ?? "unknown"}${text === "" ? "" : `: ${text}`}`);
    } catch (error) {
      if (!isAppError(error, "deadline")) throw error;
      // Only an engine that answers can say that it was the command that took so long.
      if ((await this.#inspect(id, signal)).isRunning) this.#stuck.set(key, id);
      return failed(`${file}: no end within ${timeoutMs} ms`);
    } finally {
      response.destroy();
    }
  }

  /** The container is gone, and what ran in it. */
  forget(containerId: string): void {
    for (const key of this.#stuck.keys()) if (key.startsWith(`${containerId}\0`)) this.#stuck.delete(key);
  }

  async #create(containerId: string, command: readonly string[], signal: AbortSignal): Promise<string> {
    const exec = await this.#client.call({ what: "Creating the command of a check", signal }, (docker, abortSignal) =>
      docker
        .getContainer(containerId)
        .exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, Tty: false, abortSignal }),
    );
    return exec.id;
  }

  async #end(id: string, output: ExecOutput, signal: AbortSignal): Promise<number | null> {
    await output.ended;
    for (;;) {
      const { isRunning, exitCode } = await this.#inspect(id, signal);
      if (!isRunning) return exitCode;
      await sleep(this.#env, END_POLL_MS, signal);
    }
  }

  async #inspect(id: string, signal: AbortSignal): Promise<Exec> {
    try {
      return parseExec(await this.#client.get({ what: "Asking for the end of a check", signal }, `/exec/${id}/json`));
    } catch (error) {
      // The engine keeps an exec while its container runs.
      if (isAppError(error, "not-found")) return { isRunning: false, exitCode: null };
      throw error;
    }
  }
}

function parseExec(answer: unknown): Exec {
  const fields = new Map<string, unknown>(typeof answer === "object" && answer !== null ? Object.entries(answer) : []);
  const code = fields.get("ExitCode");
  return { isRunning: fields.get("Running") === true, exitCode: typeof code === "number" ? code : null };
}

/** Frames of [stream, 0, 0, 0, length (big-endian)] and text; what is kept of them is bounded. */
class ExecOutput {
  readonly ended: Promise<void>;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(response: IncomingMessage) {
    this.ended = new Promise((resolve) => response.once("close", resolve));
    response.on("data", (chunk: Buffer) => {
      const room = OUTPUT_BYTES_MAX - this.#bytes;
      if (room <= 0) return;
      this.#chunks.push(Buffer.from(chunk.subarray(0, room)));
      this.#bytes += Math.min(room, chunk.length);
    });
  }

  text(): string {
    return unframed(Buffer.concat(this.#chunks)).trim();
  }
}

/** Exported for its test. */
export function unframed(bytes: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    const length = bytes.readUInt32BE(at + 4);
    parts.push(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(parts).toString("utf8");
}
