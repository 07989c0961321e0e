/** Reads a message in the words of words.ts: for what an honest member would never send, or sent long ago. */
import type { Message, MessageType } from "../../../src/raft/types.ts";
import { Args, toNumber } from "./args.ts";
import { readEntries } from "./words.ts";

type Body<T> = T extends unknown ? Omit<T, "from" | "to" | "term"> : never;

/** The kinds that scripts have needed; what is absent from a message is nought. */
const READERS: Partial<Record<MessageType, (args: Args) => Body<Message>>> = {
  append: (args) => {
    const [prevIndex, prevTerm] = position(args, "prev");
    const entries = readEntries(args.named("entries") ?? "-");
    return { type: "append", prevIndex, prevTerm, entries, commit: args.namedNumber("commit") ?? 0 };
  },
  "append-reply": (args) => {
    const [hintIndex, hintTerm] = position(args, "hint");
    const ok = args.flag("ok") || !args.flag("rejected");
    return { type: "append-reply", ok, index: args.namedNumber("index") ?? 0, hintIndex, hintTerm };
  },
  heartbeat: (args) => ({
    type: "heartbeat",
    commit: args.namedNumber("commit") ?? 0,
    readSeq: args.namedNumber("read") ?? 0,
  }),
  "heartbeat-reply": (args) => ({ type: "heartbeat-reply", readSeq: args.namedNumber("read") ?? 0 }),
  commit: (args) => ({ type: "commit", commit: args.namedNumber("commit") ?? 0 }),
  "pre-vote": (args) => {
    const [lastIndex, lastTerm] = position(args, "last");
    return { type: "pre-vote", lastIndex, lastTerm };
  },
  vote: (args) => {
    const [lastIndex, lastTerm] = position(args, "last");
    return { type: "vote", lastIndex, lastTerm, transfer: args.flag("transfer") };
  },
  "pre-vote-reply": (args) => ({ type: "pre-vote-reply", granted: isGranted(args) }),
  "vote-reply": (args) => ({ type: "vote-reply", granted: isGranted(args) }),
  "timeout-now": () => ({ type: "timeout-now" }),
};

export function readMessage(words: readonly string[]): Message {
  const args = new Args(words);
  const link = args.next("The link");
  const [, from, to] = /^(.+)->(.+)$/.exec(link) ?? [];
  if (from === undefined || to === undefined) throw new Error(`A link is written 1->2, not ${link}`);
  const type = args.next("The type");
  const read = Object.entries(READERS).find(([name]) => name === type)?.[1];
  if (read === undefined) throw new Error(`Messages of type ${type} cannot be made up`);
  const term = args.namedNumber("term");
  if (term === undefined) throw new Error("term= is missing");
  const message: Message = { from, to, term, ...read(args) };
  args.end();
  return message;
}

function isGranted(args: Args): boolean {
  const granted = args.flag("granted");
  if (granted === args.flag("refused")) throw new Error("A vote is granted or refused");
  return granted;
}

function position(args: Args, key: string): [index: number, term: number] {
  const [index = "", term = ""] = (args.named(key) ?? "0/0").split("/");
  return [toNumber(index, key), toNumber(term, key)];
}
