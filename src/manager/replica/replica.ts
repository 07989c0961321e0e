/**
 * The driver around the Raft core: one turn of the event loop steps everything that came in since
 * the last, sends one batch of messages a peer, starts at most one synced write, applies what is
 * committed and resolves who waited, in this order. It is the only place where Raft meets I/O.
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
import type { Router } from "../../proto/router.ts";
import { RaftCore } from "../../raft/core.ts";
import { EMPTY_CONFIG } from "../../raft/config.ts";
import {
  DEFAULT_RAFT_OPTIONS,
  TICK_MS,
  type Config,
  type Effects,
  type Event,
  type Member,
  type MemberId,
  type Message,
  type RaftOptions,
  type Status,
} from "../../raft/types.ts";
import type { Proposer } from "../../store/types.ts";
import { must } from "../../util/assert.ts";
import { AppError } from "../../util/errors.ts";
import type { Env } from "../../util/env.ts";
import type { Logger } from "../../util/log.ts";
import { Applier } from "./applier.ts";
import type { Driver } from "./driver.ts";
import { Flusher } from "./flusher.ts";
import { protocolsOf } from "./hello.ts";
import { Membership, successorsOf } from "./membership.ts";
import { newReplicaMetrics } from "./metrics.ts";
import { closeState, openState, type OpenedState } from "./open-state.ts";
import { Proposals, type Slot } from "./proposals.ts";
import type { ReplicaDeps, ReplicaOptions } from "./options.ts";
import { diskAges } from "./peer-writes.ts";
import { ReadBarriers } from "./read-barriers.ts";
import { registerReplicaRpcs, unregisterReplicaRpcs } from "./rpcs.ts";
import { PromiseFloor } from "./retired.ts";
import { DEFAULT_SNAPSHOT_OPTIONS, Snapshotter } from "./snapshotter.ts";
import { Ticker } from "./ticker.ts";
import { Transport } from "./transport.ts";
import type { LeaderInfo, ReplicaApi, StateMachine } from "./types.ts";

/** A leader that stops waits so long for its successor. */
export const STOP_TRANSFER_MS = 200;

export class Replica implements ReplicaApi, Proposer, Driver {
  readonly env: Env;
  readonly log: Logger;
  readonly metrics = newReplicaMetrics();
  readonly #deps: ReplicaDeps;
  readonly #options: ReplicaOptions;
  readonly #raftOptions: RaftOptions;
  readonly #transport: Transport;
  readonly #barriers: ReadBarriers;
  readonly #membership: Membership;
  readonly #proposals: Proposals;
  readonly #ticker: Ticker;
  readonly #floor: PromiseFloor;
  readonly #listeners = new Set<(status: Status) => void>();
  #stateMachine: StateMachine | null = null;
  #running: Running | null = null;
  #router: Router | null = null;
  #phase: "new" | "running" | "stopped" = "new";
  #stopping: Promise<void> | null = null;

  readonly #inbox: Message[] = [];
  readonly #events: Event[] = [];
  readonly #outbox = new Map<MemberId, Message[]>();
  #isTurnScheduled = false;
  #isFinishing = false;
  #isStatusDirty = true;
  #removal: "none" | "heard" | "told" = "none";
  #peersOf: Config | null = null;
  #hasLearners = false;
  /** The term in which the state machine was told that it leads; null while it does not. */
  #leadingTerm: number | null = null;

