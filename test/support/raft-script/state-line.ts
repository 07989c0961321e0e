/** What a member shows of itself, as `name=value` words, and what of it a step has changed. */
import type { Status } from "../../../src/raft/types.ts";
import { configWord } from "./words.ts";

export type View = ReadonlyMap<string, string>;

export function viewOf(status: Status): View {
  const { role, term, leader, lastIndex, commit, config, ready, transferTarget, peers } = status;
  return new Map([
    ["role", role],
    ["term", `${term}`],
    ["leader", leader ?? "-"],
    ["last", `${lastIndex}`],
    ["commit", `${commit}`],
    ["config", configWord(config)],
    ["ready", ready ? "yes" : "no"],
    ["transfer", transferTarget ?? "-"],
    ...peers.map(({ id, match }): [string, string] => [`match.${id}`, `${match}`]),
  ]);
}

/** Only what differs; what is known of a peer begins at 0 and ends without a word. */
export function changesOf(before: View, after: View): string {
  const words: string[] = [];
  for (const [name, value] of after) {
    const was = before.get(name) ?? (name.startsWith("match.") ? "0" : "");
    if (was !== value) words.push(`${name}=${value}`);
  }
  return words.join(" ");
}
