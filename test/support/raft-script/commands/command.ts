/** What a command is, and how its words name members. */
import type { Args } from "../args.ts";
import type { ScriptNode } from "../node.ts";
import type { World } from "../world.ts";

export type Commands = Readonly<Record<string, (world: World, args: Args) => void>>;

/** `1`, `1,2,3` or `all`: everyone who is up. */
export function nodesOf(world: World, word: string): readonly ScriptNode[] {
  return word === "all" ? world.up : word.split(",").map((id) => world.node(id));
}

export function nextNode(world: World, args: Args): ScriptNode {
  return world.node(args.next("The member"));
}
