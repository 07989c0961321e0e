/** What a member's disk holds, seen by someone who watches every byte become durable: its log as a chain, its hard state. */
import { decodeRecord } from "../../../src/manager/replica/entry-codec.ts";
import { decodeHardState, decodeManifest } from "../../../src/manager/replica/log-records.ts";
import { identitySealer } from "../../../src/manager/replica/sealer.ts";
import type { HardState, MemberId } from "../../../src/raft/types.ts";
import { chainHash } from "./chain-hash.ts";
import type { Durable } from "./invariants.ts";

const NOTHING: HardState = { term: 0, vote: null, commit: 0 };

export class DiskInspector implements Durable {
  /** By index; index 0 is the empty log. */
  chain: number[] = [0];
  /** What it held before it was damaged: acknowledged in good faith. */
  #former: readonly number[] = [];
  #formerHardState: HardState = NOTHING;
  hardState: HardState = NOTHING;
  /** Durable writes, as the hard state counts them. */
  writes = 0;
  readonly #committed: readonly number[];
  readonly #onHardState: (before: HardState, after: HardState) => void;

  /** @param committed what is below a snapshot: the chain of all committed entries. */
  constructor(committed: readonly number[], onHardState: (before: HardState, after: HardState) => void) {
    this.#committed = committed;
    this.#onHardState = onHardState;
  }

  /** Whether it has this entry, or had it before its disk went back. */
  had(index: number, hash: number): boolean {
    return this.chain[index] === hash || this.#former[index] === hash;
  }

  mayHaveVoted(term: number, candidate: MemberId): boolean {
    return [this.hardState, this.#formerHardState].some(
      (state) => state.term > term || (state.term === term && state.vote === candidate),
    );
  }

  get lastIndex(): number {
    return this.chain.length - 1;
  }

  /** Begins anew with what is there. Where that is no log, the member does not start either. */
  start(found: { compactedTo: number; records: readonly Uint8Array[]; hardState: Uint8Array | undefined }): void {
    this.#formerHardState = this.hardState;
    this.#former = this.chain;
    this.hardState = NOTHING;
    this.writes = 0;
    this.chain = this.#committed.slice(0, found.compactedTo + 1);
    for (const record of found.records) this.#record(record);
    if (found.hardState !== undefined) this.#hardState(found.hardState);
  }

  look(ops: readonly { readonly key: string; readonly value: Uint8Array | undefined }[]): void {
    let isInstall = false;
    let snapshotIndex = 0;
    for (const { key, value } of ops) {
      if (value === undefined) continue;
      if (key.startsWith("l/")) this.#record(value);
      else if (key === "m/hs") this.#hardState(value);
      else if (key === "m/snap") snapshotIndex = decodeManifest(value, identitySealer).meta.index;
      else if (key === "m/first") isInstall = true;
    }
    // Only an install moves both at once: the log starts over at the snapshot.
    if (isInstall && snapshotIndex > 0) this.chain = this.#committed.slice(0, snapshotIndex + 1);
  }

  #record(value: Uint8Array): void {
    const { entries } = decodeRecord(value, identitySealer);
    this.chain.length = entries[0]?.index ?? 0;
    for (const entry of entries) this.chain.push(chainHash(this.chain[entry.index - 1] ?? 0, entry));
  }

  #hardState(value: Uint8Array): void {
    const before = this.hardState;
    const { term, vote, commit, writes } = decodeHardState(value, identitySealer);
    this.hardState = { term, vote, commit };
    this.writes = writes;
    this.#onHardState(before, this.hardState);
  }
}
