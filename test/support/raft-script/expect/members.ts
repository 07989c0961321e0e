/** Facts about members: who leads, who follows whom, what each believes. */
import { nextNode, nodesOf } from "../commands/command.ts";
import { configWord } from "../words.ts";
import { listOf, same } from "./expectation.ts";
import type { Expectations } from "./expectation.ts";

export const memberExpectations: Expectations = {
  /** `expect leader 1`: it leads, and nobody else in its term or a later one. `expect leader none`. */
  leader(world, args) {
    const id = args.next("The leader, or none");
    const leaders = world.up.filter(({ status }) => status.role === "leader");
    const term = Math.max(0, ...leaders.map(({ status }) => status.term));
    const latest = leaders.filter(({ status }) => status.term === term).map((node) => node.id);
    same("the leader to be", latest.join(",") || "none", id);
  },

  /** A role of the core, or down, removed, crashed. */
  role(world, args) {
    const nodes = nodesOf(world, args.next("The member"));
    const role = args.next("The role");
    for (const node of nodes) same(`member ${node.id} to be`, node.isUp ? node.status.role : node.fate, role);
  },

  /** `expect follows 2 1`, `expect follows 2 none`. */
  follows(world, args) {
    const node = nextNode(world, args);
    same(`member ${node.id} to follow`, node.status.leader ?? "none", args.next("Whom"));
  },

  term(world, args) {
    const nodes = nodesOf(world, args.next("The member"));
    const term = args.next("The term");
    for (const node of nodes) same(`the term of ${node.id} to be`, `${node.status.term}`, term);
  },

  /** It may take proposals: `expect ready 1 yes`. */
  ready(world, args) {
    const node = nextNode(world, args);
    same(`readiness of ${node.id} to be`, node.status.ready ? "yes" : "no", args.next("yes or no"));
  },

  /** `expect transfer 1 2`, `expect transfer 1 none`. */
  transfer(world, args) {
    const node = nextNode(world, args);
    same(`the transfer of ${node.id} to be to`, node.status.transferTarget ?? "none", args.next("To whom, or none"));
  },

  /** `expect config 2 {1,2,(3)}`: the latest that it knows. `expect config 2 at=3 {1,2}`: the one index 3 lives under. */
  config(world, args) {
    const at = args.namedNumber("at");
    const nodes = nodesOf(world, args.next("The member"));
    const expected = listOf(args).join(" ");
    for (const { id, running, status } of nodes) {
      same(
        `the membership of ${id} to be`,
        configWord(at === undefined ? status.config : running.configAt(at)),
        expected,
      );
    }
  },

  /** `expect match 1 2 5`: leader 1 knows that 2 has everything up to 5. */
  match(world, args) {
    const node = nextNode(world, args);
    const peer = args.next("The peer");
    const known = node.status.peers.find(({ id }) => id === peer);
    same(`the match of ${peer} at ${node.id} to be`, `${known?.match ?? "unknown"}`, args.next("The index"));
  },

  /** `expect crash 1 two leaders`: an assertion with these words has ended it, by the command before. */
  crash(world, args) {
    const node = nextNode(world, args);
    const words = args.rest().join(" ");
    if (node.fate !== "crashed" || words === "" || !node.crash.includes(words)) {
      throw new Error(`Expected ${node.id} to crash over "${words}", it is ${node.fate} ${node.crash}`);
    }
    if (world.unexpectedCrash === node) world.unexpectedCrash = null;
  },
};
