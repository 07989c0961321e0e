/** Runs a command beside a process: with its environment, in its folder, and for so long only. */
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Env } from "../../../util/env.ts";
import { cancelled } from "../../../util/errors.ts";
import type { ProbeLimits, ProbeOutcome } from "../executor.ts";
import { isShortage } from "../../../util/file-problem.ts";
import { cannotProbe, failed, oneLine } from "../net-probe.ts";
import { sendSignal } from "./proc.ts";
import { closedStdio } from "./stdio.ts";

/** What is kept of its output; the rest is read and dropped, so that it never waits for us. */
export const OUTPUT_BYTES_MAX = 4096;

export type CommandTarget = { readonly env: Record<string, string>; readonly dir: string };

/**
 * @throws cancelled when the signal aborts; the command is killed then, as it is when its time is over
 * @throws unavailable when this machine has nothing to run it with
 */
export async function probeCommand(
  env: Env,
  [file = "", ...args]: readonly string[],
  { target, limits }: { readonly target: CommandTarget; readonly limits: ProbeLimits },
): Promise<ProbeOutcome> {
  const { timeoutMs, signal } = limits;
  if (signal.aborted) throw cancelled("The probe");
  // Its own group, so that one that hangs is killed with everything it started.
  const child = spawn(file, args, {
    cwd: target.dir,
    env: target.env,
    stdio: ["ignore", "pipe", "pipe", ...closedStdio().slice(3)],
    detached: true,
  });
  const output = new Output(child.stdout, child.stderr);
  const kill = (): void => {
    if (child.pid !== undefined) sendSignal(-child.pid, 9);
  };
  return await new Promise((resolve, reject) => {
    const settle = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", onAbort);
      output.close();
    };
    const end = (outcome: ProbeOutcome): void => {
      settle();
      resolve(outcome);
    };
    const onAbort = (): void => {
      kill();
      settle();
      reject(cancelled("The probe"));
    };
    const timer = env.setTimer(timeoutMs, () => {
      kill();
      end(failed(`${file}: no end within ${timeoutMs} ms`));
    });
    signal.addEventListener("abort", onAbort, { once: true });
    child.once("error", (error) => {
      if (!isShortage(error)) return end(failed(`${file} cannot be run: ${error.message}`));
      settle();
      reject(cannotProbe(file, error));
    });
    // Not "close": what it left running may hold its output open.
    child.once("exit", (code, killedBy) => {
      if (code === 0) return end({ isOk: true, message: oneLine(output.text) });
      const how = code === null ? `was killed by ${killedBy ?? "a signal"}` : `exited with code ${code}`;
      env.defer(() => end(failed(`${file} ${how}${output.text === "" ? "" : `: ${output.text}`}`)));
    });
  });
}

class Output {
  readonly #streams: readonly (Readable | null)[];
  readonly #parts: Buffer[] = [];
  #bytes = 0;

  constructor(...streams: readonly (Readable | null)[]) {
    this.#streams = streams;
    for (const stream of streams) {
      stream?.on("error", () => undefined);
      stream?.on("data", (chunk: Buffer) => this.#take(chunk));
    }
  }

  get text(): string {
    return Buffer.concat(this.#parts).toString("utf8").trim();
  }

  close(): void {
    for (const stream of this.#streams) stream?.destroy();
  }

  #take(chunk: Buffer): void {
    const room = OUTPUT_BYTES_MAX - this.#bytes;
    if (room <= 0) return;
    this.#parts.push(Buffer.from(chunk.subarray(0, room)));
    this.#bytes += Math.min(room, chunk.length);
  }
}
