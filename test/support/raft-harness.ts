/**
 * A deterministic cluster of Raft cores: virtual milliseconds, a hostile network, disks that finish
 * late and lose what they had not finished, crashes and restarts, snapshots. It drives the cores as
 * the real driver must, and checks the invariants after every step.
 *
 * Everything derives from one seed. Nothing here waits: `run(ms)` processes events in order.
 */
import { bootstrapEntry, hasMember, makeConfig, voterIds } from "../../src/raft/config.ts";
import { RaftCore } from "../../src/raft/core.ts";
import { majority } from "../../src/raft/quorum.ts";
import { DEFAULT_RAFT_OPTIONS, TICK_MS } from "../../src/raft/types.ts";
import type {
  Config,
  Effects,
  Entry,
  Event,
  InitialState,
  Member,
  MemberId,
  Message,
  Persist,
  ReadResult,
  SnapshotMeta,
} from "../../src/raft/types.ts";
import { Heap } from "../../src/util/heap.ts";
import { RaftInvariants, chainHash } from "./raft-invariants.ts";
import { CALM, SimNode, seededRandom } from "./raft-node.ts";
import type { ClusterOptions, DiskOp, Faults, Pull } from "./raft-node.ts";

type Thunk = { readonly at: number; readonly order: number; readonly run: () => void };

export class RaftCluster {
  readonly random: () => number;
  readonly nodes = new Map<MemberId, SimNode>();
  readonly faults: Faults;
  readonly invariants = new RaftInvariants();
  readonly counts = { messages: 0, lost: 0, elections: 0, installs: 0, crashes: 0, reads: 0, configs: 0 };
  now = 0;
  /** Messages for which this is false are lost on the way. */
  passes: (message: Message) => boolean = () => true;
  /** Sees every message that is sent; for tests. */
  onSend: (message: Message) => void = () => undefined;

