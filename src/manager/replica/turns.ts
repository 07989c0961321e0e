/**
 * What a running replica does in its turns. One turn of the event loop steps everything that came in
 * since the last, sends one batch of messages a peer, starts at most one synced write, applies what
 * is committed and resolves who waited, in this order. Nothing here waits or makes a promise, so
 * that a simulator can run it whole.
 *
 * ```
 *  inbound, propose, read ----> [ turn ] ----> messages ----> flush ----> apply ----> waiters
 *  tick, persisted ----------------^                            |
 *                                  +------- persisted ----------+
 * ```
 *
 * Proposals get their index at once although the core is stepped later: every step of the core is
 * preceded by the proposals queued so far (`step`), so nothing can come between.
 */
import type { RaftCore } from "../../raft/core.ts";
import {
  TICK_MS,
  type Config,
  type Effects,
  type Event,
  type HardState,
  type MemberId,
  type Message,
  type RaftOptions,
  type Status,
} from "../../raft/types.ts";
import type { Proposer } from "../../store/types.ts";
import { AppError } from "../../util/errors.ts";
import type { Env } from "../../util/env.ts";
import type { Logger } from "../../util/log.ts";
import { Applier, type AppliedPosition } from "./applier.ts";
import { CommitNotices } from "./commit-notices.ts";
import type { Driver } from "./driver.ts";
import { Flusher } from "./flusher.ts";
import type { LogStorage } from "./log-storage.ts";
import { Membership } from "./membership.ts";
import type { ReplicaMetrics } from "./metrics.ts";
import { Proposals, type Slot } from "./proposals.ts";
import { ReadBarriers } from "./read-barriers.ts";
import type { PromiseFloor } from "./retired.ts";
import { Ticker } from "./ticker.ts";
import type { LeaderInfo, StateMachine } from "./types.ts";

/** What carries this member's messages; `Transport` is the real one. */
export interface Outbound {
  /** One turn's messages to one peer, in order. */
  send(to: MemberId, messages: readonly Message[]): void;
  setPeers(config: Config): void;
}

/** What moves the bodies of snapshots; `Snapshotter` is the real one. */
export interface SnapshotMover {
  /** After applying: begins a snapshot if one is due. */
  maybeBuild(): void;
  /** Pulls this snapshot from `from`; a later order replaces an earlier one. `config` has addresses. */
  fetch(from: MemberId, meta: NonNullable<Effects["fetchSnapshot"]>["meta"], config: Config): void;
}

export type TurnParts = {
  readonly env: Env;
  readonly log: Logger;
  readonly metrics: ReplicaMetrics;
  /** As opened: nothing was stepped yet. */
  readonly core: RaftCore;
  readonly storage: LogStorage;
  readonly stateMachine: StateMachine;
  readonly outbound: Outbound;
  readonly floor: PromiseFloor;
  readonly snapshots: (driver: Driver) => SnapshotMover;
};

export type TurnOptions = {
  readonly raft: Pick<RaftOptions, "electionTicks" | "uncommittedBytesMax">;
  /** As it is on disk. */
  readonly hardState: HardState;
  /** What the state machine holds. */
  readonly position: AppliedPosition;
  /** Why no proposal is let in, whoever leads; null: they are. */
  readonly refused: () => AppError | null;
};

export type TurnEvents = {
  onStatus(status: Status): void;
  /** This member was removed from the cluster. Called once. */
  onRemoved(): void;
  /** Nothing may be acknowledged any more: halt. */
  onFatal(error: Error): void;
};

export class Turns implements Driver, Proposer {
  readonly env: Env;
  readonly log: Logger;
  readonly metrics: ReplicaMetrics;
  readonly core: RaftCore;
  readonly storage: LogStorage;
  readonly stateMachine: StateMachine;
  readonly applier: Applier;
  readonly flusher: Flusher;
  readonly barriers: ReadBarriers;
  readonly membership: Membership;
  readonly #options: TurnOptions;
  readonly #events: TurnEvents;
  readonly #outbound: Outbound;
  readonly #floor: PromiseFloor;
  readonly #snapshots: SnapshotMover;
  readonly #proposals: Proposals;
  readonly #notices: CommitNotices;
  readonly #ticker: Ticker;