  constructor(deps: ReplicaDeps, options: ReplicaOptions) {
    const { env, log, dialer } = deps;
    const { clusterId, nodeId } = options;
    this.env = env;
    this.log = log.child({ part: "replica" });
    this.#deps = deps;
    this.#options = options;
    this.#raftOptions = { ...DEFAULT_RAFT_OPTIONS, ...options.raft, random: () => env.random() };
    this.#barriers = new ReadBarriers(env, {
      schedule: () => this.#schedule(),
      hasLeader: () => this.#running !== null && this.core.status().leader !== null,
      appliedIndex: () => this.applier.index,
    });
    this.#membership = new Membership(env, { driver: () => this, notLeader: () => this.#notLeader() });
    const bytesMax = this.#raftOptions.uncommittedBytesMax;
    this.#proposals = new Proposals({ bytesMax, notLeader: () => this.#notLeader() });
    this.#floor = new PromiseFloor(options.retired ?? null);
    this.#ticker = new Ticker(env, () => this.#onTick());
    const heartbeatMs = this.#raftOptions.heartbeatTicks * TICK_MS;
    this.#transport = new Transport(
      { env, dialer, log: this.log, disks: diskAges(() => this.#running?.opened) },
      { clusterId, self: nodeId, protocols: protocolsOf(options), heartbeatMs },
      {
        onMessages: (messages) => this.#onMessages(messages),
        onUnreachable: (peer) => this.#later({ type: "peer-unreachable", peer }),
        onLost: (leader) => {
          this.metrics.leaderLost += 1;
          this.#later({ type: "leader-lost", leader });
        },
        onFatal: (error) => this.fatal(error),
      },
    );
  }

  // Lifecycle

  /** Before `start`: store and replica know each other. */
  setStateMachine(stateMachine: StateMachine): void {
    this.#stateMachine = stateMachine;
  }

  registerRpcs(router: Router): void {
    this.#router = router;
    registerReplicaRpcs(router, {
      acceptStream: (stream, context) => this.#transport.accept(stream, context),
      snapshotSource: () => ({
        store: this.#required().opened.snapshots,
        manifest: this.#required().snapshotter.manifest,
      }),
      protocols: protocolsOf(this.#options),
      addMember: (member) => this.addMember(member),
      removeMember: (id) => this.removeMember(id, { force: false }),
    });
  }

  /**
   * Opens the data directory and begins to take part. `bootstrap`: the members of a new cluster,
   * the same for each of them; null: this replica has a log already, or will be sent one.
   * @throws AppError `corrupt` | `precondition` | `unavailable`
   */
  async start(bootstrap: { readonly members: readonly Member[] } | null): Promise<void> {
    const { clusterId, nodeId, dataDir, retired = null } = this.#options;
    const { env, kvFactory, sealer } = this.#deps;
    const opened = await openState(
      { env, kvFactory, onFatal: (error) => this.fatal(error), ...(sealer === undefined ? {} : { sealer }) },
      {
        identity: { clusterId, nodeId },
        dataDir,
        bootstrap,
        chunkBytes: this.#options.snapshots?.chunkBytes,
        beginRestore: (index) => this.stateMachine.beginRestore(index),
        retired,
      },
    );
    if (this.#phase === "stopped") {
      await closeState(opened);
      throw new AppError("unavailable", "This manager stops");
    }
    this.#run(opened);
  }

  #run(opened: OpenedState): void {
    const { initial, manifest, restore, storage } = opened;
    const { env, metrics } = this;
    const stateMachine = must(this.#stateMachine, "setStateMachine comes before start");
    restore?.replace();
    const { index, term, config } = manifest?.meta ?? { index: 0, term: 0, config: EMPTY_CONFIG };
    const flusher = new Flusher(
      { env, storage, metrics },
      { hardState: initial.hardState, onPersisted: (tokens) => this.#onPersisted(tokens) },
    );
    const snapshotter = new Snapshotter(
      { driver: this, dialer: this.#deps.dialer, store: opened.snapshots },
      { manifest, options: { ...DEFAULT_SNAPSHOT_OPTIONS, ...this.#options.snapshots } },
    );
    const core = new RaftCore(initial, this.#raftOptions);
    const onFatal = (error: AppError): void => this.fatal(error);
    const applier = new Applier({ env, stateMachine, metrics, onFatal }, { index, term, config });
    this.#running = { opened, core, applier, flusher, snapshotter };
    this.#phase = "running";
    this.#ticker.start();
    this.#transport.start();
    this.#later({ type: "applied", index });
    this.finishTurn();
  }

  /** Hands leadership over if it has it, then ends. Resolves when nothing of it runs. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    if (this.#phase === "running") await this.#membership.transfer({ deadlineMs: STOP_TRANSFER_MS });
    this.#halt();
    if (this.#router !== null) unregisterReplicaRpcs(this.#router);
    const running = this.#running;
    if (running === null) return;
    await running.snapshotter.close();
    await closeState(running.opened);
  }

  /** Nothing goes in or out from here on. */
  #halt(): void {
    if (this.#phase === "stopped") return;
    this.#phase = "stopped";
    this.#ticker.stop();
    this.#transport.close();
    this.#barriers.close();
    this.#membership.close();
    if (this.#leadingTerm !== null) {
      this.#leadingTerm = null;
      this.stateMachine.leadershipLost();
    }
  }

  fatal(error: Error): void {
    if (this.#phase === "stopped") return;
    this.log.error("replica failed", { error });
    this.#halt();
    this.#options.onFatal(error);
  }

  // What the parts share

  get core(): RaftCore {
    return this.#required().core;
  }

  get applier(): Applier {
    return this.#required().applier;
  }

  get flusher(): Flusher {
    return this.#required().flusher;
  }

  get storage(): OpenedState["storage"] {
    return this.#required().opened.storage;
  }

  get stateMachine(): StateMachine {
    return must(this.#stateMachine, "setStateMachine comes before start");
  }

  #required(): Running {
    if (this.#running === null) throw new AppError("unavailable", "This manager is starting");
    return this.#running;
  }

  // Turns

  #schedule(): void {
    if (this.#isTurnScheduled || this.#phase !== "running") return;
    this.#isTurnScheduled = true;
    this.env.defer(() => {
      this.#isTurnScheduled = false;
      this.#turn();
    });
  }

  #later(event: Event): void {
    this.#events.push(event);
    this.#schedule();
  }

  #onMessages(messages: readonly Message[]): void {
    for (const message of messages) this.#inbox.push(message);
    this.#schedule();
  }

  #turn(): void {
    if (this.#phase !== "running") return;
    for (const event of this.#events.splice(0)) this.step(event);
    const inbox = this.#inbox.splice(0);
    this.metrics.messagesIn += inbox.length;
    for (const message of inbox) {
      if (!this.#floor.withholds(message, this.core)) this.step({ type: "message", message });
    }
    const requestId = this.#barriers.ask();
    if (requestId !== null) this.step({ type: "read", requestId });
    this.#flushProposals();
    this.finishTurn();
  }

  #onTick(): void {
    if (this.#phase !== "running") return;
    const { core, flusher, applier } = this.#required();
    this.step({ type: "tick" });
    if (core.status().role === "leader") {
      const limitMs = 2 * this.#raftOptions.electionTicks * TICK_MS;
      if (flusher.underWayMs > limitMs) this.step({ type: "step-down", why: "its own disk does not answer" });
      else if (this.#leadingTerm !== null && applier.underWayMs > limitMs)
        this.step({ type: "step-down", why: "it does not keep up with applying what is committed" });
      else if (this.#hasLearners) this.#membership.promote(core.status());
    }
    this.finishTurn();
  }

  #onPersisted(tokens: readonly number[]): void {
    if (this.#phase !== "running") return;
    for (const token of tokens) this.step({ type: "persisted", token });
    this.finishTurn();
  }

  step(event: Event): void {
    if (this.#phase !== "running") return;
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
    const { applier, flusher, snapshotter, core } = this.#required();
    for (const message of effects.messages) {
      const queue = this.#outbox.get(message.to);
      if (queue === undefined) this.#outbox.set(message.to, [message]);
      else queue.push(message);
    }
    if (effects.persist !== null) flusher.add(effects.persist);
    if (effects.committed.length > 0) applier.push(effects.committed);
    for (const result of effects.reads) this.#barriers.answered(result);
    if (effects.fetchSnapshot !== null) {
      const { from, meta } = effects.fetchSnapshot;
      snapshotter.fetch(from, meta, core.status().config);
    }
    if (effects.statusChanged) this.#isStatusDirty = true;
    if (effects.removed && this.#removal === "none") this.#removal = "heard";
  }

  finishTurn(): void {
    // A listener may end up here again; the turn under way takes care of what it added.
    if (this.#phase !== "running" || this.#isFinishing) return;
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
      this.#transport.send(to, messages);
    }
    this.flusher.kick();
  }

  #apply(): void {
    const { applier, core, snapshotter } = this.#required();
    this.#noticeLostLeadership();
    if (applier.run({ bounded: true })) {
      this.step({ type: "applied", index: applier.index });
      this.#noticeLostLeadership();
      snapshotter.maybeBuild();
    }
    const { ready, term } = core.status();
    if (ready && this.#leadingTerm === null) {
      this.#leadingTerm = term;
      this.metrics.leaderships += 1;
      this.log.info("leading", { term });
      this.stateMachine.leadershipGained(term);
    }
    this.#barriers.release();
    this.#membership.settle();
  }

  /** What was committed is applied first: its waiters are then resolved by the log, not as unknown. */
  #noticeLostLeadership(): void {
    if (this.#leadingTerm === null || !this.#isStatusDirty) return;
    const { role, term } = this.core.status();
    if (role === "leader" && term === this.#leadingTerm) return;
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
        this.#transport.setPeers(status.config);
      }
      for (const listener of this.#listeners) listener(status);
    }
    if (this.#removal !== "heard") return;
    this.#removal = "told";
    this.log.warn("removed from the cluster");
    this.#options.onRemoved();
  }

  // Proposer

  propose(payload: Uint8Array): Slot {
    const slot = this.reserve(payload.byteLength);
    this.#proposals.add(payload);
    this.#schedule();
    return slot;
  }

  reserve(bytes: number): Slot {
    if (this.#phase !== "running") throw new AppError("unavailable", "This manager stops");
    return this.#proposals.reserve(this.core, bytes);
  }

  /** From now on every proposal is refused with what `refusal` makes; null lets them in again. */
  refuseProposals(refusal: (() => AppError) | null): void {
    this.#proposals.refusal = refusal;
  }

  #notLeader(): AppError {
    const leader = this.leader();
    if (leader === null) return new AppError("not-leader", "This manager does not lead, and no leader is known");
    return new AppError("not-leader", `This manager does not lead; ${leader.id} does`, {
      leaderAddress: leader.address,
    });
  }

  // ReplicaApi

  status(): Status {
    return this.core.status();
  }

  leader(): LeaderInfo | null {
    if (this.#running === null) return null;
    const { leader, term, config } = this.core.status();
    const member = config.members.find(({ id }) => id === leader);
    return member === undefined ? null : { id: member.id, address: member.address, term };
  }

  isReadyLeader(): boolean {
    return this.#leadingTerm !== null && this.#phase === "running";
  }

  readBarrier(options: { readonly deadlineMs: number; readonly signal?: AbortSignal }): Promise<void> {
    if (this.#phase !== "running") return Promise.reject(new AppError("unavailable", "This manager does not run"));
    return this.#barriers.wait(options);
  }

  async addMember(member: { readonly id: MemberId; readonly address: string }): Promise<Config> {
    return await this.#membership.add(member);
  }

  async removeMember(id: MemberId, { force }: { readonly force: boolean }): Promise<Config> {
    return await this.#membership.remove(id, { force });
  }

  members(): readonly Member[] {
    return this.#running === null ? [] : this.core.status().config.members;
  }

  /** Leader only: other voters that answer, the one with most of the log first. */
  successors(): readonly Member[] {
    return this.#running === null ? [] : successorsOf(this.core.status());
  }

  /** @param to null: whoever is fittest. @throws AppError not-leader | precondition | unavailable */
  async transferLeadership({ to }: { readonly to: MemberId | null } = { to: null }): Promise<void> {
    await this.#membership.handOver(to);
  }

  onStatus(listener: (status: Status) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

type Running = {
  readonly opened: OpenedState;
  readonly core: RaftCore;
  readonly applier: Applier;
  readonly flusher: Flusher;
  readonly snapshotter: Snapshotter;
};
