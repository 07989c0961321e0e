/**
 * What is on disk, and what must wait for it. Every durable write has a token; tokens complete in
 * order; messages that promise something durable wait under the token that makes it so.
 *
 * A completion credits exactly what its write still means: when entries are truncated while their
 * write is under way, the credit of every outstanding token shrinks at once. Comparing terms at
 * completion would not do: a tail may be replaced and come back (ABA) while the write of the
 * replacement is still queued behind.
 */
import { assert } from "../util/assert.ts";
import type { RaftLog } from "./log.ts";
import type { HardState, MemberId, Message, Persist } from "./types.ts";

type Pending = {
  readonly token: number;
  /** Highest index this write makes durable; shrinks on truncation. */
  lastIndex: number;
  readonly lastTerm: number;
  readonly term: number;
  readonly vote: MemberId | null;
  /** To be sent once it is durable. */
  readonly held: Message[];
};

export class Durability {
  #nextToken = 1;
  #pending: Pending[] = [];
  /** Messages of the current step that wait for the write of this step, or the last one under way. */
  #held: Message[] = [];
  #stableIndex: number;
  #stableTerm: number;
  #stableVote: MemberId | null;
  /** Highest index handed to the driver, and the term and vote handed with it. */
  #handedIndex: number;
  #handedTerm: number;
  #handedVote: MemberId | null;

  constructor(hardState: HardState, lastIndex: number) {
    this.#stableIndex = this.#handedIndex = lastIndex;
    this.#stableTerm = this.#handedTerm = hardState.term;
    this.#stableVote = this.#handedVote = hardState.vote;
  }

  /** Highest index of the present log that is durable here. */
  get stableIndex(): number {
    return this.#stableIndex;
  }

  /** Whether a promise made in `term` (an ack) would survive a crash. */
  isTermStable(term: number): boolean {
    return this.#stableTerm === term;
  }

  /** Whether a vote would survive a crash. */
  isVoteStable(term: number, vote: MemberId | null): boolean {
    return this.#stableTerm === term && this.#stableVote === vote;
  }

  hold(message: Message): void {
    this.#held.push(message);
  }

  /** Entries from `index` on were dropped: no write that is done or under way counts for them. */
  truncatedFrom(index: number): void {
    this.#stableIndex = Math.min(this.#stableIndex, index - 1);
    this.#handedIndex = Math.min(this.#handedIndex, index - 1);
    for (const pending of this.#pending) pending.lastIndex = Math.min(pending.lastIndex, index - 1);
  }

  /** The log starts over after a durable snapshot: nothing that is under way counts any more. */
  reset(index: number): void {
    for (const pending of this.#pending) pending.lastIndex = 0;
    this.#stableIndex = this.#handedIndex = index;
  }

  /** What changed since the last call, as one write; null if nothing did. Held messages join it. */
  take(log: RaftLog, hardState: HardState): Persist | null {
    const lastIndex = log.lastIndex;
    const isDirty =
      lastIndex > this.#handedIndex || hardState.term !== this.#handedTerm || hardState.vote !== this.#handedVote;
    if (!isDirty) {
      this.#holdUnderLast();
      return null;
    }
    const entries = lastIndex > this.#handedIndex ? log.range(this.#handedIndex + 1, lastIndex) : [];
    const token = this.#nextToken++;
    this.#pending.push({
      token,
      lastIndex,
      lastTerm: log.lastTerm,
      term: hardState.term,
      vote: hardState.vote,
      held: this.#held,
    });
    this.#held = [];
    this.#handedIndex = lastIndex;
    this.#handedTerm = hardState.term;
    this.#handedVote = hardState.vote;
    return { token, entries, hardState };
  }

  #holdUnderLast(): void {
    if (this.#held.length === 0) return;
    const last = this.#pending.at(-1);
    assert(last !== undefined, "A message is held only while a write is under way");
    last.held.push(...this.#held);
    this.#held = [];
  }

  /** @returns the messages that waited for this write. The caller drops those of an older term. */
  complete(token: number, log: RaftLog): readonly Message[] {
    const pending = this.#pending.shift();
    assert(pending !== undefined, `Write ${token} completed but none is under way`);
    assert(pending.token === token, `Writes complete in order: expected ${pending.token}, got ${token}`);
    assert(pending.term >= this.#stableTerm, "The durable term never falls");
    this.#stableTerm = pending.term;
    this.#stableVote = pending.vote;
    if (pending.lastIndex > this.#stableIndex) {
      const term = log.termAt(pending.lastIndex);
      assert(term === null || term <= pending.lastTerm, "A write is credited only for what it wrote");
      this.#stableIndex = pending.lastIndex;
    }
    return pending.held;
  }
}
