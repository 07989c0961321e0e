/**
 * Snapshots as a member sees its own: which one to pull, when a pulled one may replace the log, and
 * how far the log may be compacted. The bodies never come here.
 *
 * ```
 *  "snapshot" ---> pulling ---> beginInstall ---> installed: log starts over at the snapshot
 *      |              |
 *      |              +-- failed: the leader is told and tries again
 *      +-- we have it already: commit moves forward, the tail stays (C4)
 * ```
 */
import { assert } from "../util/assert.ts";
import type { RaftState } from "./state.ts";
import type { MemberId, Message, SnapshotMeta } from "./types.ts";

export interface SnapshotHooks {
  /** Our log is the leader's up to `index`; it is told once that is durable. */
  matched(index: number): void;
}

export class Snapshots {
  readonly #state: RaftState;
  readonly #hooks: SnapshotHooks;
  #pulling: { readonly from: MemberId; readonly meta: SnapshotMeta } | null = null;

  constructor(state: RaftState, hooks: SnapshotHooks) {
    this.#state = state;
    this.#hooks = hooks;
  }

  onSnapshot(message: Extract<Message, { type: "snapshot" }>): void {
    const { from, meta } = message;
    if (this.#hasAlready(meta)) {
      this.#fastForward(meta);
      return;
    }
    // The leader repeats itself while we pull; a new leader's word replaces the old one's.
    if (this.#state.isInstalling || this.#pulling?.from === from) return;
    this.#pulling = { from, meta };
    this.#state.fetchSnapshot(from, meta);
  }

  #hasAlready(meta: SnapshotMeta): boolean {
    const { commit, log } = this.#state;
    return meta.index <= commit || log.termAt(meta.index) === meta.term;
  }

  /**
   * What a snapshot holds is committed, and equal (index, term) means an equal prefix (Log Matching).
   * An answer short of its index, because our disk is behind, would have it offered again at once.
   */
  #fastForward(meta: SnapshotMeta): void {
    const state = this.#state;
    if (!state.isInstalling) state.commitTo(meta.index);
    this.#hooks.matched(state.commit);
  }

  /**
   * Called in the same synchronous section in which the driver starts to make the switch durable.
   * On true the log stands still until snapshot-installed or snapshot-failed; on false the
   * snapshot is old news and must be dropped (step snapshot-failed).
   */
  beginInstall(meta: SnapshotMeta): boolean {
    if (this.#pulling?.meta.index !== meta.index) return false;
    if (this.#state.role === "leader" || this.#hasAlready(meta)) return false;
    this.#state.isInstalling = true;
    return true;
  }

  onInstalled(meta: SnapshotMeta): void {
    const state = this.#state;
    state.isInstalling = false;
    this.#pulling = null;
    // Stale, and the state machine must not have loaded it: everything of it is committed here.
    if (meta.index <= state.commit) {
      this.#hooks.matched(state.commit);
      return;
    }
    // The disk holds nothing beyond the snapshot any more, so no tail in memory may count as durable.
    assert(state.log.termAt(meta.index) !== meta.term, "A snapshot that the log agrees with is not installed");
    state.resetTo(meta);
    state.skipTo(meta.index);
    state.commitTo(meta.index);
    state.snapshot = meta;
    this.#reply(meta.index, true);
  }

  onFailed(from: MemberId, index: number): void {
    const state = this.#state;
    // A failure of a pull that was replaced meanwhile is nobody's business any more.
    if (this.#pulling?.from !== from || this.#pulling.meta.index !== index) return;
    const { meta } = this.#pulling;
    this.#pulling = null;
    state.isInstalling = false;
    if (this.#hasAlready(meta)) this.#fastForward(meta);
    else if (state.leader === from) this.#reply(index, false);
  }

  #reply(index: number, ok: boolean): void {
    const { id, leader, term, role } = this.#state;
    if (role !== "follower" || leader === null) return;
    const reply: Message = { type: "snapshot-reply", from: id, to: leader, term, index, ok };
    // It promises an index in this term, as an append's ack does.
    if (this.#state.durability.isTermStable(term)) this.#state.send(reply);
    else this.#state.durability.hold(reply);
  }

  /** @param pinned index that a peer's pull still needs the log from. */
  onTaken(meta: SnapshotMeta, compactTo: number, pinned: number): void {
    const state = this.#state;
    assert(meta.index <= state.applied, "A snapshot holds what was applied, no more");
    // One that was pulled meanwhile is newer.
    if (state.snapshot !== null && meta.index <= state.snapshot.index) return;
    assert(state.log.termAt(meta.index) === meta.term, "A snapshot carries the term of its last entry");
    state.snapshot = meta;
    const to = Math.min(compactTo, meta.index, pinned);
    state.log.compactTo(to);
    state.configs.compactTo(to);
  }
}
