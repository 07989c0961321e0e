/**
 * Following: appends, heartbeats, and the acknowledgements that wait for the disk. An ack names the
 * highest index that is both verified against the leader's log in this term and durable here, so
 * many appends share one.
 */
import { assert } from "../util/assert.ts";
import type { RaftState } from "./state.ts";
import type { Message } from "./types.ts";

type Append = Extract<Message, { type: "append" }>;
type Heartbeat = Extract<Message, { type: "heartbeat" }>;

export class Follower {
  readonly #state: RaftState;
  /** Highest index known to equal the present leader's log. */
  #verified = 0;
  /** An append was accepted whose ack waits for a write. */
  #owesAck = false;

  constructor(state: RaftState) {
    this.#state = state;
  }

  /** What was verified against one leader says nothing about another. */
  leaderChanged(): void {
    this.#verified = 0;
    this.#owesAck = false;
  }

  onAppend(message: Append): void {
    const state = this.#state;
    // The log is being replaced; the leader asks again.
    if (state.isInstalling) return;
    const known = state.log.termAt(message.prevIndex);
    if (message.prevIndex <= state.commit) {
      assert(known === null || known === message.prevTerm, "Leaders hold every committed entry");
    } else if (known !== message.prevTerm) {
      this.#reject(message);
      return;
    }
    this.#store(message);
    // Never below commit: that much of the log is every later leader's, too (Leader Completeness).
    const matched = Math.max(state.commit, message.prevIndex + message.entries.length);
    // B2: only up to what this very message verified, whatever the leader has committed.
    state.commitTo(Math.min(message.commit, matched));
    this.matched(matched);
  }

  /** Truncates at the first real conflict only: a late append that is a prefix of ours changes nothing (R3). */
  #store({ entries }: Append): void {
    const state = this.#state;
    let isNew = false;
    for (const entry of entries) {
      if (!isNew) {
        const term = state.log.termAt(entry.index);
        if (term === entry.term || entry.index <= state.log.prevIndex) continue;
        if (term !== null) state.truncateFrom(entry.index);
        isNew = true;
      }
      state.append(entry);
    }
  }

  /** Names our last index whose term is not above the probe's, so that a probe skips a whole term. */
  #reject(message: Append): void {
    const { id, term, log, commit } = this.#state;
    const hintIndex = Math.max(commit, log.lastWithTermAtMost(message.prevIndex, message.prevTerm));
    this.#state.send({
      type: "append-reply",
      from: id,
      to: message.from,
      term,
      ok: false,
      index: message.prevIndex,
      hintIndex,
      hintTerm: log.termAt(hintIndex) ?? 0,
    });
  }

  /** Our log is the leader's up to `index`: says so once that is durable, never sooner. */
  matched(index: number): void {
    const { durability, term } = this.#state;
    this.#verified = Math.max(this.#verified, index);
    if (durability.isTermStable(term) && index <= durability.stableIndex) this.#sendAck();
    else this.#owesAck = true;
  }

  #sendAck(): void {
    const { id, leader, term, durability } = this.#state;
    if (leader === null) return;
    const index = Math.min(this.#verified, durability.stableIndex);
    this.#owesAck = index < this.#verified;
    this.#state.send({ type: "append-reply", from: id, to: leader, term, ok: true, index, hintIndex: 0, hintTerm: 0 });
  }

  /** A write completed. */
  persisted(): void {
    const { role, durability, term } = this.#state;
    if (this.#owesAck && role === "follower" && durability.isTermStable(term)) this.#sendAck();
  }

  onHeartbeat(message: Heartbeat): void {
    this.onCommit(message.commit);
    const { id, term } = this.#state;
    this.#state.send({ type: "heartbeat-reply", from: id, to: message.from, term, readSeq: message.readSeq });
  }

  /** The leader says min(match, commit), and match was durable here: less would be a lost disk. */
  onCommit(commit: number): void {
    const state = this.#state;
    if (state.isInstalling) return;
    assert(commit <= state.log.lastIndex, `Entries that were acknowledged are gone: ${commit}`);
    state.commitTo(commit);
  }
}
