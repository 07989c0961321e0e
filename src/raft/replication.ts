/**
 * Leading: appending, sending, counting acks, and the quorum check that ends a term nobody hears.
 * Thesis 3.5, 3.6, 6.2, 10.2.1 (appends leave before our own sync; our own ack comes from it like
 * everyone else's).
 */
import { assert } from "../util/assert.ts";
import { ENTRY_OVERHEAD_BYTES, entryBytes } from "./log.ts";
import { Progress } from "./progress.ts";
import { majority, quorumValue } from "./quorum.ts";
import type { LeaderReads } from "./read-only.ts";
import type { RaftState } from "./state.ts";
import type { Entry, EntryKind, MemberId, Message } from "./types.ts";

const EMPTY_PAYLOAD = new Uint8Array(0);
const NO_ENTRIES: readonly Entry[] = [];

export interface ReplicationHooks {
  /** Entries in (before, after] have just been committed by this leader. */
  committed(before: number, after: number): void;
  /** A peer is known to have more than before. */
  advanced(peer: Progress): void;
  /** A majority was not heard for an election timeout. */
  lostQuorum(): void;
}

type Of<T extends Message["type"]> = Extract<Message, { type: T }>;

/** Entries that several peers are sent alike, sliced once. Valid while the log's end stands still. */
type Slice = { from: number; logEnd: number; entries: readonly Entry[]; bytes: number };

export class Replication {
  readonly #state: RaftState;
  readonly #reads: LeaderReads;
  readonly #hooks: ReplicationHooks;
  /** Sorted by id, without ourselves. */
  #peers: Progress[] = [];
  #countsItself = false;
  #noopIndex = 0;
  #uncommittedBytes = 0;
  #sinceHeartbeat = 0;
  #slice: Slice = { from: 0, logEnd: 0, entries: NO_ENTRIES, bytes: 0 };
  readonly #scratch: number[] = [];

  constructor(state: RaftState, reads: LeaderReads, hooks: ReplicationHooks) {
    this.#state = state;
    this.#reads = reads;
    this.#hooks = hooks;
  }

  get peers(): readonly Progress[] {
    return this.#peers;
  }

  peer(id: MemberId): Progress | undefined {
    return this.#peers.find((peer) => peer.id === id);
  }

  get uncommittedBytes(): number {
    return this.#uncommittedBytes;
  }

  get isReady(): boolean {
    const { role, applied, commit } = this.#state;
    return role === "leader" && applied >= this.#noopIndex && commit >= this.#noopIndex;
  }

  /** The log up to here is still needed by a peer that pulls a snapshot (C2: or it would pull for ever). */
  get pinnedIndex(): number {
    let pinned = Infinity;
    if (this.#state.role !== "leader") return pinned;
    for (const peer of this.#peers) {
      if (peer.snapshot !== null && this.isActive(peer)) pinned = Math.min(pinned, peer.snapshot.index);
    }
    return pinned;
  }

  start(): void {
    const { log, commit } = this.#state;
    this.#peers = [];
    this.#sinceHeartbeat = 0;
    this.#uncommittedBytes = 0;
    this.#configChanged(log.lastIndex + 1);
    if (log.lastIndex > commit) {
      for (const entry of log.range(commit + 1, log.lastIndex)) this.#uncommittedBytes += entryBytes(entry);
    }
    this.#noopIndex = log.lastIndex + 1;
    this.#append("noop", EMPTY_PAYLOAD);
    this.broadcastAppend();
  }

  stop(): void {
    this.#peers = [];
    this.#uncommittedBytes = 0;
    this.#slice = { from: 0, logEnd: 0, entries: NO_ENTRIES, bytes: 0 };
  }

  /**
   * Effective at append: who is counted and sent to follows the latest configuration.
   * @param next what a new peer is sent first.
   */
  #configChanged(next: number): void {
    const { id, configs, options, now } = this.#state;
    const window = { messagesMax: options.inflightMessagesMax, bytesMax: options.inflightBytesMax };
    const known = new Map(this.#peers.map((peer) => [peer.id, peer]));
    this.#peers = [];
    for (const member of configs.latest.config.members) {
      if (member.id === id) continue;
      const voter = member.role === "voter";
      // A new peer starts as heard, or its silence would count before it had a chance to speak.
      const peer = known.get(member.id) ?? new Progress(member.id, { voter, next, now, window });
      peer.voter = voter;
      this.#peers.push(peer);
    }
    this.#countsItself = this.#state.isVoter;
  }

  // Appending

  propose(payloads: readonly Uint8Array[]): void {
    for (const payload of payloads) this.#append("normal", payload);
    this.broadcastAppend();
  }

  proposeConfig(payload: Uint8Array): void {
    this.#append("config", payload);
    this.#configChanged(this.#state.log.lastIndex);
    this.broadcastAppend();
    // With fewer voters than before, what is there may be a majority already.
    this.#maybeCommit();
  }

  #append(kind: EntryKind, payload: Uint8Array): void {
    const { log, term } = this.#state;
    this.#state.append({ index: log.lastIndex + 1, term, kind, payload });
    this.#uncommittedBytes += payload.byteLength + ENTRY_OVERHEAD_BYTES;
  }

