/**
 * The text of a Raft script. One line, one command; what is indented below a command is its golden
 * trace, and the only thing that rewriting ever touches.
 *
 * ```
 * # E2, R1: one sentence that says the fact.
 *
 * add-nodes 3
 * campaign 1
 *   1 state role=pre-candidate
 *   1->2 pre-vote term=2 last=1/1
 * expect role 1 pre-candidate
 * ```
 */

/** What is wrong with a script, or with what it found. The message begins with `file:line`. */
export class ScriptError extends Error {
  override readonly name = "ScriptError";

  constructor(file: string, line: number, why: string) {
    super(`${file}:${line}: ${why}`);
  }
}

export type Command = {
  readonly kind: "command";
  /** Counts from 1. */
  readonly line: number;
  readonly text: string;
  readonly words: readonly string[];
  /** Golden lines as they stand, without their indentation of two. */
  readonly trace: readonly string[];
};

/** A comment or an empty line. */
type Prose = { readonly kind: "prose"; readonly text: string };

export type Script = {
  readonly file: string;
  /** Ids such as E2, from the first line. */
  readonly scenarios: readonly string[];
  readonly fact: string;
  readonly items: readonly (Command | Prose)[];
};

const HEADER = /^# ([A-Z]\d+(?:, [A-Z]\d+)*): (\S.*)$/;
const INDENT = "  ";

export function parseScript(file: string, text: string): Script {
  const lines = text.replace(/\n+$/, "").split("\n");
  const header = HEADER.exec(lines[0] ?? "");
  if (header === null)
    throw new ScriptError(file, 1, 'A script begins with "# E1, R2: what it shows, in one sentence"');
  const items: (Command | Prose)[] = [];
  let trace: string[] | null = null;
  for (const [at, line] of lines.entries()) {
    if (line.startsWith(INDENT)) {
      if (trace === null) throw new ScriptError(file, at + 1, "A trace must follow its command");
      trace.push(line.slice(INDENT.length));
      continue;
    }
    if (line.startsWith(" "))
      throw new ScriptError(file, at + 1, "A trace is indented by two spaces, a command by none");
    if (line === "" || line.startsWith("#")) {
      trace = null;
      items.push({ kind: "prose", text: line });
      continue;
    }
    trace = [];
    items.push({ kind: "command", line: at + 1, text: line, words: line.split(/\s+/).filter(Boolean), trace });
  }
  return { file, scenarios: header[1]?.split(", ") ?? [], fact: header[2] ?? "", items };
}

/** The same script with other traces: everything that is not a trace stays byte for byte. */
export function renderScript(script: Script, traces: ReadonlyMap<Command, readonly string[]>): string {
  const lines: string[] = [];
  for (const item of script.items) {
    lines.push(item.text);
    if (item.kind === "command") lines.push(...(traces.get(item) ?? item.trace).map((line) => `${INDENT}${line}`));
  }
  return `${lines.join("\n")}\n`;
}
