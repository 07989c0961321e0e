/** The question before something that cannot be taken back. */
import { createInterface } from "node:readline/promises";
import { EXIT } from "./exit.ts";
import type { Output } from "./output.ts";

/**
 * Asks on a terminal. Without one nothing is assumed: it says how to go on, and the command ends with
 * "there are changes and none was made".
 */
export async function confirm(
  out: Output,
  { question, yes }: { readonly question: string; readonly yes: boolean },
): Promise<boolean> {
  if (yes) return true;
  const canAsk = process.stdin.isTTY && out.err.isTTY === true && !out.isJson;
  if (canAsk && (await ask(question))) return true;
  process.exitCode = EXIT.changes;
  out.note(
    canAsk
      ? "Nothing was changed."
      : "Nothing was changed: there is no terminal to ask at. To go on: the same with --yes",
  );
  return false;
}

async function ask(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${question} [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
