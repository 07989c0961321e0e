/**
 * The parts of a simulated Raft cluster: what can go wrong, a disk, and a process on it. The cluster
 * that moves them: raft-harness.ts.
 */
import type { RaftCore } from "../../src/raft/core.ts";
import type {
  Entry,
  Event,
  HardState,
  MemberId,
  Message,
  Persist,
  RaftOptions,
  ReadResult,
  SnapshotMeta,
} from "../../src/raft/types.ts";
import { chainHash } from "./raft-invariants.ts";

export type Faults = {
  /** Probability that a message is lost, and that it comes twice. */
  loss: number;
  duplicate: number;
  /** Milliseconds on the way, uniform in [min, max]. */
  delayMs: readonly [number, number];
  /** Probability of an extra delay of up to `lateMs`. */
  late: number;
  lateMs: number;
  /** Milliseconds a synced write takes, uniform. */
  diskMs: readonly [number, number];
  /** Milliseconds a snapshot pull takes, uniform, and the probability that it fails. */
  pullMs: readonly [number, number];
  pullFails: number;
  /** False: messages of a link may overtake each other. */
  ordered: boolean;
};

export const CALM: Faults = {
  loss: 0,
  duplicate: 0,
  delayMs: [1, 1],
  late: 0,
  lateMs: 0,
  diskMs: [2, 2],
  pullMs: [20, 20],
  pullFails: 0,
  ordered: true,
};

export type ClusterOptions = {
  readonly seed?: number;
  readonly voters: readonly MemberId[];
  readonly learners?: readonly MemberId[];
  readonly raft?: Partial<Omit<RaftOptions, "random">>;
  readonly faults?: Partial<Faults>;
  /** Take a snapshot each so many applied entries, keeping `trailing` behind it; 0: never. */
  readonly snapshotEach?: number;
  readonly trailing?: number;
};

/** splitmix32: small, and good enough to explore with. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state ^ (state >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 4294967296;
  };
}

export type DiskOp =
  | { readonly persist: Persist }
  | { readonly install: SnapshotMeta }
  | { readonly taken: SnapshotMeta; readonly trailing: number };

/** What survives a crash. */
export class Disk {
  hardState: HardState = { term: 0, vote: null, commit: 0 };
  entries: Entry[] = [];
  prevIndex = 0;
  prevTerm = 0;
  /** Hash by index of what `entries` (or the snapshot) hold. */
  chain: number[] = [0];
  /** Own and installed snapshots, by index; the last two are kept. */
  snapshots: SnapshotMeta[] = [];

  get snapshot(): SnapshotMeta | null {
    return this.snapshots.at(-1) ?? null;
  }

  write({ entries, hardState }: Persist): void {
    this.hardState = hardState;
    const first = entries[0];
    if (first === undefined) return;
    if (first.index > this.prevIndex + this.entries.length + 1)
      throw new Error(`The disk of a member has a gap before ${first.index}`);
    this.entries.length = first.index - this.prevIndex - 1;
    this.chain.length = first.index;
    for (const entry of entries) {
      this.entries.push(entry);
      this.chain.push(chainHash(this.chain[entry.index - 1] ?? 0, entry));
    }
  }

  addSnapshot(meta: SnapshotMeta): void {
    this.snapshots = [...this.snapshots.slice(-1), meta];
  }

  compactTo(index: number): void {
    if (index <= this.prevIndex) return;
    const drop = index - this.prevIndex;
    const last = this.entries[drop - 1];
    if (last === undefined) return;
    this.prevTerm = last.term;
    this.prevIndex = index;
    this.entries = this.entries.slice(drop);
  }

  install(meta: SnapshotMeta, chain: readonly number[]): void {
    this.addSnapshot(meta);
    this.entries = [];
    this.prevIndex = meta.index;
    this.prevTerm = meta.term;
    this.chain = chain.slice(0, meta.index + 1);
  }
}

export type Pull = { readonly from: MemberId; readonly meta: SnapshotMeta };

export class SimNode {
  readonly id: MemberId;
  readonly disk = new Disk();
  core: RaftCore | null = null;
  /** Counts starts: whatever was on its way to an earlier incarnation's disk or state machine is dropped. */
  life = 0;
  /** The log in memory, as hashes. */
  chain: number[] = [0];
  applied = 0;
  diskQueue: DiskOp[] = [];
  isWriting = false;
  isSnapshotting = false;
  pull: Pull | null = null;
  removed = false;
  isPaused = false;
  /** What a paused process finds when it goes on. */
  backlog: Event[] = [];
  /** 1: a tick each TICK_MS of the world. */
  tickRate = 1;
  readonly reads = new Map<number, { committed: number; result: ReadResult | null }>();
  /** Everything it sent, for tests that look. */
  readonly sent: Message[] = [];

  constructor(id: MemberId) {
    this.id = id;
  }

  get isUp(): boolean {
    return this.core !== null;
  }

  get status(): ReturnType<RaftCore["status"]> {
    if (this.core === null) throw new Error(`${this.id} is down`);
    return this.core.status();
  }
}