  readonly #inbox: Message[] = [];
  readonly #queued: Event[] = [];
  readonly #outbox = new Map<MemberId, Message[]>();
  #isHalted = false;
  #isTurnScheduled = false;
  #isFinishing = false;
  #isStatusDirty = true;
  #removal: "none" | "heard" | "told" = "none";
  #peersOf: Config | null = null;
  #hasLearners = false;
  /** The term in which the state machine was told that it leads; null while it does not. */
  #leadingTerm: number | null = null;

  constructor(parts: TurnParts, options: TurnOptions, events: TurnEvents) {
    const { env, log, metrics, core, storage, stateMachine } = parts;
    this.env = env;
    this.log = log;
    this.metrics = metrics;
    this.core = core;
    this.storage = storage;
    this.stateMachine = stateMachine;
    this.#options = options;
    this.#events = events;
    this.#outbound = parts.outbound;
    this.#floor = parts.floor;
    this.applier = new Applier({ env, stateMachine, metrics, onFatal: (error) => this.fatal(error) }, options.position);
    this.flusher = new Flusher(
      { env, storage, metrics },
      { hardState: options.hardState, onPersisted: (tokens) => this.#onPersisted(tokens) },
    );
    this.barriers = new ReadBarriers(env, {
      schedule: () => this.#schedule(),
      hasLeader: () => this.core.leader !== null,
      appliedIndex: () => this.applier.index,
    });
    this.membership = new Membership(this, { notLeader: () => this.#notLeader() });
    this.#proposals = new Proposals({
      bytesMax: options.raft.uncommittedBytesMax,
      notLeader: () => this.#notLeader(),
      refused: options.refused,
    });
    this.#notices = new CommitNotices(env, (notices) => {
      for (const notice of notices) this.#post(notice);
      this.finishTurn();
    });
    this.#ticker = new Ticker(env, () => this.#onTick());
    this.#snapshots = parts.snapshots(this);
  }

  start(): void {
    this.#ticker.start();
    this.later({ type: "applied", index: this.applier.index });
    this.finishTurn();
  }

  /** Nothing goes in or out from here on. */
  halt(): void {
    if (this.#isHalted) return;
    this.#isHalted = true;
    this.#ticker.stop();
    this.#notices.close();
    this.barriers.close();
    this.membership.close();
    if (this.#leadingTerm === null) return;
    this.#leadingTerm = null;
    this.stateMachine.leadershipLost();
  }

  fatal(error: Error): void {
    if (!this.#isHalted) this.#events.onFatal(error);
  }

  // What comes in

  receive(messages: readonly Message[]): void {
    for (const message of messages) this.#inbox.push(message);
    this.#schedule();
  }

  /** Steps `event` in the next turn. */
  later(event: Event): void {
    this.#queued.push(event);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isTurnScheduled || this.#isHalted) return;
    this.#isTurnScheduled = true;
    this.env.defer(() => {
      this.#isTurnScheduled = false;
      this.#turn();
    });
  }

  #turn(): void {
    if (this.#isHalted) return;
    for (const event of this.#queued.splice(0)) this.step(event);
    const inbox = this.#inbox.splice(0);
    this.metrics.messagesIn += inbox.length;
    for (const message of inbox) {
      if (!this.#floor.withholds(message, this.core)) this.step({ type: "message", message });
    }
    const requestId = this.barriers.ask();
    if (requestId !== null) this.step({ type: "read", requestId });
    this.#flushProposals();
    this.finishTurn();
  }

  #onTick(): void {
    if (this.#isHalted) return;
    const { core, flusher, applier } = this;
    this.step({ type: "tick" });
    if (core.isLeader) {
      const limitMs = 2 * this.#options.raft.electionTicks * TICK_MS;
      if (flusher.underWayMs > limitMs) this.step({ type: "step-down", why: "its own disk does not answer" });
      else if (this.#leadingTerm !== null && applier.underWayMs > limitMs)
        this.step({ type: "step-down", why: "it does not keep up with applying what is committed" });
      else if (this.#hasLearners) this.membership.promote(core.status());
    }
    this.finishTurn();
  }

  #onPersisted(tokens: readonly number[]): void {
    if (this.#isHalted) return;
    for (const token of tokens) this.step({ type: "persisted", token });
    this.finishTurn();
  }

  step(event: Event): void {
    if (this.#isHalted) return;
    this.#flushProposals();
    this.#collect(this.core.step(event));
  }

  #flushProposals(): void {
    if (this.#proposals.isEmpty) return;
    const payloads = this.#proposals.take();
    this.metrics.proposals += payloads.length;
    this.#collect(this.core.step({ type: "propose", payloads }));
  }

  /** Keeps what a step asks for until the turn ends. Must not step the core. */
  #collect(effects: Effects): void {
    for (const message of effects.messages) {
      if (message.type === "commit") this.#notices.hold(message);
      else this.#post(message);
    }
    if (effects.persist !== null) this.flusher.add(effects.persist);
    if (effects.committed.length > 0) this.applier.push(effects.committed);
    for (const result of effects.reads) this.barriers.answered(result);
    if (effects.fetchSnapshot !== null) {
      const { from, meta } = effects.fetchSnapshot;
      this.#snapshots.fetch(from, meta, this.core.status().config);
    }
    if (effects.statusChanged) this.#isStatusDirty = true;
    if (effects.removed && this.#removal === "none") this.#removal = "heard";
  }

  #post(message: Message): void {
    if (message.type === "append") this.#notices.overtakenBy(message);
    const queue = this.#outbox.get(message.to);
    if (queue === undefined) this.#outbox.set(message.to, [message]);
    else queue.push(message);
  }

  // How a turn ends

  finishTurn(): void {
    // A listener may end up here again; the turn under way takes care of what it added.
    if (this.#isHalted || this.#isFinishing) return;
    this.#isFinishing = true;
    try {
      this.#sendAndFlush();
      this.#apply();
      this.#sendAndFlush();
      this.#notify();
    } finally {
      this.#isFinishing = false;
    }
    if (this.applier.hasMore) this.#schedule();
  }

  /** Messages leave before our own disk is asked (thesis 10.2.1). */
  #sendAndFlush(): void {
    for (const [to, messages] of this.#outbox) {
      this.#outbox.delete(to);
      this.metrics.messagesOut += messages.length;
      this.#outbound.send(to, messages);
    }
    this.flusher.kick();
  }

  #apply(): void {
    const { applier, core } = this;
    const before = applier.index;
    this.#noticeLostLeadership();
    applier.run({ bounded: true });
    if (applier.index > before) {
      this.step({ type: "applied", index: applier.index });
      this.#snapshots.maybeBuild();
    }
    if (this.#leadingTerm === null && core.isReady) {
      const { term } = core;
      this.#leadingTerm = term;
      this.metrics.leaderships += 1;
      this.log.info("leading", { term });
      this.stateMachine.leadershipGained(term);
    }
    this.barriers.release();
    this.membership.settle();
  }

  /** What was committed is applied first: its waiters are then resolved by the log, not as unknown. */
  #noticeLostLeadership(): void {
    if (this.#leadingTerm === null || !this.#isStatusDirty) return;
    const { isLeader, term } = this.core;
    if (isLeader && term === this.#leadingTerm) return;
    this.#leadingTerm = null;
    this.applier.run({ bounded: false });
    this.log.info("not leading any more", { term });
    this.stateMachine.leadershipLost();
  }

  #notify(): void {
    if (this.#isStatusDirty) {
      this.#isStatusDirty = false;
      const status = this.core.status();
      if (status.config !== this.#peersOf) {
        this.#peersOf = status.config;
        this.#hasLearners = status.config.members.some(({ role }) => role === "learner");
        this.#outbound.setPeers(status.config);
      }
      this.#events.onStatus(status);
    }
    if (this.#removal !== "heard") return;
    this.#removal = "told";
    this.log.warn("removed from the cluster");
    this.#events.onRemoved();
  }

  // Proposer

  propose(payload: Uint8Array): Slot {
    const slot = this.reserve(payload.byteLength);
    this.#proposals.add(payload);
    this.#schedule();
    return slot;
  }

  reserve(bytes: number): Slot {
    if (this.#isHalted) throw new AppError("unavailable", "This manager stops");
    return this.#proposals.reserve(this.core, bytes);
  }

  #notLeader(): AppError {
    const leader = this.leader();
    if (leader === null) return new AppError("not-leader", "This manager does not lead, and no leader is known");
    return new AppError("not-leader", `This manager does not lead; ${leader.id} does`, {
      leaderAddress: leader.address,
    });
  }

  // What it shows

  leader(): LeaderInfo | null {
    const { leader, term, config } = this.core.status();
    const member = config.members.find(({ id }) => id === leader);
    return member === undefined ? null : { id: member.id, address: member.address, term };
  }

  get isReadyLeader(): boolean {
    return this.#leadingTerm !== null && !this.#isHalted;
  }
}