  readonly #options: ClusterOptions;
  readonly #events = new Heap<Thunk>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order));
  #order = 0;
  #nextRead = 1;
  #nextPayload = 1;
  /** Ordered links: when the last message of a link arrives. */
  readonly #linkEnd = new Map<string, number>();

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.random = seededRandom(options.seed ?? 1);
    this.faults = { ...CALM, ...options.faults };
    const config = makeConfig([
      ...options.voters.map((id): Member => ({ id, address: `${id}:1`, role: "voter" })),
      ...(options.learners ?? []).map((id): Member => ({ id, address: `${id}:1`, role: "learner" })),
    ]);
    const founding = bootstrapEntry(config);
    this.invariants.committed.push(chainHash(0, founding));
    for (const { id } of config.members) {
      const node = this.#create(id);
      node.disk.write({ token: 0, entries: [founding], hardState: { term: 1, vote: null, commit: 1 } });
      this.start(id);
    }
  }

  // Nodes

  #create(id: MemberId): SimNode {
    const node = new SimNode(id);
    this.nodes.set(id, node);
    return node;
  }

  node(id: MemberId): SimNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`There is no ${id}`);
    return node;
  }

  /** A member with an empty disk: it waits to be told what it is. */
  join(id: MemberId): SimNode {
    const node = this.#create(id);
    this.start(id);
    return node;
  }

  start(id: MemberId): void {
    const node = this.node(id);
    if (node.core !== null || node.removed) return;
    const { disk } = node;
    const { snapshot } = disk;
    const initial: InitialState = {
      id,
      hardState: disk.hardState,
      snapshot,
      entries: [...disk.entries],
      prevIndex: disk.prevIndex,
      prevTerm: disk.prevTerm,
      applied: snapshot?.index ?? 0,
    };
    const random = seededRandom(Math.floor(this.random() * 2 ** 32));
    node.life++;
    node.chain = disk.chain.slice();
    node.applied = snapshot?.index ?? 0;
    node.diskQueue = [];
    node.isWriting = false;
    node.isSnapshotting = false;
    node.isPaused = false;
    node.backlog = [];
    node.pull = null;
    node.reads.clear();
    node.core = new RaftCore(initial, { ...DEFAULT_RAFT_OPTIONS, ...this.#options.raft, random });
    this.#tickLoop(node, node.life, Math.floor(this.random() * TICK_MS));
  }

  /** Loses memory and a random suffix of the writes under way. */
  crash(id: MemberId, { resets = true }: { resets?: boolean } = {}): void {
    const node = this.node(id);
    if (node.core === null) return;
    this.counts.crashes++;
    node.core = null;
    node.life++;
    node.reads.clear();
    const kept = Math.floor(this.random() * (node.diskQueue.length + 1));
    for (const op of node.diskQueue.slice(0, node.isWriting ? kept : 0)) this.#writeOp(node, op);
    if (!resets) return;
    for (const other of this.nodes.values()) {
      if (other.id !== id)
        this.after(this.#between(1, 10), () => this.step(other.id, { type: "leader-lost", leader: id }));
    }
  }

  /** Everyone at once, as when the power goes. */
  blackout(): void {
    for (const id of this.nodes.keys()) this.crash(id, { resets: false });
  }

  #tickLoop(node: SimNode, life: number, delay: number): void {
    this.after(delay, () => {
      if (node.life !== life) return;
      if (!node.isPaused) this.step(node.id, { type: "tick" });
      this.#tickLoop(node, life, Math.round(TICK_MS / node.tickRate));
    });
  }

  // Time

  after(ms: number, run: () => void): void {
    this.#events.push({ at: this.now + ms, order: this.#order++, run });
  }

  run(ms: number): void {
    const end = this.now + ms;
    for (let event = this.#events.peek(); event !== undefined && event.at <= end; event = this.#events.peek()) {
      this.#events.pop();
      this.now = event.at;
      event.run();
    }
    this.now = end;
  }

  /** @returns milliseconds until `condition` held; throws after `limitMs`. */
  runUntil(condition: () => boolean, limitMs: number, what: string): number {
    const begin = this.now;
    while (!condition()) {
      if (this.now - begin >= limitMs) throw new Error(`Not within ${limitMs} ms: ${what}\n${this.describe()}`);
      this.run(1);
    }
    return this.now - begin;
  }

  #between(min: number, max: number): number {
    return min + Math.floor(this.random() * (max - min + 1));
  }

  #within([min, max]: readonly [number, number]): number {
    return this.#between(min, max);
  }

  // Steps

  step(id: MemberId, event: Event): void {
    const node = this.node(id);
    if (node.core === null) {
      // Asked of a process that is gone: nobody waits for its answer.
      if (event.type === "read") node.reads.delete(event.requestId);
      return;
    }
    if (node.isPaused) {
      node.backlog.push(event);
      return;
    }
    const before = node.core.status();
    const effects = node.core.step(event);
    const after = node.core.status();
    if (after.term < before.term || after.commit < before.commit || after.applied < before.applied) {
      this.invariants.fail(`${id} went back: ${JSON.stringify(before)} to ${JSON.stringify(after)}`);
    }
    this.#learnLog(node, effects.persist);
    if (after.role === "leader" && (before.role !== "leader" || before.term !== after.term)) {
      this.counts.elections++;
      this.invariants.becameLeader(id, after.term, node.chain);
    }
    this.#carryOut(node, effects);
  }

  resume(id: MemberId): void {
    const node = this.node(id);
    node.isPaused = false;
    const { backlog } = node;
    node.backlog = [];
    for (const event of backlog) this.step(id, event);
  }

  /** Whatever changed in the log is in the step's persist effect, so the shadow follows it. */
  #learnLog(node: SimNode, persist: Persist | null): void {
    const first = persist?.entries[0];
    if (persist === null || first === undefined) return;
    node.chain.length = first.index;
    for (const entry of persist.entries) {
      const hash = chainHash(node.chain[entry.index - 1] ?? 0, entry);
      node.chain.push(hash);
      this.invariants.appended(node.id, entry, hash);
    }
  }

  #carryOut(node: SimNode, effects: Effects): void {
    for (const message of effects.messages) this.#send(node, message);
    if (effects.persist !== null) this.#enqueue(node, { persist: effects.persist });
    for (const result of effects.reads) this.#finishRead(node, result);
    if (effects.fetchSnapshot !== null) this.#pull(node, effects.fetchSnapshot);
    if (effects.committed.length > 0) this.#apply(node, effects.committed);
    if (effects.removed && !node.removed) {
      node.removed = true;
      node.core = null;
      node.life++;
    }
  }

  #apply(node: SimNode, entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.index !== node.applied + 1)
        this.invariants.fail(`${node.id} is to apply ${entry.index} after ${node.applied}`);
      const hash = node.chain[entry.index] ?? this.invariants.fail(`${node.id} applies ${entry.index} which it lacks`);
      this.invariants.commits(node.status, entry, hash, () => this.#isDurable(node, entry.index, hash));
      node.applied = entry.index;
    }
    const { life } = node;
    const upTo = node.applied;
    this.after(this.random() < 0.5 ? 0 : 1, () => {
      if (node.life !== life) return;
      this.step(node.id, { type: "applied", index: upTo });
      this.#maybeSnapshot(node);
    });
  }

  /** On a majority of the voters of the latest configuration the committing member knows. */
  #isDurable(node: SimNode, index: number, hash: number): boolean {
    const voters = node.core === null ? [] : voterIds(node.status.config);
    const holding = voters.filter((id) => this.nodes.get(id)?.disk.chain[index] === hash).length;
    return holding >= majority(voters.length);
  }

  // Disk

  #enqueue(node: SimNode, op: DiskOp): void {
    node.diskQueue.push(op);
    this.#flush(node);
  }

  /** One sync at a time; what arrives meanwhile joins the next (group commit). */
  #flush(node: SimNode): void {
    if (node.isWriting || node.diskQueue.length === 0) return;
    node.isWriting = true;
    const { life } = node;
    const batch = node.diskQueue.length;
    this.after(this.#within(this.faults.diskMs), () => {
      if (node.life !== life) return;
      node.isWriting = false;
      for (const op of node.diskQueue.splice(0, batch)) {
        this.#writeOp(node, op);
        if ("persist" in op) this.step(node.id, { type: "persisted", token: op.persist.token });
        else if ("install" in op) this.#installed(node, op.install);
        else this.#taken(node, op.taken, op.trailing);
        if (node.life !== life) return;
      }
      this.#flush(node);
    });
  }

  #writeOp(node: SimNode, op: DiskOp): void {
    if ("install" in op) {
      node.disk.install(op.install, this.invariants.committed);
      return;
    }
    if ("taken" in op) {
      // A pulled one may have come first.
      if (op.taken.index > (node.disk.snapshot?.index ?? 0)) node.disk.addSnapshot(op.taken);
      return;
    }
    this.invariants.wrote(node.id, node.disk.hardState, op.persist.hardState);
    node.disk.write(op.persist);
  }

  // Snapshots

  #maybeSnapshot(node: SimNode): void {
    const { snapshotEach = 0, trailing = 0 } = this.#options;
    const last = node.disk.snapshot?.index ?? 0;
    if (snapshotEach > 0 && node.applied - last >= snapshotEach) this.takeSnapshot(node.id, trailing);
  }

  takeSnapshot(id: MemberId, trailing = 0): void {
    const node = this.node(id);
    const core = node.isPaused ? null : node.core;
    const index = core?.status().applied ?? 0;
    const term = core?.termAt(index) ?? null;
    if (core === null || term === null || node.isSnapshotting || index <= (node.disk.snapshot?.index ?? 0)) return;
    const meta: SnapshotMeta = { index, term, config: core.configAt(index), sizeBytes: 100, hash: `${index}` };
    node.isSnapshotting = true;
    // Behind the entries that lead up to it: they may be applied before they are durable here.
    this.#enqueue(node, { taken: meta, trailing });
  }

  #taken(node: SimNode, meta: SnapshotMeta, trailing: number): void {
    node.isSnapshotting = false;
    const { core } = node;
    if (core === null) return;
    this.step(node.id, { type: "snapshot-taken", meta, compactTo: Math.max(0, meta.index - trailing) });
    if (node.core === core) node.disk.compactTo(core.firstIndex - 1);
  }

  #pull(node: SimNode, pull: Pull): void {
    node.pull = pull;
    const { life } = node;
    const { from, meta } = pull;
    const source = this.nodes.get(from);
    // A stream that has begun pins its snapshot, until its source dies.
    const sourceLife = source?.life;
    const isThere = source?.disk.snapshots.some((candidate) => candidate.index === meta.index) === true;
    this.after(this.#within(this.faults.pullMs), () => {
      // A later pull replaced this one, or the process did.
      if (node.life !== life || node.pull !== pull || node.core === null) return;
      const arrives = isThere && source.life === sourceLife && this.random() >= this.faults.pullFails;
      if (arrives && !node.isPaused && node.core.beginInstall(meta)) this.#enqueue(node, { install: meta });
      else {
        node.pull = null;
        this.step(node.id, { type: "snapshot-failed", from, index: meta.index });
      }
    });
  }

  #installed(node: SimNode, meta: SnapshotMeta): void {
    if (node.core === null) return;
    if (meta.index <= node.applied)
      this.invariants.fail(`${node.id} loads a snapshot at ${meta.index}, applied ${node.applied}`);
    this.counts.installs++;
    node.pull = null;
    node.applied = meta.index;
    node.chain = this.invariants.committed.slice(0, meta.index + 1);
    this.step(node.id, { type: "snapshot-installed", meta });
  }

  // Network

  #send(node: SimNode, message: Message): void {
    this.counts.messages++;
    node.sent.push(message);
    if (node.sent.length > 2_000) node.sent.splice(0, 1_000);
    this.onSend(message);
    this.invariants.promises(node, message, this.nodes.get(message.to));
    const { loss, duplicate } = this.faults;
    if (!this.passes(message) || this.random() < loss) this.counts.lost++;
    else this.#deliver(message);
    if (this.random() < duplicate && this.passes(message)) this.#deliver(message);
  }

  #deliver(message: Message): void {
    const { delayMs, late, lateMs, ordered } = this.faults;
    let at = this.now + this.#within(delayMs);
    if (late > 0 && this.random() < late) at += this.#between(0, lateMs);
    if (ordered) {
      const link = `${message.from}>${message.to}`;
      at = Math.max(at, this.#linkEnd.get(link) ?? 0);
      this.#linkEnd.set(link, at);
    }
    this.after(at - this.now, () => {
      if (this.nodes.has(message.to)) this.step(message.to, { type: "message", message });
    });
  }

  /** Only members of one group reach each other; whoever is in none is alone. */
  partition(...groups: readonly (readonly MemberId[])[]): void {
    const groupOf = (id: MemberId): number => groups.findIndex((group) => group.includes(id));
    this.passes = ({ from, to }) => groupOf(from) === groupOf(to) && groupOf(from) !== -1;
  }

  heal(): void {
    this.passes = () => true;
  }

  // Clients

  leader(): SimNode | null {
    let best: SimNode | null = null;
    for (const node of this.nodes.values()) {
      if (node.core === null || node.status.role !== "leader") continue;
      if (best === null || node.status.term > best.status.term) best = node;
    }
    return best;
  }

  get ready(): SimNode | null {
    const leader = this.leader();
    return leader?.status.ready === true ? leader : null;
  }

  elect(limitMs = 10_000): SimNode {
    this.runUntil(() => this.ready !== null, limitMs, "a ready leader");
    return this.ready ?? this.invariants.fail("no leader");
  }

  /** @returns the index, or null where the member does not take proposals. */
  propose(id: MemberId, count = 1): number | null {
    const { core, isPaused } = this.node(id);
    const can = isPaused ? undefined : core?.canPropose(count * 8);
    if (can?.ok !== true) return null;
    const payloads = Array.from({ length: count }, () => {
      const payload = new Uint8Array(8);
      new DataView(payload.buffer).setFloat64(0, this.#nextPayload++);
      return payload;
    });
    this.step(id, { type: "propose", payloads });
    return can.firstIndex;
  }

  proposeConfig(id: MemberId, config: Config, { force = false } = {}): boolean {
    const { core, isPaused } = this.node(id);
    if (isPaused || core?.canProposeConfig(config, { force }).ok !== true) return false;
    this.counts.configs++;
    this.step(id, { type: "propose-config", config });
    // I8.
    const pending = core.entriesFrom(core.status().commit + 1, Infinity).filter(({ kind }) => kind === "config");
    if (pending.length > 1) this.invariants.fail(`${id} has ${pending.length} uncommitted changes of membership`);
    return true;
  }

  read(id: MemberId): number {
    const requestId = this.#nextRead++;
    if (!this.node(id).isUp) return requestId;
    this.node(id).reads.set(requestId, { committed: this.invariants.commitIndex, result: null });
    this.step(id, { type: "read", requestId });
    return requestId;
  }

  #finishRead(node: SimNode, result: ReadResult): void {
    const read = node.reads.get(result.requestId);
    if (read === undefined) return this.invariants.fail(`${node.id} answers a read nobody asked`);
    if (read.result !== null) this.invariants.fail(`${node.id} answers a read twice`);
    read.result = result;
    if (!result.ok) return;
    this.counts.reads++;
    this.invariants.read(node.id, result.index, read.committed);
  }

  /** Everyone who is up and a member has applied everything. */
  hasConverged(): boolean {
    const leader = this.ready;
    if (leader === null) return false;
    const { commit, lastIndex, config } = leader.status;
    if (commit !== lastIndex) return false;
    return [...this.nodes.values()].every(
      (node) => !node.isUp || !hasMember(config, node.id) || node.status.applied === commit,
    );
  }

  describe(): string {
    return [...this.nodes.values()]
      .map((node) => {
        if (node.core === null) return `${node.id}: ${node.removed ? "removed" : "down"}`;
        const { role, term, leader, commit, applied, lastIndex, config, peers } = node.status;
        const members = config.members
          .map((member) => (member.role === "voter" ? member.id : `(${member.id})`))
          .join(" ");
        const matches = peers.map((peer) => `${peer.id}=${peer.match}`).join(" ");
        return `${node.id}: ${role} term ${term} leader ${leader} commit ${commit} applied ${applied} last ${lastIndex} [${members}] ${matches}`;
      })
      .join("\n");
  }
}

/** `current` with one member's role set, added or (null) removed. */
export function changed(current: Config, id: MemberId, role: Member["role"] | null): Config {
  const others = current.members.filter((member) => member.id !== id);
  return makeConfig(role === null ? others : [...others, { id, address: `${id}:1`, role }]);
}
