/** Founding, joining, starting and ending the members of a script. */
import { bootstrapEntry, makeConfig } from "../../../src/raft/config.ts";
import { RaftCore } from "../../../src/raft/core.ts";
import { DEFAULT_RAFT_OPTIONS } from "../../../src/raft/types.ts";
import type { Config, Entry, HardState, MemberId } from "../../../src/raft/types.ts";
import { Disk } from "./disk.ts";
import type { ScriptNode } from "./node.ts";
import { viewOf } from "./state-line.ts";
import { memberAt } from "./words.ts";
import type { World } from "./world.ts";

/** What a member finds on its disk at its first start. */
export type Past = {
  readonly config: Config;
  /** After the founding entry. */
  readonly entries: readonly Entry[];
  readonly hardState: Partial<HardState>;
};

/** A new cluster: the founding entry is on every disk, and committed. */
export function found(world: World, voters: readonly MemberId[], learners: readonly MemberId[]): void {
  const config = makeConfig([
    ...voters.map((id) => memberAt(id, "voter")),
    ...learners.map((id) => memberAt(id, "learner")),
  ]);
  for (const { id } of config.members) addWithPast(world, id, { config, entries: [], hardState: {} });
}

export function addWithPast(world: World, id: MemberId, { config, entries, hardState }: Past): void {
  const node = world.create(id);
  const log = [bootstrapEntry(config), ...entries];
  const term = log.at(-1)?.term ?? 1;
  node.disk.write({ token: 0, entries: log, hardState: { term, vote: null, commit: 1, ...hardState } });
  const { committed } = world.invariants;
  for (const entry of log) {
    const hash = node.disk.chain[entry.index] ?? 0;
    world.invariants.appended(id, entry, hash);
    if (entry.index > node.disk.hardState.commit) continue;
    if (committed[entry.index] === undefined) world.invariants.given(hash, entry.term);
    else if (committed[entry.index] !== hash) throw new Error(`Others have committed another entry ${entry.index}`);
  }
  start(world, node);
}

/** With an empty disk: it waits to be told what it is a member of. */
export function join(world: World, id: MemberId): void {
  start(world, world.create(id));
}

export function start(world: World, node: ScriptNode): void {
  if (node.core !== null) throw new Error(`Member ${node.id} is up already`);
  const { disk } = node;
  const { hardState, snapshot, prevIndex, prevTerm } = disk;
  const applied = snapshot?.index ?? 0;
  node.fate = "up";
  node.chain = disk.chain.slice();
  node.applied = applied;
  node.machine = [...(world.bodies.get(applied) ?? [])];
  node.pull = null;
  const initial = { id: node.id, hardState, snapshot, entries: [...disk.entries], prevIndex, prevTerm, applied };
  node.core = new RaftCore(initial, { ...DEFAULT_RAFT_OPTIONS, ...world.options, random: () => node.dice });
  node.view = viewOf(node.status);
  // What is committed already is handed out by the first step, whatever it is.
  world.step(node, { type: "applied", index: applied });
}

/** Memory and unfinished writes are gone; what is in flight from it still arrives. */
export function crash(node: ScriptNode): void {
  if (node.core === null) throw new Error(`Member ${node.id} is ${node.fate} already`);
  node.core = null;
  node.fate = "down";
  node.writes = [];
  node.pull = null;
}

/** Its disk is lost with everything on it. */
export function wipe(node: ScriptNode): void {
  if (node.core !== null) throw new Error(`Member ${node.id} must be down to lose its disk`);
  node.disk = new Disk();
}
