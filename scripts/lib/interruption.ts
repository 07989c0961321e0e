// What a run of a script does when it is interrupted (SIGINT, SIGTERM): programs it waits for are ended first, for they
// may be making something; then everything it made is removed, newest first; then it ends by the signal's code. Whoever
// makes what outlives the process (clusters, hosts, mounts, folders) says here how it is removed.
import { AsyncLocalStorage } from "node:async_hooks";
import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";

export type Cleanup = () => Promise<void>;

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
/** A terminal, npm and mocha each pass on one Ctrl-C: what comes so soon is no second one. */
const SAME_MS = 1_000;
/** Clusters have deadlines of their own, this is for all of them. */
const CLEANUP_MS_MAX = 180_000;
const PROGRAM_END_MS_MAX = 60_000;

const cleanups = new Set<Cleanup>();
const programs = new Set<ChildProcess>();
/** Set for what a cleanup itself does. */
const cleaning = new AsyncLocalStorage<true>();
let isInterrupted = false;

/** @returns what runs `work` once, whoever asks first: the owner, or an interruption. Who asks later waits for its end. */
export function cleanupOnce(work: () => Promise<void> | void): Cleanup {
  let ending: Promise<void> | undefined;
  const cleanup = async (): Promise<void> => {
    ending ??= cleaning.run(true, async () => await work()).finally(() => cleanups.delete(cleanup));
    await ending;
  };
  cleanups.add(cleanup);
  return cleanup;
}

/** Whether whoever asks goes on although its run was interrupted: what it starts now, nobody would remove. */
export function isTooLate(): boolean {
  return isInterrupted && cleaning.getStore() === undefined;
}

/** An interruption ends this program, and waits for that, before it removes anything. */
export function endWhenInterrupted(program: ChildProcess): void {
  if (cleaning.getStore() !== undefined) return;
  if (isInterrupted) program.kill("SIGKILL");
  programs.add(program);
  program.once("close", () => programs.delete(program));
  program.once("error", () => programs.delete(program));
}

/** Call once, first thing in a process that makes such things. A second signal ends it at once. */
export function cleanUpWhenInterrupted(): void {
  let firstAt = 0;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      const code = 128 + constants.signals[signal];
      if (!isInterrupted) {
        isInterrupted = true;
        firstAt = performance.now();
        void cleanUp(signal).finally(() => process.exit(code));
      } else if (performance.now() - firstAt > SAME_MS) process.exit(code);
    });
  }
}

async function cleanUp(signal: NodeJS.Signals): Promise<void> {
  if (cleanups.size > 0) say(`${signal}: removing what this run made; once more ends it at once and leaves that`);
  const deadline = sleep(CLEANUP_MS_MAX).then(() => say(`not all was removed within ${CLEANUP_MS_MAX / 1_000} s`));
  await Promise.race([deadline, cleaning.run(true, removeAll)]);
}

async function removeAll(): Promise<void> {
  const ends = [...programs].map(async (program) => {
    const ended = new Promise((resolve) => program.once("close", resolve));
    program.kill("SIGTERM");
    await ended;
  });
  await Promise.race([Promise.all(ends), sleep(PROGRAM_END_MS_MAX)]);
  for (let last = newest(); last !== undefined; last = newest()) {
    await last().catch((error: unknown) => say(`not removed: ${String(error)}`));
  }
}

function newest(): Cleanup | undefined {
  return [...cleanups].at(-1);
}

function say(text: string): void {
  process.stderr.write(`-- ${text}\n`);
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
