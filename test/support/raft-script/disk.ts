import type { Entry, HardState, MemberId, Persist, SnapshotMeta } from "../../../src/raft/types.ts";
import { chainHash } from "../raft-oracle/chain-hash.ts";
import type { Durable } from "../raft-oracle/invariants.ts";

/** What survives a crash. */
export class Disk implements Durable {
  hardState: HardState = { term: 0, vote: null, commit: 0 };
  entries: Entry[] = [];
  prevIndex = 0;
  prevTerm = 0;
  /** Hash by index of what `entries` (or the snapshot) hold. */
  chain: number[] = [0];
  /** Own and installed snapshots, by index; the last two are kept. */
  snapshots: SnapshotMeta[] = [];

  had(index: number, hash: number): boolean {
    return this.chain[index] === hash;
  }

  mayHaveVoted(term: number, candidate: MemberId): boolean {
    return this.hardState.term > term || (this.hardState.term === term && this.hardState.vote === candidate);
  }

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
