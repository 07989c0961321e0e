/** A simulated cluster: its machines, the network between them, its clients, and the one who watches. */
import { bootstrapEntry, makeConfig } from "../../../src/raft/config.ts";
import { DEFAULT_RAFT_OPTIONS, TICK_MS } from "../../../src/raft/types.ts";
import type { Member, MemberId, SnapshotMeta } from "../../../src/raft/types.ts";
import { chainHash } from "../../support/raft-oracle/chain-hash.ts";
import type { Dice } from "./dice.ts";
import { INVARIANTS, Invariants, keepsMajority, violated } from "../../support/raft-oracle/invariants.ts";
import { Machine, type Surroundings } from "./machine.ts";
import { Observer } from "./observer.ts";
import { DatagramWire, StreamWire, addressOf, type Wire } from "./wire.ts";
import { weatherOf, type Weather } from "./weather.ts";
import { World } from "./world.ts";

const PULL_LEG_MS = [5, 200] as const;
/** After its disk failed a process is started anew by whoever watches over it. */
const RESTART_MS = [50, 2_000] as const;
const DISK_QUICK_MS = 10;
/** From contact with those who know. */
const ROLLBACK_SEEN_MS = 5_000;

export class Cluster {
  readonly world: World;
  readonly weather: Weather;
  readonly wire: Wire;
  readonly machines = new Map<MemberId, Machine>();
  readonly invariants: Invariants;
  readonly observer: Observer;
  readonly #dice: Dice;
  readonly #around: Surroundings;
  /** Nothing fails any more, clocks are true, machines idle. */
  isCalm = false;

