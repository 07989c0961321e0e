// Child processes for scripts and tests: every one has a deadline, and a failure says what was run and what it said.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { get } from "node:http";

import { endWhenInterrupted, isTooLate } from "./interruption.ts";

export type RunOptions = {
  readonly timeoutMs?: number;
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
};

export type RunResult = { readonly code: number; readonly stdout: string; readonly stderr: string };

const RUN_DEADLINE_MS = 30_000;
/** Code of a run that was stopped at its deadline, as timeout(1) has it. */
export const CODE_TIMED_OUT = 124;
/** Of one that was not started because the script itself is to end, as a shell has it after SIGINT. */
const CODE_INTERRUPTED = 130;

/** Runs a program to its end. Never rejects: a program that is missing or too slow is a code other than 0. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [file = "", ...args] = command;
  const timeoutMs = options.timeoutMs ?? RUN_DEADLINE_MS;
  if (isTooLate()) return { code: CODE_INTERRUPTED, stdout: "", stderr: "interrupted before it was started" };
  return await new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ["pipe", "pipe", "pipe"],
    });
    endWhenInterrupted(child);
    let stdout = "";
    let stderr = "";
    let timedOut = false;
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.on("error", () => {}); // A program that does not read its input closes the pipe: no failure by itself.
    child.stdin.end(options.input ?? "");
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
    }, timeoutMs);
    const end = (code: number, extra = ""): void => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr: stderr + extra });
    };
    child.on("error", (error) => end(127, error.message));
    child.on("close", (code, signal) => {
      if (timedOut) end(CODE_TIMED_OUT, `stopped after ${timeoutMs} ms`);
      else end(code ?? 128, signal === null ? "" : `ended by ${signal}`);
    });
  });
}

/** Like `run`, but anything other than code 0 is an error with the program's own words in it. Returns stdout, trimmed. */
export async function runOk(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, options);
  if (code !== 0) {
    throw new Error(`${command.join(" ")} ended with ${code}: ${(stderr.trim() || stdout.trim()).slice(-2000)}`);
  }
  return stdout.trim();
}

/** Thrown by a check of `waitFor`: waiting longer cannot help. */
export class Hopeless extends Error {}

/** Resolves when `check` gives something other than undefined; rejects, with the last reason, at the deadline. */
export async function waitFor<T>(
  what: string,
  timeoutMs: number,
  check: () => Promise<T | undefined> | T | undefined,
  everyMs = 100,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  let last = "";
  for (;;) {
    try {
      const value = await check();
      if (value !== undefined) return value;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      last = `: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (performance.now() >= end) throw new Error(`${what}: not within ${timeoutMs} ms${last}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/**
 * A page, within a time. Not by fetch: in Node 20 a connection that is accepted and closed at once can leave its promise
 * open for ever, and with only an unreferenced timeout behind it the process ends in the middle (code 13).
 */
export async function httpGet(
  url: string,
  timeoutMs: number,
): Promise<{ readonly status: number; readonly text: string }> {
  return await new Promise((resolve, reject) => {
    // `agent: false`: a connection of its own, so that no kept one of a dead server is used again.
    const request = get(url, { agent: false }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => end(() => resolve({ status: response.statusCode ?? 0, text })));
      response.on("error", (error) => end(() => reject(error)));
      response.on("aborted", () => end(() => reject(new Error(`${url} closed in the middle of its answer`))));
    });
    const timer = setTimeout(
      () => request.destroy(new Error(`${url} did not answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      settle();
    };
    request.on("error", (error) => end(() => reject(error)));
  });
}

/** Ends a child and resolves when it is gone: `signal` first, SIGKILL after `graceMs`. */
export async function stopChild(
  child: ChildProcess,
  graceMs: number,
  signal: NodeJS.Signals = "SIGTERM",
): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
    child.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill(signal);
  });
}
