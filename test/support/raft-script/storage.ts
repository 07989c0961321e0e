/** Disks that finish when they are told to, and snapshots from being taken to being installed. */
import type { SnapshotMeta } from "../../../src/raft/types.ts";
import { INVARIANTS, violated } from "../raft-oracle/invariants.ts";
import type { ScriptNode, Write } from "./node.ts";
import type { World } from "./world.ts";

/** Finishes the oldest write under way. @returns whether there was one. */
export function persistNext(world: World, node: ScriptNode): boolean {
  const write = node.writes.shift();
  if (write === undefined) return false;
  if ("persist" in write) {
    const { persist } = write;
    world.invariants.wroteHardState(node.id, node.disk.hardState, persist.hardState);
    node.disk.write(persist);
    const title = (): string => `persist ${node.id} #${persist.token}`;
    world.trace.underDetail(title, () => world.step(node, { type: "persisted", token: persist.token }));
  } else install(world, node, write.install);
  return true;
}

function install(world: World, node: ScriptNode, meta: SnapshotMeta): void {
  node.disk.install(meta, world.invariants.committed);
  if (meta.index <= node.applied)
    violated(INVARIANTS.applyEqual, `${node.id} loads ${meta.index} over ${node.applied}`);
  node.pull = null;
  node.applied = meta.index;
  node.machine = [...(world.bodies.get(meta.index) ?? [])];
  node.chain = world.invariants.committed.slice(0, meta.index + 1);
  world.trace.under(`install ${node.id} ${meta.index}/${meta.term}`, () =>
    world.step(node, { type: "snapshot-installed", meta }),
  );
}

/** At what was applied last; `keep` entries before it stay in the log. */
export function takeSnapshot(world: World, node: ScriptNode, keep: number): void {
  const core = node.running;
  const index = node.applied;
  const term = core.termAt(index);
  if (term === null || index <= (node.disk.snapshot?.index ?? 0)) throw new Error(`Nothing new to take at ${index}`);
  if (node.writes.length > 0) throw new Error(`Persist first: a snapshot lies behind the entries it covers`);
  const body = world.bodies.get(index) ?? [...node.machine];
  if (body.join() !== node.machine.join()) violated(INVARIANTS.stateEqual, `state machines differ at ${index}`);
  world.bodies.set(index, body);
  const meta: SnapshotMeta = { index, term, config: core.configAt(index), sizeBytes: 100, hash: `${index}` };
  node.disk.addSnapshot(meta);
  world.step(node, { type: "snapshot-taken", meta, compactTo: Math.max(0, index - keep) });
  node.disk.compactTo(core.firstIndex - 1);
  world.trace.detail(`${node.id} snapshot ${index}/${term} log from ${core.firstIndex}`);
}

/** The body that a member pulls has arrived whole, or never will. @returns whether it pulled one. */
export function finishPull(world: World, node: ScriptNode, { arrives }: { arrives: boolean }): boolean {
  const { pull } = node;
  if (pull === null || isInstalling(node)) return false;
  const { from, meta, isThere } = pull;
  if (arrives && isThere && world.node(from).isUp && node.running.beginInstall(meta)) {
    node.writes.push({ install: meta });
    world.trace.detail(`${node.id} write install ${meta.index}/${meta.term}`);
    return true;
  }
  node.pull = null;
  world.trace.under(`pull-failed ${node.id} ${meta.index}/${meta.term}`, () =>
    world.step(node, { type: "snapshot-failed", from, index: meta.index }),
  );
  return true;
}

export function isInstalling(node: ScriptNode): boolean {
  return node.writes.some((write: Write) => "install" in write);
}