  /** @param options.weather instead of what the seed would have */
  constructor(seed: number, options: { readonly trace?: (line: string) => void; readonly weather?: Weather } = {}) {
    this.world = new World(seed);
    this.weather = options.weather ?? weatherOf(this.world.dice.split());
    this.#dice = this.world.dice.split();
    this.invariants = new Invariants({ ...DEFAULT_RAFT_OPTIONS, ...this.weather.raft });
    this.observer = new Observer({
      world: this.world,
      invariants: this.invariants,
      disks: (id) => this.machines.get(id)?.durable,
      machine: (id) => this.machines.get(id),
      onEnd: (machine) => this.#restart(machine),
      trace: options.trace ?? null,
      electionTicks: this.#electionTicks,
    });
    const deps = {
      world: this.world,
      faults: this.weather.wireFaults,
      tap: (from: MemberId, to: MemberId, bytes: Uint8Array) => this.observer.sees(from, to, bytes),
      count: (what: string) => this.observer.count(what),
    };
    this.wire = this.weather.wire === "streams" ? new StreamWire(deps) : new DatagramWire(deps);
    this.#around = {
      world: this.world,
      weather: this.weather,
      wire: this.wire,
      committed: this.invariants.committed,
      watch: this.observer,
      fetchBody: (to, from, meta, done) => this.#fetchBody(to, from, meta, done),
    };
  }

  found(): void {
    const { voters, learners } = this.weather;
    const members = Array.from({ length: voters + learners }, (_, at): Member => {
      const id = `m${at + 1}`;
      return { id, address: addressOf(id), role: at < voters ? "voter" : "learner" };
    });
    const config = makeConfig(members);
    const entry = bootstrapEntry(config);
    this.invariants.given(chainHash(0, entry), entry.term);
    for (const { id } of members) this.#add(new Machine(id, this.#around, config));
  }

  /** With an empty disk: it waits to be told what it is. */
  newMachine(): Machine {
    return this.#add(new Machine(`m${this.machines.size + 1}`, this.#around, null));
  }

  #add(machine: Machine): Machine {
    this.machines.set(machine.id, machine);
    this.start(machine);
    return machine;
  }

  start(machine: Machine): void {
    const { badClocks, busyMachines } = this.weather;
    const dice = this.#dice;
    const isOff = !this.isCalm && dice.chance(badClocks);
    const isBusy = !this.isCalm && dice.chance(busyMachines);
    machine.start({
      drift: isOff ? dice.within([0.5, 2]) : 1,
      lagMs: isBusy ? dice.within([0, 20]) : 0,
      skewMs: isOff ? dice.whole([-60_000, 60_000]) : 0,
    });
  }

  #restart(machine: Machine): void {
    this.world.after(this.#dice.within(RESTART_MS), () => {
      machine.disk.failure = null;
      this.start(machine);
    });
  }

  get list(): Machine[] {
    return [...this.machines.values()];
  }

  get up(): Machine[] {
    return this.list.filter((machine) => machine.isUp);
  }

  /** The one that leads in the highest term and accepts writes. */
  leader(): Machine | null {
    let best: Machine | null = null;
    for (const machine of this.machines.values()) {
      if (!machine.isUp || !machine.core.isReady) continue;
      if (best === null || machine.core.term > best.core.term) best = machine;
    }
    return best;
  }

  // Loss

  /** Every configuration in use keeps a majority without these, and without what is lost already. */
  canSpare(ids: readonly MemberId[]): boolean {
    const isLost = (id: MemberId): boolean => {
      const machine = this.machines.get(id);
      return ids.includes(id) || machine === undefined || machine.isDamaged || machine.dead !== null;
    };
    return this.list.every(({ configs }) => configs.every((config) => keepsMajority(config, isLost)));
  }

  /**
   * Its disk holds fewer writes than it had. Where somebody heard of the lost ones, it is found out soon; where nobody
   * did, nobody relies on them.
   */
  wentBack(machine: Machine): void {
    machine.inspectAgain();
    const { writes } = machine.durable;
    const heard = Math.max(0, ...this.up.map((peer) => peer.running?.peerWrites.of(machine.id) ?? 0));
    if (heard <= writes) return;
    this.observer.count("promisesForgotten");
    this.world.after(ROLLBACK_SEEN_MS, () => {
      if (machine.dead === "refused" || !machine.isUp) return;
      violated(INVARIANTS.rollbackSeen, `${machine.id} holds ${writes} writes, ${heard} were heard of`);
    });
  }

  /** A body takes a while on its way, and may not arrive, or not whole. */
  #fetchBody(to: Machine, from: MemberId, meta: SnapshotMeta, done: (body: Uint8Array | null) => void): void {
    const { world, wire, weather } = this;
    const dice = this.#dice;
    const isCut = (): boolean => wire.isCut(from, to.id) || wire.isCut(to.id, from);
    world.after(dice.within(PULL_LEG_MS), () => {
      const source = this.machines.get(from);
      const process = source?.running?.process;
      const body = isCut() || source === undefined ? null : source.bodyOf(meta);
      world.after(dice.within(PULL_LEG_MS), () => {
        const isBroken = isCut() || source?.running?.process !== process || dice.chance(weather.pullFails);
        if (isBroken || body === null) done(null);
        else done(dice.chance(weather.pullRots) ? this.#damaged(body) : body);
      });
    });
  }

  #damaged(body: Uint8Array): Uint8Array {
    this.observer.count("bodiesDamagedOnTheWay");
    const copy = new Uint8Array(body);
    const at = this.#dice.whole([0, copy.byteLength - 1]);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  }

  /** Nothing fails any more. Clocks that are wrong are set right, which takes a restart. */
  calm(): void {
    this.isCalm = true;
    Object.assign(this.weather.wireFaults, { delayMs: [0.2, 3], loss: 0, duplicate: 0, late: 0 });
    Object.assign(this.weather.diskFaults, { syncMs: [0.5, 3], stall: 0 });
    this.wire.heal();
    this.wire.calm();
    for (const machine of this.list) {
      machine.disk.failure = null;
      machine.resume();
      if (machine.hasBadClock) machine.crash({ power: false });
      this.start(machine);
    }
  }

  /** Writes that stalled in the storm may still be under way. */
  get areDisksQuick(): boolean {
    return this.list.every(({ disk }) => disk.busyUntil <= this.world.now + DISK_QUICK_MS);
  }

  get #electionTicks(): number {
    return this.weather.raft.electionTicks ?? DEFAULT_RAFT_OPTIONS.electionTicks;
  }

  /** The longest that a member waits. */
  get electionTimeoutMs(): number {
    return 2 * this.#electionTicks * TICK_MS;
  }

  describe(): string {
    return this.list
      .map((machine) => {
        if (!machine.isUp) return `${machine.id}: ${machine.dead ?? "down"}`;
        const { role, term, leader, commit, applied, lastIndex, config, peers } = machine.core.status();
        const members = config.members.map(({ id, role: as }) => (as === "voter" ? id : `(${id})`)).join(" ");
        const matches = peers.map((peer) => `${peer.id}=${peer.match}`).join(" ");
        const paused = machine.isPaused ? " paused" : "";
        return `${machine.id}: ${role}${paused} term ${term} leader ${leader} log ${applied}/${commit}/${lastIndex} [${members}] ${matches}`;
      })
      .join("\n");
  }
}
