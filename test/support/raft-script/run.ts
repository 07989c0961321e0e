/**
 * Runs a Raft script. Assertions decide first; only where all hold are the golden traces compared,
 * so a broken rule is told as the fact it breaks.
 */
import { Args } from "./args.ts";
import { clientCommands } from "./commands/clients.ts";
import type { Commands } from "./commands/command.ts";
import { diskCommands } from "./commands/disk.ts";
import { memberCommands } from "./commands/members.ts";
import { networkCommands } from "./commands/network.ts";
import { timeCommands } from "./commands/time.ts";
import { answerExpectations } from "./expect/answers.ts";
import type { Expectations } from "./expect/expectation.ts";
import { logExpectations } from "./expect/logs.ts";
import { memberExpectations } from "./expect/members.ts";
import { messageExpectations } from "./expect/messages.ts";
import { Violation } from "../raft-oracle/invariants.ts";
import { ScriptError } from "./parse.ts";
import type { Command, Script } from "./parse.ts";
import { World } from "./world.ts";

const COMMANDS: Commands = {
  ...memberCommands,
  ...timeCommands,
  ...networkCommands,
  ...diskCommands,
  ...clientCommands,
  /** `expect count` counts from here on. */
  mark: (world) => {
    world.sent.marked = [];
  },
};

const EXPECTATIONS: Expectations = {
  ...memberExpectations,
  ...logExpectations,
  ...messageExpectations,
  ...answerExpectations,
};

const EXPECT = "expect";

export type ScriptRun = {
  /** What each command that ran has left. */
  readonly traces: ReadonlyMap<Command, readonly string[]>;
  /** The first thing that is wrong beside traces; null if all assertions hold. */
  readonly failure: ScriptError | null;
};

export function runScript(script: Script): ScriptRun {
  const world = new World();
  const traces = new Map<Command, readonly string[]>();
  const commands = script.items.filter((item) => item.kind === "command");
  let last = 1;
  try {
    if (!commands.some(({ words }) => words[0] === EXPECT))
      throw new Error("A script without an assertion proves nothing");
    for (const command of commands) {
      last = command.line;
      try {
        runCommand(world, command);
      } finally {
        traces.set(command, world.trace.take());
      }
    }
    refuseCrash(world);
  } catch (error) {
    const failure = new ScriptError(script.file, last, whyOf(error));
    failure.cause = error;
    return { traces, failure };
  }
  return { traces, failure: null };
}

function whyOf(error: unknown): string {
  if (error instanceof Violation) return `${error.invariant}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

function runCommand(world: World, { words }: Command): void {
  const [first = "", second = ""] = words;
  const isExpectation = first === EXPECT;
  if (!isExpectation || second !== "crash") refuseCrash(world);
  if (!isExpectation) world.sent.last = [];
  const name = isExpectation ? second : first;
  const table = isExpectation ? EXPECTATIONS : COMMANDS;
  const run = Object.hasOwn(table, name) ? table[name] : undefined;
  if (run === undefined) {
    const known = Object.keys(table).toSorted().join(" ");
    throw new Error(`There is no ${isExpectation ? "expectation" : "command"} "${name}", but: ${known}`);
  }
  const args = new Args(words.slice(isExpectation ? 2 : 1));
  run(world, args);
  args.end();
}

function refuseCrash({ unexpectedCrash }: World): void {
  if (unexpectedCrash === null) return;
  const { id, crash } = unexpectedCrash;
  throw new Error(`Member ${id} has crashed, and no "expect crash ${id}" follows: ${crash}`);
}

/** @returns the first golden trace that differs, or null. */
export function traceDifference(script: Script, { traces }: ScriptRun): ScriptError | null {
  for (const [command, actual] of traces) {
    const at = actual.findIndex((line, i) => line !== command.trace[i]);
    const first = at === -1 ? actual.length : at;
    if (at === -1 && command.trace.length === actual.length) continue;
    const golden = command.trace[first] ?? "(nothing)";
    const found = actual[first] ?? "(nothing)";
    const line = command.line + 1 + first;
    return new ScriptError(script.file, line, `The trace of "${command.text}" differs\n- ${golden}\n+ ${found}`);
  }
  return null;
}
