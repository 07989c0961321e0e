/**
 * Raft as a pure step function: `step(event) -> effects`. It owns no clock, no I/O, no randomness
 * and no promise; one driver executes its effects, in the field order of `Effects`.
 *
 * What the driver owes it:
 * - Effects are carried out before the next step. Persists reach the disk in token order.
 * - `propose` only after `canPropose`, `propose-config` only after `canProposeConfig`, in the same
 *   synchronous section.
 * - A later `fetchSnapshot` replaces an earlier one. Before a pulled snapshot replaces the log on
 *   disk, ask `beginInstall`; while that write (snapshot and log truncation, one batch, after every
 *   persist handed out before) is under way nothing new is appended. Load the state machine and
 *   step `snapshot-installed` in one synchronous section. Entries handed out as committed and not
 *   yet applied are covered by the snapshot then.
 * - After `snapshot-taken`, delete from disk only what is below `firstIndex`.
 */
import { assert, assertNever } from "../util/assert.ts";
import { encodeConfig, hasMember, makeConfig } from "./config.ts";
import type { ConfigVersion } from "./config.ts";
import { Election } from "./election.ts";
import { Follower } from "./follower.ts";
import { ENTRY_OVERHEAD_BYTES } from "./log.ts";
import { adviseAgainst, droppedBy, refuseConfig, wasRemoved } from "./membership.ts";
import type { ConfigProposalRefusal } from "./membership.ts";
import { ForwardedReads, LeaderReads } from "./read-only.ts";
import { Replication } from "./replication.ts";
import { Snapshots } from "./snapshot.ts";
import { RaftState } from "./state.ts";
import { StatusView } from "./status.ts";
import { Transfer } from "./transfer.ts";
import type {
  Config,
  Effects,
  Entry,
  Event,
  InitialState,
  MemberId,
  Message,
  RaftOptions,
  SnapshotMeta,
  Status,
} from "./types.ts";

export type ProposalRefusal = "not-leader" | "not-ready" | "exhausted" | "transferring";

export type CanPropose =
  | { readonly ok: true; readonly firstIndex: number; readonly term: number }
  | { readonly ok: false; readonly reason: ProposalRefusal; readonly leader: MemberId | null };

export type CanProposeConfig =
  | { readonly ok: true; readonly index: number; readonly term: number }
  | { readonly ok: false; readonly reason: ConfigProposalRefusal; readonly leader: MemberId | null };

export class RaftCore {
  readonly #state: RaftState;
  readonly #election: Election;
  readonly #replication: Replication;
  readonly #reads: LeaderReads;
  readonly #forwarded: ForwardedReads;
  readonly #follower: Follower;
  readonly #snapshots: Snapshots;
  readonly #transfer: Transfer;
  readonly #view: StatusView;
  #committedConfig: ConfigVersion;

