/** Letting a cluster come to rest. */
import type { ScriptNode } from "./node.ts";
import { finishPull, persistNext } from "./storage.ts";
import type { World } from "./world.ts";

/** A cluster that is not at rest by then goes in circles. */
const ROUNDS_MAX = 2_000;

/**
 * Messages in flight arrive, writes finish, snapshots are pulled, round after round, until nothing
 * is under way. Time stands still.
 * @param only these members' messages and disks; null: everyone's.
 */
export function stabilize(world: World, only: readonly ScriptNode[] | null): void {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const messages = world.network.take(({ to }) => only === null || only.some(({ id }) => id === to));
    for (const message of messages) world.deliver(message);
    let isBusy = messages.length > 0;
    for (const node of only ?? world.nodes) isBusy = settleDisk(world, node) || isBusy;
    if (!isBusy) return;
  }
  throw new Error(`Still busy after ${ROUNDS_MAX} rounds: something goes in circles`);
}

function settleDisk(world: World, node: ScriptNode): boolean {
  if (!node.isUp || node.isStuck) return false;
  let isBusy = false;
  // What was begun before this round; what it leads to is the next round's.
  for (let left = node.writes.length; left > 0; left--) isBusy = persistNext(world, node) || isBusy;
  if (node.isUp) isBusy = finishPull(world, node, { arrives: true }) || isBusy;
  return isBusy;
}
