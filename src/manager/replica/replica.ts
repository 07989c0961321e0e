/**
 * A manager's replica: opens its directory, takes part, and ends. What happens while it runs is in
 * turns.ts; this is where that meets I/O and whoever asks from outside.
 */
import type { Router } from "../../proto/router.ts";
import { EMPTY_CONFIG } from "../../raft/config.ts";
import { RaftCore } from "../../raft/core.ts";
import {
  DEFAULT_RAFT_OPTIONS,
  TICK_MS,
  type Config,
  type Event,
  type Member,
  type MemberId,
  type RaftOptions,
  type Status,
} from "../../raft/types.ts";
import type { Proposer } from "../../store/types.ts";
import { must } from "../../util/assert.ts";
import { AppError } from "../../util/errors.ts";
import type { Env } from "../../util/env.ts";
import type { Logger } from "../../util/log.ts";
import { DEFAULT_SNAPSHOT_OPTIONS } from "./current-snapshot.ts";
import { ownFacts } from "./hello.ts";
import { successorsOf } from "./membership.ts";
import { newReplicaMetrics } from "./metrics.ts";
import { closeState, openState, type OpenedState } from "./open-state.ts";
import type { ReplicaDeps, ReplicaOptions } from "./options.ts";
import { diskAges } from "./peer-writes.ts";
import type { Slot } from "./proposals.ts";
import { PromiseFloor } from "./retired.ts";
import { registerReplicaRpcs, unregisterReplicaRpcs } from "./rpcs.ts";
import { Snapshotter } from "./snapshotter.ts";
import { Transport } from "./transport.ts";
import { Turns } from "./turns.ts";
import type { LeaderInfo, ReplicaApi, StateMachine } from "./types.ts";

/** A leader that stops waits so long for its successor. */
export const STOP_TRANSFER_MS = 200;

type Running = { readonly opened: OpenedState; readonly turns: Turns; readonly snapshotter: Snapshotter };

export class Replica implements ReplicaApi, Proposer {
  readonly metrics = newReplicaMetrics();
  readonly #env: Env;
  readonly #log: Logger;
  readonly #deps: ReplicaDeps;
  readonly #options: ReplicaOptions;
  readonly #raftOptions: RaftOptions;
  readonly #transport: Transport;
  readonly #listeners = new Set<(status: Status) => void>();
  #stateMachine: StateMachine | null = null;
  #running: Running | null = null;
  #router: Router | null = null;
  #phase: "new" | "running" | "stopped" = "new";
  #stopping: Promise<void> | null = null;
  #refusal: (() => AppError) | null = null;
  /** What peers said of themselves: as many as managers ever spoke to this process. */
  readonly #addresses = new Map<MemberId, string>();

