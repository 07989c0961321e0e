/** Writes that finish, and snapshots. */
import { finishPull, persistNext, takeSnapshot } from "../storage.ts";
import { nextNode, nodesOf } from "./command.ts";
import type { Commands } from "./command.ts";

export const diskCommands: Commands = {
  /** `persist 1` finishes all its writes under way, `persist 1 2` the two oldest. `persist all`: of whoever has some. */
  persist(world, args) {
    const whose = args.next("Whose disk");
    const nodes = nodesOf(world, whose).filter(({ writes }) => whose !== "all" || writes.length > 0);
    const count = args.isEmpty ? null : args.number("How many writes");
    for (const node of nodes) {
      const limit = count ?? node.writes.length;
      if (limit === 0 || limit > node.writes.length) {
        throw new Error(`Member ${node.id} has ${node.writes.length} writes under way`);
      }
      for (let done = 0; done < limit; done++) persistNext(world, node);
    }
  },

  /** `disk 1 stuck`: `stabilize` and `run` finish none of its writes, until `disk 1 free`. */
  disk(world, args) {
    nextNode(world, args).isStuck = args.next("stuck or free") === "stuck";
  },

  /** `snapshot 1 keep=2`: of what it has applied; the log is compacted up to two entries before it. */
  snapshot(world, args) {
    takeSnapshot(world, nextNode(world, args), args.namedNumber("keep") ?? 0);
  },

  /** `pull 3`: the snapshot that it pulls has arrived, and is being written. `pull 3 fails`: it never will. */
  pull(world, args) {
    const node = nextNode(world, args);
    if (!finishPull(world, node, { arrives: !args.flag("fails") })) throw new Error(`Member ${node.id} pulls nothing`);
  },
};
