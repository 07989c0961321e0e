/**
 * How a script and its traces write entries, memberships and messages; every word can be read back.
 *
 * ```
 * 3/2           entry 3 of term 2          3/2:x      with its payload        3/2:x~500  padded to 500 bytes
 * 2/2:noop      a leader's no-op           4/2:{1,2,(3)}  a membership: voters 1 and 2, learner 3
 * 5..9/2        five entries of one term   1->2       the link from 1 to 2
 * ```
 */
import { decodeConfig, encodeConfig, makeConfig } from "../../../src/raft/config.ts";
import type { Config, Entry, Member, MemberId, Message } from "../../../src/raft/types.ts";

/** Longer runs of like entries are written as one word. */
const RUN_MIN = 5;

/** Ids of read questions begin at a random multiple of this (read-only.ts): a trace shows the rest. */
const READ_IDS = 1024;

export function memberAt(id: MemberId, role: Member["role"], address = `${id}:1`): Member {
  return { id, address, role };
}

export function configWord({ members }: Config): string {
  const words = members.map(({ id, address, role }) => {
    const where = address === `${id}:1` ? "" : `@${address}`;
    return role === "voter" ? `${id}${where}` : `(${id}${where})`;
  });
  return `{${words.join(",")}}`;
}

export function readConfig(word: string): Config {
  const inner = /^\{(.*)\}$/.exec(word)?.[1];
  if (inner === undefined) throw new Error(`A membership is written {1,2,(3)}, not ${word}`);
  return makeConfig(
    inner
      .split(",")
      .filter(Boolean)
      .map((text) => {
        const [, open, id = "", , address] = /^(\(?)([^()@]+)(@([^()]+))?\)?$/.exec(text) ?? [];
        return memberAt(id, open === "(" ? "learner" : "voter", address);
      }),
  );
}

export function payloadOf(word: string): Uint8Array {
  const [text = "", padded] = word.split("~");
  const bytes = new TextEncoder().encode(text);
  if (padded === undefined) return bytes;
  const payload = new Uint8Array(Number(padded));
  payload.set(bytes);
  return payload;
}

export function payloadWord(payload: Uint8Array): string {
  const end = payload.indexOf(0);
  const text = new TextDecoder().decode(end === -1 ? payload : payload.subarray(0, end));
  return end === -1 ? text : `${text}~${payload.byteLength}`;
}

function contentWord({ kind, payload }: Entry): string {
  if (kind === "noop") return ":noop";
  if (kind === "config") return `:${configWord(decodeConfig(payload))}`;
  return payload.byteLength === 0 ? "" : `:${payloadWord(payload)}`;
}

/** Joined by commas; `-` for none. */
export function entriesWord(entries: readonly Entry[]): string {
  const words: string[] = [];
  for (let at = 0; at < entries.length;) {
    const first = entries[at];
    if (first === undefined) break;
    const tail = `/${first.term}${contentWord(first)}`;
    let end = at;
    for (let next = entries[end]; next !== undefined; next = entries[++end]) {
      if (next.kind !== "normal" || `/${next.term}${contentWord(next)}` !== tail) break;
    }
    const count = end - at >= RUN_MIN ? end - at : 1;
    words.push(count > 1 ? `${first.index}..${first.index + count - 1}${tail}` : `${first.index}${tail}`);
    at += count;
  }
  return words.length > 0 ? words.join(",") : "-";
}

/** Commas inside a membership belong to it. */
export function readEntries(word: string): Entry[] {
  if (word === "-") return [];
  return (word.match(/(?:\{[^}]*\}|[^,])+/g) ?? []).flatMap(readEntry);
}

function readEntry(word: string): Entry[] {
  const [, from, , to, term, , content = ""] = /^(\d+)(\.\.(\d+))?\/(\d+)(:(.+))?$/.exec(word) ?? [];
  if (from === undefined) throw new Error(`An entry is written index/term, 3/2 or 3..9/2 or 3/2:x, not ${word}`);
  const entries: Entry[] = [];
  for (let index = Number(from); index <= Number(to ?? from); index++) {
    entries.push({ index, term: Number(term), ...readContent(content) });
  }
  return entries;
}

function readContent(content: string): Pick<Entry, "kind" | "payload"> {
  if (content === "noop") return { kind: "noop", payload: new Uint8Array(0) };
  if (content.startsWith("{")) return { kind: "config", payload: encodeConfig(readConfig(content)) };
  return { kind: "normal", payload: payloadOf(content) };
}

/** Link, type, then the fields in a fixed order: what a trace shows, and what a pattern may ask for. */
export function messageWords(message: Message): readonly string[] {
  return [`${message.from}->${message.to}`, message.type, `term=${message.term}`, ...fieldWords(message)];
}

function fieldWords(message: Message): string[] {
  switch (message.type) {
    case "pre-vote":
      return [`last=${message.lastIndex}/${message.lastTerm}`];
    case "vote":
      return [`last=${message.lastIndex}/${message.lastTerm}`, ...(message.transfer ? ["transfer"] : [])];
    case "pre-vote-reply":
    case "vote-reply":
      return [message.granted ? "granted" : "refused"];
    case "append": {
      const { prevIndex, prevTerm, entries, commit } = message;
      return [`prev=${prevIndex}/${prevTerm}`, `entries=${entriesWord(entries)}`, `commit=${commit}`];
    }
    case "append-reply": {
      const { ok, index, hintIndex, hintTerm } = message;
      return ok ? ["ok", `index=${index}`] : ["rejected", `index=${index}`, `hint=${hintIndex}/${hintTerm}`];
    }
    case "heartbeat":
      return [`commit=${message.commit}`, `read=${message.readSeq}`];
    case "heartbeat-reply":
      return [`read=${message.readSeq}`];
    case "commit":
      return [`commit=${message.commit}`];
    case "snapshot":
      return [`at=${message.meta.index}/${message.meta.term}`, `config=${configWord(message.meta.config)}`];
    case "snapshot-reply":
      return [message.ok ? "ok" : "failed", `index=${message.index}`];
    case "read-index":
      return [`question=${message.requestId % READ_IDS}`];
    case "read-index-reply":
      return [
        `question=${message.requestId % READ_IDS}`,
        ...(message.ok ? ["ok", `index=${message.index}`] : ["refused"]),
      ];
    case "timeout-now":
    case "removed":
      return [];
  }
}

export function messageLine(message: Message): string {
  return messageWords(message).join(" ");
}

/**
 * Whether a message has everything that a pattern asks for: a link (`1->2`, `1->*`, `*->2`), a type,
 * fields as the trace shows them, in any order. An empty pattern fits all.
 */
export function matches(message: Message, pattern: readonly string[]): boolean {
  const words = messageWords(message);
  return pattern.every((word) => {
    const link = /^(.+)->(.+)$/.exec(word);
    if (link === null) return words.includes(word);
    return [link[1], message.from].includes("*") || link[1] === message.from
      ? link[2] === "*" || link[2] === message.to
      : false;
  });
}
