/**
 * A simulated manager: a machine whose disk outlives its processes. A process is the real driver (turns, applier,
 * flusher, log storage, reads, membership, transport) around a real core and a real store; what opens the directory
 * and moves snapshot bodies is the simulator's, because in life those wait.
 */
import { EMPTY_CONFIG, bootstrapEntry, hasMember } from "../../../src/raft/config.ts";
import { RaftCore } from "../../../src/raft/core.ts";
import {
  DEFAULT_RAFT_OPTIONS,
  TICK_MS,
  type Effects,
  type Event,
  type MemberId,
  type SnapshotMeta,
} from "../../../src/raft/types.ts";
import type { Config, InitialState, RaftOptions } from "../../../src/raft/types.ts";
import { LogReader } from "../../../src/manager/replica/log-load.ts";
import {
  FIRST_KEY,
  HARD_STATE_KEY,
  MARK_KEY,
  PEERS_KEY,
  RECORDS_END,
  SNAPSHOT_KEY,
  decodeCompactionPoint,
  decodeMark,
  decodePeerWrites,
  recordKey,
} from "../../../src/manager/replica/log-records.ts";
import { KvLogStorage, type LoadedLog } from "../../../src/manager/replica/log-storage.ts";
import { newReplicaMetrics } from "../../../src/manager/replica/metrics.ts";
import { PeerWrites, diskAges } from "../../../src/manager/replica/peer-writes.ts";
import { PromiseFloor } from "../../../src/manager/replica/retired.ts";
import { identitySealer } from "../../../src/manager/replica/sealer.ts";
import { Turns } from "../../../src/manager/replica/turns.ts";
import { AppError, isAppError } from "../../../src/util/errors.ts";
import { silentLogger } from "../../../src/util/log.ts";
import { must } from "../../../src/util/assert.ts";
import { Disk, DiskHandle } from "./disk.ts";
import { chainHash } from "../../support/raft-oracle/chain-hash.ts";
import { DiskInspector } from "../../support/raft-oracle/disk-inspector.ts";
import type { Watched } from "../../support/raft-oracle/invariants.ts";
import { ReplicatedStore } from "./replicated-store.ts";
import { SimSnapshots, bodyKey, readBody } from "./snapshots.ts";
import type { Plug, Wire } from "./wire.ts";
import type { Weather } from "./weather.ts";
import { Process, type ClockFaults, type World } from "./world.ts";

/** What a machine needs of the cluster around it, and tells it. */
export type Surroundings = {
  readonly world: World;
  readonly weather: Weather;
  readonly wire: Wire;
  readonly committed: readonly number[];
  readonly watch: Watch;
  fetchBody(to: Machine, from: MemberId, meta: SnapshotMeta, done: (body: Uint8Array | null) => void): void;
};

export type Watch = {
  loaded(machine: Machine, log: LoadedLog): void;
  stepped(machine: Machine, before: Before, event: Event, effects: Effects): void;
  applies(machine: Machine, index: number, payload: Uint8Array | null): void;
  state(machine: Machine, index: number, hash: number): void;
  hardState: (id: MemberId) => ConstructorParameters<typeof DiskInspector>[1];
  /** The process ended by itself. */
  ended(machine: Machine, error: AppError): void;
  removed(machine: Machine): void;
};

/** Of a core, before a step. */
export type Before = {
  readonly term: number;
  readonly commit: number;
  readonly applied: number;
  readonly lastIndex: number;
  readonly isLeader: boolean;
};

export type Running = {
  readonly process: Process;
  readonly turns: Turns;
  readonly state: ReplicatedStore;
  readonly snapshots: SimSnapshots;
  readonly peerWrites: PeerWrites;
  readonly storage: KvLogStorage;
  readonly plug: Plug;
};

export class Machine implements Watched {
  readonly id: MemberId;
  readonly disk: Disk;
  readonly durable: DiskInspector;
  /** Of the log in memory. */
  chain: number[] = [0];
  /** The last index that this process applied or restored. */
  applied = 0;
  running: Running | null = null;
  /** Why it cannot be started any more; null: it can. */
  dead: "removed" | "refused" | null = null;
  /** Data that was durable on it may be gone: it may be refused. */
  isDamaged = false;
  /** It stays away for good. */
  isAway = false;
  readonly #around: Surroundings;
  readonly #founders: Config | null;
  #process: Process | null = null;
  #clock: ClockFaults = TRUE_CLOCK;
  #lastConfigs: readonly Config[] = [];

  /** @param founders the members of a new cluster; null: it waits to be told what it is */
  constructor(id: MemberId, around: Surroundings, founders: Config | null) {
    this.id = id;
    this.#around = around;
    this.#founders = founders;
    this.disk = new Disk(around.weather.diskFaults);
    this.durable = new DiskInspector(around.committed, around.watch.hardState(id));
    this.disk.log.onDurable = (ops) => this.durable.look(ops);
  }

