/** Facts about logs, in memory and on disk, and about what was applied. */
import type { Entry } from "../../../../src/raft/types.ts";
import { nextNode, nodesOf } from "../commands/command.ts";
import { readEntries } from "../words.ts";
import { listOf, same } from "./expectation.ts";
import type { Expectations } from "./expectation.ts";

export const logExpectations: Expectations = {
  /** `expect log 2 = 1/1 2/2 3..9/3`: index and term of every entry that is not compacted. */
  log(world, args) {
    const nodes = nodesOf(world, args.next("The member"));
    const expected = listOf(args);
    for (const node of nodes) sameTerms(`the log of ${node.id}`, node.log, expected);
  },

  /** The same on disk, of a member that is down as well. */
  disk(world, args) {
    const node = nextNode(world, args);
    sameTerms(`the disk of ${node.id}`, node.disk.entries, listOf(args));
  },

  /** `expect hard-state 2 term=3 vote=1`: durable. */
  "hard-state"(world, args) {
    const { id, disk } = nextNode(world, args);
    const { term, vote } = disk.hardState;
    for (const word of args.rest()) {
      const [key = ""] = word.split("=");
      const actual = { term: `${term}`, vote: vote ?? "-" }[key];
      if (actual === undefined) throw new Error(`A hard state has term and vote, not ${key}`);
      same(`on the disk of ${id}`, `${key}=${actual}`, word);
    }
  },

  /** `expect writes 2 0`: so many are under way. */
  writes(world, args) {
    const node = nextNode(world, args);
    same(`writes of ${node.id} under way to be`, `${node.writes.length}`, args.next("How many"));
  },

  commit(world, args) {
    const nodes = nodesOf(world, args.next("The member"));
    const index = args.next("The index");
    for (const node of nodes) same(`the commit index of ${node.id} to be`, `${node.status.commit}`, index);
  },

  /** First index that is not compacted. */
  first(world, args) {
    const node = nextNode(world, args);
    same(`the first index of ${node.id} to be`, `${node.running.firstIndex}`, args.next("The index"));
  },

  last(world, args) {
    const node = nextNode(world, args);
    same(`the last index of ${node.id} to be`, `${node.status.lastIndex}`, args.next("The index"));
  },

  /** `expect applied 2 = x y`: everything its state machine holds, in order, snapshots included. */
  applied(world, args) {
    const nodes = nodesOf(world, args.next("The member"));
    const expected = listOf(args).join(" ");
    for (const node of nodes) same(`${node.id} to have applied`, node.machine.join(" "), expected);
  },
};

/** Payloads need no word: equal index and term with another payload breaks an invariant. */
function sameTerms(what: string, actual: readonly Entry[], words: readonly string[]): void {
  const termsOf = (entries: readonly Entry[]): string => entries.map(({ index, term }) => `${index}/${term}`).join(" ");
  same(`${what} to be`, termsOf(actual), termsOf(words.flatMap(readEntries)));
}
