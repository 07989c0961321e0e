/** Founding a cluster, and the life of its processes. */
import { DEFAULT_RAFT_OPTIONS } from "../../../../src/raft/types.ts";
import type { HardState, RaftOptions } from "../../../../src/raft/types.ts";
import type { Args } from "../args.ts";
import { addWithPast, crash, found, join, start, wipe } from "../lifecycle.ts";
import { readConfig, readEntries } from "../words.ts";
import type { World } from "../world.ts";
import { nextNode, nodesOf } from "./command.ts";
import type { Commands } from "./command.ts";

const OPTIONS: Readonly<Record<string, Exclude<keyof RaftOptions, "random">>> = {
  "heartbeat-ticks": "heartbeatTicks",
  "election-ticks": "electionTicks",
  "append-bytes": "appendBytesMax",
  window: "inflightMessagesMax",
  "window-bytes": "inflightBytesMax",
  "uncommitted-bytes": "uncommittedBytesMax",
};

export const memberCommands: Commands = {
  /** `options window=2 append-bytes=1`: instead of the defaults, for members added from here on. */
  options(world, args) {
    for (const [name, key] of Object.entries(OPTIONS)) {
      const value = args.namedNumber(name);
      if (value !== undefined) world.options = { ...world.options, [key]: value };
    }
  },

  /** `add-nodes 3 learners=1`: a new cluster of voters 1, 2, 3 and learner 4. */
  "add-nodes"(world, args) {
    const voters = args.number("How many");
    const learners = args.namedNumber("learners") ?? 0;
    const ids = Array.from({ length: voters + learners }, (_, at) => `${at + 1}`);
    found(world, ids.slice(0, voters), ids.slice(voters));
  },

  /** `add-node 4`: an empty disk. `add-node 1 config={1,2,3} log=2/1,3/2 term=3 vote=2 commit=1`: one with a past. */
  "add-node"(world, args) {
    const id = args.next("The member");
    if (args.isEmpty) join(world, id);
    else addWithPast(world, id, readPast(args));
  },

  /** `crash 2`: what its disk has not finished is lost; `persist 2 1` before it saves the first write. */
  crash(world, args) {
    for (const node of nodesOf(world, args.next("The member"))) crash(node);
  },

  restart(world, args) {
    const word = args.next("The member");
    const nodes =
      word === "all" ? world.nodes.filter(({ fate }) => fate === "down" || fate === "crashed") : nodesOf(world, word);
    for (const node of nodes) start(world, node);
  },

  wipe(world, args) {
    wipe(nextNode(world, args));
  },

  /** `dice 1 0`: what member 1's dice show from here on, in [0, 1). */
  dice(world, args) {
    const nodes = nodesOf(world, args.next("The member"));
    const value = args.number("The dice");
    for (const node of nodes) node.dice = value;
  },
};

function readPast(args: Args): Parameters<typeof addWithPast>[2] {
  const hardState: { -readonly [K in keyof HardState]?: HardState[K] } = {};
  const term = args.namedNumber("term");
  const vote = args.named("vote");
  const commit = args.namedNumber("commit");
  if (term !== undefined) hardState.term = term;
  if (vote !== undefined) hardState.vote = vote;
  if (commit !== undefined) hardState.commit = commit;
  const config = args.named("config");
  if (config === undefined) throw new Error("config={1,2,3} is missing: whom the founding entry names");
  return { config: readConfig(config), entries: readEntries(args.named("log") ?? "-"), hardState };
}

/** Ticks without a word after which no member is loyal to its leader any more. */
export function electionTicks(world: World): number {
  return world.options.electionTicks ?? DEFAULT_RAFT_OPTIONS.electionTicks;
}
