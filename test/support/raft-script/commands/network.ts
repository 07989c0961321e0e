/** What happens to messages on their way. Patterns: `matches` in words.ts. */
import type { Message } from "../../../../src/raft/types.ts";
import type { Args } from "../args.ts";
import { readMessage } from "../read-message.ts";
import { messageLine } from "../words.ts";
import type { World } from "../world.ts";
import { nextNode } from "./command.ts";
import type { Commands } from "./command.ts";

export const networkCommands: Commands = {
  /** `deliver 1->2 append`: those in flight that match, not what they lead to. */
  deliver(world, args) {
    const pattern = args.rest();
    for (const message of some(world.network.takeAll(pattern), pattern)) world.deliver(message);
  },

  /** `drop 1->2`: those in flight are lost. */
  drop(world, args) {
    show(world, "drop", world.network.takeAll, args);
  },

  /** `hold 1->2 append`: they will be late. */
  hold(world, args) {
    show(world, "hold", world.network.hold, args);
  },

  /** `copy 1->2 append`: they will come again, late. */
  copy(world, args) {
    show(world, "copy", world.network.copy, args);
  },

  /** `release 1->2`: late ones that were held or copied go on, behind everything in flight. */
  release(world, args) {
    show(world, "release", world.network.release, args);
  },

  /** `doubling on`: every message comes twice, the second time when it is released. */
  doubling(world, args) {
    world.network.isDoubling = args.next("on or off") === "on";
  },

  /** `cut 1->2`, `cut 1<->2`, or `cut 1`: what is sent there from now on is lost. */
  cut(world, args) {
    for (const [from, to] of linksOf(world, args.next("The link"))) world.network.cut(from, to);
  },

  /** `heal`, or the links of `cut`. */
  heal(world, args) {
    if (args.isEmpty) world.network.healAll();
    else for (const [from, to] of linksOf(world, args.next("The link"))) world.network.heal(from, to);
  },

  /**
   * `receive 3->1 append term=2 prev=1/1`: a message that nobody here has sent. With `by=2` member 2
   * gets it, whoever it is addressed to.
   */
  receive(world, args) {
    const by = args.named("by");
    const message = readMessage(args.rest());
    world.deliver(message, by ?? message.to);
  },

  /** `reset 2`: its connection to its leader broke and was not to be made again. `reset 2 3`: the one to 3. */
  reset(world, args) {
    const node = nextNode(world, args);
    const leader = args.isEmpty ? node.status.leader : args.next("To whom");
    if (leader === null) throw new Error(`Member ${node.id} follows nobody`);
    world.step(node, { type: "leader-lost", leader });
  },

  /** `unreachable 1 2`: 1 learns that its stream to 2 broke. */
  unreachable(world, args) {
    world.step(nextNode(world, args), { type: "peer-unreachable", peer: args.next("The peer") });
  },
};

function show(world: World, verb: string, act: (pattern: string[]) => readonly Message[], args: Args): void {
  const pattern = args.rest();
  for (const message of some(act.call(world.network, pattern), pattern)) {
    world.trace.detail(`${verb} ${messageLine(message)}`);
  }
}

/** A command that does nothing proves nothing. */
function some(messages: readonly Message[], pattern: readonly string[]): readonly Message[] {
  if (messages.length === 0) throw new Error(`No message matches: ${pattern.join(" ")}`);
  return messages;
}

function linksOf(world: World, word: string): [string, string][] {
  const [, from = "", arrow, to = ""] = /^(.+?)(<?->)(.+)$/.exec(word) ?? [];
  if (arrow === "->") return [[from, to]];
  const pairs = arrow === "<->" ? [[from, to] as const] : world.nodes.map(({ id }) => [word, id] as const);
  if (arrow === undefined) world.node(word);
  return pairs.flatMap(([a, b]) => [
    [a, b],
    [b, a],
  ]);
}