  constructor(deps: ReplicaDeps, options: ReplicaOptions) {
    const { env, log, dialer } = deps;
    const { clusterId, nodeId } = options;
    this.#env = env;
    this.#log = log.child({ part: "replica" });
    this.#deps = deps;
    this.#options = options;
    this.#raftOptions = { ...DEFAULT_RAFT_OPTIONS, ...options.raft, random: () => env.random() };
    const heartbeatMs = this.#raftOptions.heartbeatTicks * TICK_MS;
    const later = (event: Event): void => this.#running?.turns.later(event);
    const own = {
      ...ownFacts(options),
      disks: diskAges(() => this.#running?.opened),
      addresses: {
        own: options.address ?? "",
        heard: (peer: MemberId, address: string) => void this.#addresses.set(peer, address),
      },
    };
    this.#transport = new Transport(
      { env, dialer, log: this.#log, own },
      { clusterId, self: nodeId, heartbeatMs },
      {
        onMessages: (messages) => this.#running?.turns.receive(messages),
        onUnreachable: (peer) => later({ type: "peer-unreachable", peer }),
        onLost: (leader) => {
          this.metrics.leaderLost += 1;
          later({ type: "leader-lost", leader });
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
      protocols: ownFacts(this.#options).protocols,
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
    const stateMachine = must(this.#stateMachine, "setStateMachine comes before start");
    const opened = await openState(
      { env, kvFactory, onFatal: (error) => this.fatal(error), ...(sealer === undefined ? {} : { sealer }) },
      {
        identity: { clusterId, nodeId },
        dataDir,
        bootstrap,
        chunkBytes: this.#options.snapshots?.chunkBytes,
        beginRestore: (index) => stateMachine.beginRestore(index),
        retired,
      },
    );
    if (this.#phase === "stopped") {
      await closeState(opened);
      throw new AppError("unavailable", "This manager stops");
    }
    this.#run(opened, stateMachine);
  }

  #run(opened: OpenedState, stateMachine: StateMachine): void {
    const { initial, manifest, restore, storage } = opened;
    restore?.replace();
    let snapshotter: Snapshotter | undefined;
    const turns = new Turns(
      {
        env: this.#env,
        log: this.#log,
        metrics: this.metrics,
        core: new RaftCore(initial, this.#raftOptions),
        storage,
        stateMachine,
        outbound: this.#transport,
        floor: new PromiseFloor(this.#options.retired ?? null),
        snapshots: (driver) =>
          (snapshotter = new Snapshotter(
            {
              driver,
              dialer: this.#deps.dialer,
              store: opened.snapshots,
              heardAddress: (peer) => this.#addresses.get(peer) ?? null,
              settle: this.#options.settle,
            },
            { manifest, options: { ...DEFAULT_SNAPSHOT_OPTIONS, ...this.#options.snapshots } },
          )),
      },
      {
        raft: this.#raftOptions,
        hardState: initial.hardState,
        position: manifest?.meta ?? { index: 0, term: 0, config: EMPTY_CONFIG },
        refused: () => this.#refusal?.() ?? null,
      },
      {
        onStatus: (status) => {
          for (const listener of this.#listeners) listener(status);
        },
        onRemoved: () => this.#options.onRemoved(),
        onFatal: (error) => this.fatal(error),
      },
    );
    this.#running = { opened, turns, snapshotter: must(snapshotter, "turns make their snapshots at once") };
    this.#phase = "running";
    this.#transport.start();
    turns.start();
  }

  /**
   * Before a stop: whoever leads next, it is known here when this resolves, so that what waits here for a leader can
   * still be forwarded. Its deadline is short: nobody may be left to take over.
   */
  async handOver(): Promise<void> {
    if (this.#phase !== "running" || this.status().role !== "leader") return;
    const startedAt = this.#env.now();
    await this.#required().turns.membership.transfer({ deadlineMs: STOP_TRANSFER_MS });
    if (this.status().role === "leader") return;
    await this.#leaderKnown(STOP_TRANSFER_MS - (this.#env.now() - startedAt));
  }

  async #leaderKnown(ms: number): Promise<void> {
    if (this.leader() !== null || ms <= 0) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        timer.cancel();
        stopListening();
        resolve();
      };
      const timer = this.#env.setTimer(ms, done);
      const stopListening = this.onStatus(() => {
        if (this.leader() !== null || this.#phase !== "running") done();
      });
    });
  }

  /** Hands leadership over if it has it, then ends. Resolves when nothing of it runs. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await this.handOver();
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
    this.#transport.close();
    this.#running?.turns.halt();
  }

  /** Its part ends at once: nothing more goes out, and whoever made it is told. */
  fatal(error: Error): void {
    if (this.#phase === "stopped") return;
    this.#log.error("replica failed", { error });
    this.#halt();
    this.#options.onFatal(error);
  }

  #required(): Running {
    if (this.#running === null) throw new AppError("unavailable", "This manager is starting");
    return this.#running;
  }

  // Proposer

  propose(payload: Uint8Array): Slot {
    return this.#required().turns.propose(payload);
  }

  reserve(bytes: number): Slot {
    return this.#required().turns.reserve(bytes);
  }

  /** From now on every proposal is refused with what `refusal` makes; null lets them in again. */
  refuseProposals(refusal: (() => AppError) | null): void {
    this.#refusal = refusal;
  }

  // ReplicaApi

  get core(): RaftCore {
    return this.#required().turns.core;
  }

  status(): Status {
    return this.core.status();
  }

  leader(): LeaderInfo | null {
    return this.#running?.turns.leader() ?? null;
  }

  isReadyLeader(): boolean {
    return this.#running?.turns.isReadyLeader === true;
  }

  readBarrier(options: { readonly deadlineMs: number; readonly signal?: AbortSignal }): Promise<void> {
    if (this.#running === null || this.#phase !== "running") {
      return Promise.reject(new AppError("unavailable", "This manager does not run"));
    }
    return this.#running.turns.barriers.wait(options);
  }

  async addMember(member: { readonly id: MemberId; readonly address: string }): Promise<Config> {
    return await this.#required().turns.membership.add(member);
  }

  async removeMember(id: MemberId, { force }: { readonly force: boolean }): Promise<Config> {
    return await this.#required().turns.membership.remove(id, { force });
  }

  members(): readonly Member[] {
    return this.#running === null ? [] : this.core.status().config.members;
  }

  isConnected(id: MemberId): boolean {
    return this.#transport.isConnected(id);
  }

  /** Leader only: other voters that answer, the one with most of the log first. */
  successors(): readonly Member[] {
    return this.#running === null ? [] : successorsOf(this.core.status());
  }

  /** @param to null: whoever is fittest. @throws AppError not-leader | precondition | unavailable */
  async transferLeadership({ to }: { readonly to: MemberId | null } = { to: null }): Promise<void> {
    await this.#required().turns.membership.handOver(to);
  }

  onStatus(listener: (status: Status) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
