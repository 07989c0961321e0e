/** Time passes only here. */
import type { ScriptNode } from "../node.ts";
import { stabilize } from "../stabilize.ts";
import { changesOf } from "../state-line.ts";
import type { World } from "../world.ts";
import { nextNode, nodesOf } from "./command.ts";
import type { Commands } from "./command.ts";
import { electionTicks } from "./members.ts";

export const timeCommands: Commands = {
  /** `tick 1,2 3`: three ticks for each, in turn; nothing is delivered and no disk finishes. */
  tick(world, args) {
    const nodes = nodesOf(world, args.next("Whose clock"));
    const count = args.isEmpty ? 1 : args.number("How many ticks");
    for (let at = 1; at <= count; at++) for (const node of nodes) tick(world, node, at);
  },

  /** `campaign 1`: its clock runs, and nobody else's, until its election timeout is over. */
  campaign(world, args) {
    campaign(world, nextNode(world, args));
  },

  /** `run 40`: that many ticks for all, everything at rest after each. The trace tells what changed. */
  run(world, args) {
    const count = args.number("How many ticks");
    world.trace.brief(() => {
      for (let at = 1; at <= count; at++) {
        world.trace.under(`tick ${at}`, () => {
          for (const node of world.up) world.step(node, { type: "tick" });
          stabilize(world, null);
        });
      }
    });
  },

  /** `stabilize` or `stabilize 1,2`: see stabilize.ts. */
  stabilize(world, args) {
    stabilize(world, args.isEmpty ? null : nodesOf(world, args.next("Who")));
  },

  /** As `stabilize`; the trace tells what changed. */
  settle(world) {
    world.trace.brief(() => stabilize(world, null));
  },

  /**
   * `elect 1`: sets the scene. Nobody hears of anybody for an election timeout, what was in flight
   * is lost, then 1 campaigns and must win. The trace tells where everyone stands then.
   */
  elect(world, args) {
    const node = nextNode(world, args);
    const before = new Map(world.up.map((each) => [each, each.view]));
    world.trace.silent(() => {
      for (let at = 1; at <= electionTicks(world); at++)
        for (const each of world.up) world.step(each, { type: "tick" });
      world.network.takeAll([]);
      campaign(world, node);
      stabilize(world, null);
    });
    for (const [each, view] of before) {
      const changes = each.isUp ? changesOf(view, each.view) : "";
      if (changes !== "") world.trace.fact(`${each.id} state ${changes}`);
    }
    if (node.status.role !== "leader") throw new Error(`Member ${node.id} does not win: it is ${node.status.role}`);
  },
};

function tick(world: World, node: ScriptNode, at: number): void {
  world.trace.underDetail(
    () => `tick ${node.id} (${at})`,
    () => world.step(node, { type: "tick" }),
  );
}

function campaign(world: World, node: ScriptNode): void {
  const { term } = node.status;
  const hasBegun = (): boolean =>
    node.status.term > term || world.sent.last.some(({ from, type }) => from === node.id && type === "pre-vote");
  // Timeouts are shorter than two election timeouts.
  for (let at = 1; at <= 2 * electionTicks(world); at++) {
    world.step(node, { type: "tick" });
    if (hasBegun()) return;
  }
  throw new Error(`Member ${node.id} does not campaign`);
}