  // Sending

  broadcastAppend(): void {
    for (const peer of this.#peers) this.#sendAppend(peer, false);
  }

  /** @param allowEmpty whether to send although there is nothing new: a probe. */
  #sendAppend(peer: Progress, allowEmpty: boolean): void {
    const { log, options } = this.#state;
    let mayBeEmpty = allowEmpty;
    while (peer.canSend() && (mayBeEmpty || peer.next <= log.lastIndex)) {
      mayBeEmpty = false;
      if (peer.next < log.firstIndex) {
        this.#sendSnapshot(peer);
        return;
      }
      if (peer.next > log.lastIndex) {
        this.#sendEmpty(peer);
        peer.paused = true;
        return;
      }
      const { entries, bytes } = this.#sliceFrom(peer.next, options.appendBytesMax);
      this.#emit(peer, entries);
      peer.sent(peer.next + entries.length - 1, bytes);
    }
  }

  /** Shows by its answer whether everything before arrived, and carries the commit index. */
  #sendEmpty(peer: Progress): void {
    // What is under way to it may be compacted meanwhile.
    if (peer.next < this.#state.log.firstIndex) this.#sendSnapshot(peer);
    else this.#emit(peer, NO_ENTRIES);
  }

  #emit(peer: Progress, entries: readonly Entry[]): void {
    const { id, term, commit, log } = this.#state;
    const prevIndex = peer.next - 1;
    const prevTerm = log.termAt(prevIndex);
    assert(prevTerm !== null, `The term of ${prevIndex} must be known to append after it`);
    this.#state.send({ type: "append", from: id, to: peer.id, term, prevIndex, prevTerm, entries, commit });
    peer.commitSent = commit;
  }

  #sliceFrom(from: number, bytesMax: number): Slice {
    const { log } = this.#state;
    if (this.#slice.from === from && this.#slice.logEnd === log.lastIndex) return this.#slice;
    const entries = log.slice(from, bytesMax);
    let bytes = 0;
    for (const entry of entries) bytes += entryBytes(entry);
    this.#slice = { from, logEnd: log.lastIndex, entries, bytes };
    return this.#slice;
  }

  #sendSnapshot(peer: Progress): void {
    const { id, term, now, log } = this.#state;
    // Said again, it is the same one, which may be being pulled; unless the log went on from it meanwhile.
    const isOfUse = peer.snapshot !== null && peer.snapshot.index >= log.prevIndex;
    const snapshot = isOfUse ? peer.snapshot : this.#state.snapshot;
    assert(snapshot !== null, "A log is compacted only behind a snapshot");
    peer.toSnapshot(snapshot, now);
    this.#state.send({ type: "snapshot", from: id, to: peer.id, term, meta: snapshot });
  }

  broadcastHeartbeat(): void {
    const { id, term, commit } = this.#state;
    this.#sinceHeartbeat = 0;
    for (const peer of this.#peers) {
      // B2: never beyond what the peer verifiably shares.
      const shared = Math.min(peer.match, commit);
      const readSeq = this.#reads.seq;
      this.#state.send({ type: "heartbeat", from: id, to: peer.id, term, commit: shared, readSeq });
      peer.commitSent = Math.max(peer.commitSent, shared);
    }
  }

  tick(): void {
    const { options } = this.#state;
    if (++this.#sinceHeartbeat >= options.heartbeatTicks) {
      this.#reads.open();
      this.broadcastHeartbeat();
    }
    if (!this.#hasActiveQuorum()) this.#hooks.lostQuorum();
  }

  /** Heard within an election timeout. */
  isActive(peer: Progress): boolean {
    return this.#state.now - peer.heardAt < this.#state.options.electionTicks;
  }

  /** Thesis 6.2: a leader that a majority does not answer must stop, or its clients would wait for ever. */
  #hasActiveQuorum(): boolean {
    let active = this.#countsItself ? 1 : 0;
    for (const peer of this.#peers) if (peer.voter && this.isActive(peer)) active++;
    return active >= majority(this.#state.configs.latest.voters.length);
  }

  // Answers

  onAppendReply(peer: Progress, message: Of<"append-reply">): void {
    peer.heardAt = this.#state.now;
    if (message.ok) {
      this.#acked(peer, message.index);
      return;
    }
    const { log } = this.#state;
    const retry = log.lastWithTermAtMost(message.hintIndex, message.hintTerm) + 1;
    if (peer.rejected(message.index, retry)) this.#sendAppend(peer, true);
  }

  #acked(peer: Progress, index: number): void {
    const { log } = this.#state;
    const grew = peer.acked(index);
    peer.check(log.lastIndex);
    if (grew) {
      if (peer.voter) this.#maybeCommit();
      this.#hooks.advanced(peer);
    }
    // A commit may have ended our leadership.
    if (this.#state.role !== "leader") return;
    this.#sendAppend(peer, false);
    this.#sendCommit(peer);
  }

  /** For who waits for nothing else; the others learn it from their next append. */
  #sendCommit(peer: Progress): void {
    const { id, term, commit } = this.#state;
    // B2: never beyond what the peer verifiably shares.
    const shared = Math.min(peer.match, commit);
    if (peer.state !== "replicate" || !peer.isIdle || peer.commitSent >= shared) return;
    this.#state.send({ type: "commit", from: id, to: peer.id, term, commit: shared });
    peer.commitSent = shared;
  }

  onHeartbeatReply(peer: Progress, message: Of<"heartbeat-reply">): void {
    const { log, now, options } = this.#state;
    peer.heardAt = now;
    peer.paused = false;
    if (message.readSeq > peer.readSeq) {
      peer.readSeq = message.readSeq;
      this.confirmReads();
    }
    if (peer.state === "snapshot") {
      // Our word may be lost: say it again now and then. A follower that is pulling ignores it.
      if (now - peer.snapshotToldAt >= options.electionTicks) this.#sendSnapshot(peer);
    } else if (peer.state === "probe" || peer.match < log.lastIndex) {
      // With a full window an empty append still shows whether the last ones arrived: if not, it is
      // rejected, and if only their acks were lost, its ack covers them.
      if (peer.canSend()) this.#sendAppend(peer, true);
      else this.#sendEmpty(peer);
    }
  }

  onSnapshotReply(peer: Progress, message: Of<"snapshot-reply">): void {
    peer.heardAt = this.#state.now;
    if (peer.state !== "snapshot") return;
    if (!message.ok) {
      // The next heartbeat's answer tries again: at once could be a tight loop.
      peer.toProbe();
      peer.paused = true;
      return;
    }
    peer.toProbe();
    this.#acked(peer, message.index);
  }

  onUnreachable(id: MemberId): void {
    const peer = this.peer(id);
    if (peer?.state === "replicate") peer.toProbe();
  }

  // Counting

  /** Our own write completed: the self ack. */
  persisted(): void {
    if (this.#countsItself) this.#maybeCommit();
  }

  /** Commits what a majority has, if it is of our own term (thesis 3.6.2, Figure 3.7). */
  #maybeCommit(): void {
    const { log, durability, commit, term } = this.#state;
    const reached = this.#quorumOf(durability.stableIndex, matchOf);
    if (reached <= commit || log.termAt(reached) !== term) return;
    for (const entry of log.range(commit + 1, reached)) this.#uncommittedBytes -= entryBytes(entry);
    this.#state.commitTo(reached);
    this.#hooks.committed(commit, reached);
  }

  #quorumOf(own: number, of: (peer: Progress) => number): number {
    const values = this.#scratch;
    values.length = 0;
    if (this.#countsItself) values.push(own);
    for (const peer of this.#peers) if (peer.voter) values.push(of(peer));
    return quorumValue(values);
  }

  /** @param toAll whoever lags behind, too: there may be no next message. */
  broadcastCommit({ toAll }: { toAll: boolean }): void {
    for (const peer of this.#peers) {
      if (!toAll) this.#sendCommit(peer);
      else if (peer.state === "replicate" && peer.commitSent < this.#state.commit) this.#sendEmpty(peer);
    }
  }

  /** Gives waiting reads a round unless one is out, and answers what a majority has confirmed. */
  confirmReads(): void {
    this.#reads.confirm(this.#confirmedSeq());
    if (this.#reads.hasRound || !this.#reads.open()) return;
    this.broadcastHeartbeat();
    // A lone voter is its own majority.
    this.#reads.confirm(this.#confirmedSeq());
  }

  #confirmedSeq(): number {
    return this.#quorumOf(this.#reads.seq, readSeqOf);
  }
}

function matchOf(peer: Progress): number {
  return peer.match;
}

function readSeqOf(peer: Progress): number {
  return peer.readSeq;
}