  constructor(initial: InitialState, options: RaftOptions) {
    const state = new RaftState(initial, options);
    this.#state = state;
    this.#reads = new LeaderReads(state);
    this.#forwarded = new ForwardedReads(state);
    this.#follower = new Follower(state);
    this.#snapshots = new Snapshots(state, { matched: (index) => this.#follower.matched(index) });
    this.#election = new Election(state, {
      becameLeader: () => this.#replication.start(),
      leftLeadership: () => {
        this.#replication.stop();
        this.#transfer.stop();
        this.#reads.fail();
      },
      leaderChanged: () => {
        this.#follower.leaderChanged();
        this.#forwarded.fail();
      },
    });
    this.#replication = new Replication(state, this.#reads, {
      committed: (before, after) => this.#onLeaderCommit(before, after),
      advanced: (peer) => this.#transfer.advanced(peer),
      lostQuorum: () => this.#election.becomeFollower(state.term, null),
    });
    this.#transfer = new Transfer(state, this.#replication);
    this.#committedConfig = state.configs.at(state.commit);
    this.#view = new StatusView(state, this.#replication, this.#transfer);
  }

  // Queries

  get firstIndex(): number {
    return this.#state.log.firstIndex;
  }

  get lastIndex(): number {
    return this.#state.log.lastIndex;
  }

  // What drivers look at every turn: `status()` tells the same and more, and costs more.

  get term(): number {
    return this.#state.term;
  }

  get commit(): number {
    return this.#state.commit;
  }

  get applied(): number {
    return this.#state.applied;
  }

  get leader(): MemberId | null {
    return this.#state.leader;
  }

  get isLeader(): boolean {
    return this.#state.role === "leader";
  }

  /** Leader only. */
  get uncommittedBytes(): number {
    return this.#replication.uncommittedBytes;
  }

  /** See `Status.ready`. */
  get isReady(): boolean {
    return this.#replication.isReady;
  }

  /** null where the index is compacted or beyond the end. */
  termAt(index: number): number | null {
    return this.#state.log.termAt(index);
  }

  /** Entries from `from` (>= firstIndex) on while they fit `bytesMax`, at least one if there is one. */
  entriesFrom(from: number, bytesMax: number): readonly Entry[] {
    return from > this.lastIndex ? [] : this.#state.log.slice(from, bytesMax);
  }

  /** The membership that an index lives under: what a snapshot taken there must carry (C7). */
  configAt(index: number): Config {
    return this.#state.configs.at(index).config;
  }

  status(): Status {
    return this.#view.status();
  }

  canPropose(bytes: number): CanPropose {
    const { role, leader, log, term, options } = this.#state;
    const refuse = (reason: ProposalRefusal): CanPropose => ({ ok: false, reason, leader });
    if (role !== "leader") return refuse("not-leader");
    if (!this.#replication.isReady) return refuse("not-ready");
    if (this.#transfer.target !== null) return refuse("transferring");
    const pending = this.#replication.uncommittedBytes;
    // An empty queue takes anything: the size of one proposal is bounded by the driver.
    if (pending > 0 && pending + bytes + ENTRY_OVERHEAD_BYTES > options.uncommittedBytesMax) return refuse("exhausted");
    return { ok: true, firstIndex: log.lastIndex + 1, term };
  }

  /** `force`: go on although a promoted learner lags or the new majority is silent. */
  canProposeConfig(config: Config, { force }: { force: boolean }): CanProposeConfig {
    const state = this.#state;
    const next = makeConfig(config.members);
    const reason =
      refuseConfig(state, next) ??
      (this.#transfer.target === null ? null : "transferring") ??
      (force ? null : adviseAgainst(state, this.#replication, next));
    if (reason !== null) return { ok: false, reason, leader: state.leader };
    return { ok: true, index: state.log.lastIndex + 1, term: state.term };
  }

  /** See `Snapshots.beginInstall`. */
  beginInstall(meta: SnapshotMeta): boolean {
    return this.#snapshots.beginInstall(meta);
  }

  // Steps

  step(event: Event): Effects {
    const commitBefore = this.#state.commit;
    this.#dispatch(event);
    const removed = this.#noticeRemoval(commitBefore);
    const statusChanged = this.#view.hasChanged();
    return this.#state.flush(statusChanged, removed);
  }

  #dispatch(event: Event): void {
    switch (event.type) {
      case "tick":
        return this.#tick();
      case "message":
        return this.#onMessage(event.message);
      case "propose":
        return this.#propose(event.payloads);
      case "propose-config":
        return this.#proposeConfig(event.config);
      case "read":
        return this.#read(event.requestId);
      case "persisted":
        return this.#persisted(event.token);
      case "applied":
        return this.#state.setApplied(event.index);
      case "snapshot-taken":
        return this.#snapshots.onTaken(event.meta, event.compactTo, this.#replication.pinnedIndex);
      case "snapshot-installed":
        return this.#snapshots.onInstalled(event.meta);
      case "snapshot-failed":
        return this.#snapshots.onFailed(event.from, event.index);
      case "leader-lost":
        return this.#election.leaderLost(event.leader);
      case "peer-unreachable":
        return this.#replication.onUnreachable(event.peer);
      case "transfer":
        return this.#transfer.begin(event.to);
      case "step-down":
        return this.#stepDown();
      default:
        return assertNever(event, "event");
    }
  }

  #tick(): void {
    this.#state.now++;
    if (this.#state.role !== "leader") {
      this.#election.tick();
      this.#forwarded.tick();
      return;
    }
    this.#reads.tick();
    this.#transfer.tick();
    this.#replication.tick();
  }

  #propose(payloads: readonly Uint8Array[]): void {
    const can = this.canPropose(0);
    assert(can.ok || can.reason === "exhausted", "Ask canPropose in the same section before proposing");
    this.#replication.propose(payloads);
  }

  #proposeConfig(config: Config): void {
    const next = makeConfig(config.members);
    assert(refuseConfig(this.#state, next) === null, "Ask canProposeConfig in the same section before proposing");
    this.#replication.proposeConfig(encodeConfig(next));
    this.#transfer.configChanged();
  }

  #read(requestId: number): void {
    if (this.#state.role !== "leader") {
      this.#forwarded.add(requestId);
      return;
    }
    this.#reads.add(requestId, null);
    this.#replication.confirmReads();
  }

  #persisted(token: number): void {
    const state = this.#state;
    for (const message of state.durability.complete(token, state.log)) {
      // Promises of an earlier term were overtaken; a request for votes needs its candidate.
      if (message.term !== state.term || (message.type === "vote" && state.role !== "candidate")) continue;
      if (message.to !== state.id) state.send(message);
      else if (message.type === "vote-reply") this.#election.onVoteReply(message);
    }
    if (state.role === "leader") this.#replication.persisted();
    else this.#follower.persisted();
  }

  #stepDown(): void {
    if (this.#state.role !== "leader") return;
    this.#transfer.handOff();
    this.#election.becomeFollower(this.#state.term, null);
  }

  /** Entries in (before, after] were committed by us as the leader. */
  #onLeaderCommit(before: number, after: number): void {
    const state = this.#state;
    let previous = state.configs.at(before);
    for (const config of state.configs.between(before, after)) {
      for (const to of droppedBy(previous.config, config.config)) {
        if (to === state.id || hasMember(state.configs.latest.config, to)) continue;
        state.send({ type: "removed", from: state.id, to, term: state.term });
      }
      previous = config;
    }
    const isOut = previous.index > before && !previous.voters.includes(state.id);
    this.#replication.broadcastCommit({ toAll: isOut });
    if (!isOut) {
      this.#replication.confirmReads();
      return;
    }
    // M4: it managed its own leaving to the end; a successor need not wait for a timeout.
    this.#transfer.handOff();
    this.#election.becomeFollower(state.term, null);
  }

  // Messages

  #onMessage(message: Message): void {
    const state = this.#state;
    if (message.to !== state.id || message.from === state.id || state.isRemoved) return;
    if (message.type === "pre-vote" || message.type === "vote") {
      if (wasRemoved(state, message)) {
        state.send({ type: "removed", from: state.id, to: message.from, term: state.term });
        return;
      }
    }
    if (message.type === "pre-vote") {
      this.#election.onPreVote(message);
      return;
    }
    if (message.term < state.term) {
      this.#onOldTerm(message);
      return;
    }
    if (message.term > state.term && !this.#raiseTerm(message)) return;
    this.#onCurrentTerm(message);
  }

  /** Whoever lives in an old term learns ours: a stale leader steps down, a laggard catches up (B6). */
  #onOldTerm(message: Message): void {
    const { id, term } = this.#state;
    const reply = { from: id, to: message.from, term } as const;
    switch (message.type) {
      case "append":
      case "heartbeat":
      case "snapshot":
        return this.#state.send({ ...reply, type: "heartbeat-reply", readSeq: 0 });
      case "vote":
        return this.#state.send({ ...reply, type: "vote-reply", granted: false });
      case "read-index":
        return this.#state.send({
          ...reply,
          type: "read-index-reply",
          requestId: message.requestId,
          index: 0,
          ok: false,
        });
      case "removed":
        return this.#onRemoved();
      default:
    }
  }

  /** @returns whether the message is to be handled, in its own term. */
  #raiseTerm(message: Message): boolean {
    const election = this.#election;
    switch (message.type) {
      case "vote":
        if (election.ignoresVote(message)) return false;
        election.becomeFollower(message.term, null);
        return true;
      case "pre-vote-reply":
        // A grant carries the term that was asked for; nobody has entered it yet.
        if (!message.granted) election.becomeFollower(message.term, null);
        return message.granted;
      case "append":
      case "heartbeat":
      case "commit":
      case "snapshot":
        election.becomeFollower(message.term, message.from);
        return true;
      default:
        election.becomeFollower(message.term, null);
        return true;
    }
  }

  #onCurrentTerm(message: Message): void {
    switch (message.type) {
      case "append":
        this.#hear(message.from);
        return this.#follower.onAppend(message);
      case "heartbeat":
        this.#hear(message.from);
        return this.#follower.onHeartbeat(message);
      case "commit":
        this.#hear(message.from);
        return this.#follower.onCommit(message.commit);
      case "snapshot":
        this.#hear(message.from);
        return this.#snapshots.onSnapshot(message);
      case "pre-vote":
        return this.#election.onPreVote(message);
      case "pre-vote-reply":
        return this.#election.onPreVoteReply(message);
      case "vote":
        return this.#election.onVote(message);
      case "vote-reply":
        return this.#election.onVoteReply(message);
      case "timeout-now":
        return this.#election.onTimeoutNow();
      case "read-index":
        return this.#onReadIndex(message.from, message.requestId);
      case "read-index-reply":
        return this.#forwarded.onReply(message);
      case "removed":
        return this.#onRemoved();
      case "append-reply":
      case "heartbeat-reply":
      case "snapshot-reply":
        return this.#onAnswer(message);
      default:
        return assertNever(message, "message");
    }
  }

  #hear(leader: MemberId): void {
    assert(this.#state.role !== "leader", `Term ${this.#state.term} has two leaders: ${this.#state.id} and ${leader}`);
    this.#election.heardLeader(leader);
  }

  #onAnswer(message: Extract<Message, { type: "append-reply" | "heartbeat-reply" | "snapshot-reply" }>): void {
    if (this.#state.role !== "leader") return;
    const peer = this.#replication.peer(message.from);
    // Someone who left meanwhile.
    if (peer === undefined) return;
    if (message.type === "append-reply") this.#replication.onAppendReply(peer, message);
    else if (message.type === "heartbeat-reply") this.#replication.onHeartbeatReply(peer, message);
    else this.#replication.onSnapshotReply(peer, message);
  }

  /** Forwarded once, never twice (Q10): whoever is not the leader says no. */
  #onReadIndex(from: MemberId, requestId: number): void {
    const { role, id, term } = this.#state;
    if (role === "leader") {
      this.#reads.add(requestId, from);
      this.#replication.confirmReads();
      return;
    }
    this.#state.send({ type: "read-index-reply", from: id, to: from, term, requestId, index: 0, ok: false });
  }

  /** Follows nobody and leads nobody from here on; reads that waited for either fail. */
  #onRemoved(): void {
    this.#state.isRemoved = true;
    this.#election.becomeFollower(this.#state.term, null);
  }

  // After a step

  /** A committed configuration without us, after one with us, ends this member for good. */
  #noticeRemoval(commitBefore: number): boolean {
    const state = this.#state;
    if (state.commit > commitBefore && state.configs.at(state.commit) !== this.#committedConfig) {
      let was = hasMember(this.#committedConfig.config, state.id);
      for (const { config } of [...state.configs.between(commitBefore, state.commit), state.configs.at(state.commit)]) {
        const is = hasMember(config, state.id);
        if (was && !is && !state.isReturning) this.#onRemoved();
        was = is;
      }
      this.#committedConfig = state.configs.at(state.commit);
    }
    return state.isRemoved;
  }
}