  get isUp(): boolean {
    return this.running !== null;
  }

  get isPaused(): boolean {
    return this.#process?.isPaused === true;
  }

  get core(): RaftCore {
    return must(this.running, `${this.id} is down`).turns.core;
  }

  /** @returns what its store has of it now, for a peer that pulls it */
  bodyOf(meta: SnapshotMeta): Uint8Array | null {
    return this.running?.snapshots.bodyOf(meta) ?? null;
  }

  get hasBadClock(): boolean {
    return this.#clock.drift !== 1 || this.#clock.lagMs !== 0;
  }

  start(clock: ClockFaults): void {
    if (this.#process !== null || this.dead !== null || this.isAway) return;
    this.#clock = clock;
    const process = new Process(this.#around.world, clock);
    this.#process = process;
    try {
      this.#open(process);
    } catch (error) {
      if (!isAppError(error)) throw error;
      this.#end(process, error);
    }
  }

  /** Reads and verifies the disk, then runs; a founder writes its first entry before. */
  #open(process: Process): void {
    const { log, snapshots } = this.disk;
    const location = `/${this.id}`;
    const reader = new LogReader(
      { sealer: identitySealer, location },
      { hardState: log.get(HARD_STATE_KEY), first: log.get(FIRST_KEY), snapshot: log.get(SNAPSHOT_KEY) },
    );
    for (const { key, value } of log.range(recordKey(reader.firstIndex), RECORDS_END)) {
      reader.add(value, Number(key.readBigUInt64BE(key.byteLength - 8)));
    }
    const mark = snapshots.get(MARK_KEY);
    const verified = reader.finish({ writesMin: mark === undefined ? 0 : decodeMark(mark) });
    const deps = { world: this.#around.world, process, disk: this.disk };
    const kv = { log: new DiskHandle(deps, log), snapshots: new DiskHandle(deps, snapshots) };
    const storage = new KvLogStorage(
      {
        env: process,
        kv: kv.log,
        markKv: kv.snapshots,
        sealer: identitySealer,
        onFatal: (error) => this.#end(process, AppError.from(error)),
      },
      { location },
    );
    const loaded = storage.adopt(verified);
    if (loaded.hardState !== null || this.#founders === null) {
      this.#run(process, storage, kv.snapshots, loaded);
      return;
    }
    const entry = bootstrapEntry(this.#founders);
    const hardState = { term: entry.term, vote: null, commit: entry.index };
    storage.append({ entries: [entry], hardState }, () => {
      if (!process.isKilled) this.#run(process, storage, kv.snapshots, { ...loaded, hardState, entries: [entry] });
    });
  }

  #run(process: Process, storage: KvLogStorage, snapshotKv: DiskHandle, loaded: LoadedLog): void {
    const { weather, watch, wire } = this.#around;
    const { hardState, snapshot: manifest, prevIndex, prevTerm, entries } = loaded;
    const body = manifest === null ? null : readBody(this.disk.snapshots.get(bodyKey(manifest.slot)), manifest);
    const state = new ReplicatedStore(process, {
      pieceBytes: weather.pieceBytes,
      events: {
        applies: (index, payload) => {
          watch.applies(this, index, payload);
          this.applied = index;
        },
        state: (index, hash) => watch.state(this, index, hash),
        restored: (index) => {
          this.applied = index;
        },
      },
    });
    this.applied = 0;
    if (manifest !== null && body !== null) {
      const restore = state.beginRestore(manifest.meta.index);
      restore.add(body);
      while (restore.step());
      restore.replace();
    }
    this.chain = this.#around.committed.slice(0, prevIndex + 1);
    for (const entry of entries) this.chain.push(chainHash(this.chain[entry.index - 1] ?? 0, entry));
    watch.loaded(this, loaded);
    const initial: InitialState = {
      id: this.id,
      hardState: hardState ?? { term: 0, vote: null, commit: 0 },
      snapshot: manifest?.meta ?? null,
      entries,
      prevIndex,
      prevTerm,
      applied: manifest?.meta.index ?? 0,
    };
    const raft: RaftOptions = { ...DEFAULT_RAFT_OPTIONS, ...weather.raft, random: () => process.random() };
    const core = new ObservedCore(initial, raft, this, watch);
    const peerWrites = this.#peerWrites(process, snapshotKv);
    const opened = { storage, writesBefore: 0, peerWrites };
    const plug = wire.plug({
      id: this.id,
      process,
      disks: diskAges(() => opened),
      heartbeatMs: raft.heartbeatTicks * TICK_MS,
      events: {
        onMessages: (messages) => turns.receive(messages),
        onUnreachable: (peer) => turns.later({ type: "peer-unreachable", peer }),
        onLost: (leader) => turns.later({ type: "leader-lost", leader }),
        onFatal: (error) => this.#end(process, error),
      },
    });
    let snapshots: SimSnapshots | undefined;
    const turns: Turns = new Turns(
      {
        env: process,
        log: silentLogger,
        metrics: newReplicaMetrics(),
        core,
        storage,
        stateMachine: state,
        outbound: plug.outbound,
        floor: new PromiseFloor(null),
        snapshots: (driver) =>
          (snapshots = new SimSnapshots(
            {
              driver,
              kv: snapshotKv,
              fetchBody: (from, meta, done) =>
                this.#around.fetchBody(this, from, meta, (bytes) => process.enter(() => done(bytes))),
            },
            { manifest, body, options: weather.snapshots },
          )),
      },
      {
        raft,
        hardState: initial.hardState,
        position: manifest?.meta ?? { index: 0, term: 0, config: EMPTY_CONFIG },
        refused: () => null,
      },
      {
        onStatus: () => undefined,
        onRemoved: () => this.#leave(process),
        onFatal: (error) => this.#end(process, AppError.from(error)),
      },
    );
    state.store.setProposer(turns);
    this.running = {
      process,
      turns,
      state,
      plug,
      storage,
      peerWrites,
      snapshots: must(snapshots, "turns make their snapshots at once"),
    };
    plug.start();
    turns.start();
  }

  #peerWrites(process: Process, kv: DiskHandle): PeerWrites {
    const onFatal = (error: Error): void => this.#end(process, AppError.from(error));
    const peerWrites = new PeerWrites({ env: process, kv, onFatal });
    const stored = this.disk.snapshots.get(PEERS_KEY);
    if (stored !== undefined) for (const [peer, writes] of decodePeerWrites(stored)) peerWrites.note(peer, writes);
    return peerWrites;
  }

  // Ends

  /** `power`: the machine with it, so that unsynced data may be lost and nobody is told. */
  crash({ power }: { readonly power: boolean }): void {
    if (this.#process === null) return;
    this.#stop(this.#process, { silent: power });
    this.disk.crash(this.#around.world.dice, { power });
  }

  /** It knows of a committed configuration that it is in. */
  get wasMember(): boolean {
    return this.running !== null && hasMember(this.core.configAt(this.core.commit), this.id);
  }

  /** What it holds, or held last, for the cluster's configuration: committed, and latest. */
  get configs(): readonly Config[] {
    if (this.running === null) return this.#lastConfigs;
    const { core } = this.running.turns;
    return [core.configAt(core.commit), core.status().config];
  }

  #stop(process: Process, { silent }: { readonly silent: boolean }): void {
    this.#lastConfigs = this.configs;
    const { running } = this;
    this.running = null;
    this.#process = null;
    process.kill();
    running?.plug.kill({ silent });
  }

  /** By itself: its disk failed, or was found damaged. */
  #end(process: Process, error: AppError): void {
    if (this.#process !== process) return;
    this.#halt(process);
    if (error.code === "corrupt") this.dead = "refused";
    this.#around.watch.ended(this, error);
  }

  #leave(process: Process): void {
    if (this.#process !== process) return;
    this.#halt(process);
    this.dead = "removed";
    this.#around.watch.removed(this);
  }

  #halt(process: Process): void {
    this.running?.turns.halt();
    this.running?.state.store.close();
    this.#stop(process, { silent: false });
    this.disk.crash(this.#around.world.dice, { power: false });
  }

  /** After its disk went back in time. */
  inspectAgain(): void {
    const { log } = this.disk;
    const first = log.get(FIRST_KEY);
    const compactedTo = first === undefined ? 0 : decodeCompactionPoint(first, identitySealer).index;
    const records = log.range(recordKey(compactedTo + 1), RECORDS_END).map(({ value }) => value);
    this.durable.start({ compactedTo, records, hardState: log.get(HARD_STATE_KEY) });
  }

  pause(): void {
    this.#process?.pause();
  }

  resume(): void {
    this.#process?.resume();
  }
}

const TRUE_CLOCK: ClockFaults = { drift: 1, lagMs: 0, skewMs: 0 };

/** The real core, with someone who looks at every step. */
class ObservedCore extends RaftCore {
  readonly #machine: Machine;
  readonly #watch: Watch;

  constructor(initial: InitialState, options: RaftOptions, machine: Machine, watch: Watch) {
    super(initial, options);
    this.#machine = machine;
    this.#watch = watch;
  }

  override step(event: Event): Effects {
    const { term, commit, applied, lastIndex, isLeader } = this;
    const effects = super.step(event);
    this.#watch.stepped(this.#machine, { term, commit, applied, lastIndex, isLeader }, event, effects);
    return effects;
  }
}
