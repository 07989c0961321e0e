/** The storm: what may go wrong does, as the weather has it. Everything it does is counted by name. */
import { makeConfig } from "../../../src/raft/config.ts";
import type { Config, Member, MemberId } from "../../../src/raft/types.ts";
import type { Cluster } from "./cluster.ts";
import type { Dice } from "./dice.ts";
import type { Machine } from "./machine.ts";
import { STORM_STEP_MS, type Storm as Odds } from "./weather.ts";
import { addressOf } from "./wire.ts";

/** New members, over a run: each costs events for the rest of it. */
const MEMBERS_CREATED_MAX = 6;
/** Request records live an hour: clocks that differ by less move none of them out early. */
const CLOCK_JUMP_MS_MAX = 20 * 60_000;
const RESTART_MS = [10, 3_000] as const;
/** For so long after a disk went back nothing else happens to the others: they are the ones who know. */
const ROLLBACK_CALM_MS = 6_000;

export class Storm {
  readonly #cluster: Cluster;
  readonly #odds: Odds;
  readonly #dice: Dice;
  #created = 0;
  /** Damage and loss that time does not heal wait until then. */
  #calmUntil = 0;
  /** So long a leader stays cut off from most. */
  #strandedUntil = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#odds = cluster.weather.storm;
    this.#dice = cluster.world.dice.split();
  }

  run(): void {
    const { world, weather } = this.#cluster;
    for (let at = 0; at < weather.stormMs; at += STORM_STEP_MS) {
      if (world.now >= this.#calmUntil) this.#blow();
      world.run(STORM_STEP_MS);
    }
    // What was ordered comes first.
    world.run(2 * STORM_STEP_MS);
  }

  #blow(): void {
    const dice = this.#dice;
    const odds = this.#odds;
    if (dice.chance(odds.crash)) this.#crash(dice.pick(this.#all));
    if (dice.chance(odds.churn)) this.#churn();
    if (dice.chance(odds.blackout)) this.#blackout();
    if (dice.chance(odds.pause)) this.#stop("pauses", [500, 5_000]);
    if (dice.chance(odds.loopStall)) this.#stop("loopStalls", [50, 400]);
    if (dice.chance(odds.clockJump)) this.#jump();
    if (this.#cluster.world.now >= this.#strandedUntil) this.#cut();
    if (dice.chance(odds.reset)) this.#breakLink("resets");
    if (dice.chance(odds.halfOpen)) this.#breakLink("halfOpens");
    if (dice.chance(odds.diskFails)) this.#failDisk();
    if (dice.chance(odds.damage)) this.#damage();
    if (dice.chance(odds.rollback)) this.#rollBack();
    if (dice.chance(odds.members)) this.#changeMembers();
    if (dice.chance(odds.transfer)) this.#transfer();
    if (dice.chance(odds.hints)) this.#hint();
  }

  get #all(): Machine[] {
    return this.#cluster.list;
  }

  #did(what: string, whom: string): void {
    this.#cluster.observer.count(what);
    this.#cluster.observer.trace(() => `-- ${what} ${whom}`);
  }

  /** Harm that was ordered in the storm does not come after it. */
  #later(ms: number, harm: () => void): void {
    this.#cluster.world.after(ms, () => {
      if (!this.#cluster.isCalm) harm();
    });
  }

  // Processes

  #crash(machine: Machine): void {
    if (!machine.isUp) return;
    const power = this.#dice.chance(0.5);
    this.#did(power ? "powerCuts" : "crashes", machine.id);
    machine.crash({ power });
    this.#restartLater(machine);
  }

  #restartLater(machine: Machine): void {
    const { world } = this.#cluster;
    world.after(this.#dice.within(RESTART_MS), () => {
      machine.disk.failure = null;
      this.#cluster.start(machine);
    });
  }

  #churn(): void {
    const leader = this.#cluster.leader();
    if (leader === null) return;
    this.#later(this.#dice.next() * 30, () => this.#crash(leader));
  }

  #blackout(): void {
    this.#did("blackouts", "everyone");
    for (const machine of this.#all) {
      if (!machine.isUp) continue;
      machine.crash({ power: true });
      this.#restartLater(machine);
    }
  }

  #stop(what: "pauses" | "loopStalls", ms: readonly [number, number]): void {
    const machine = this.#dice.pick(this.#all);
    if (!machine.isUp || machine.isPaused) return;
    this.#did(what, machine.id);
    machine.pause();
    this.#cluster.world.after(this.#dice.within(ms), () => machine.resume());
  }

  #jump(): void {
    const machine = this.#dice.pick(this.#all);
    if (machine.running === null) return;
    this.#did("clockJumps", machine.id);
    machine.running.process.wallSkewMs = this.#dice.whole([-CLOCK_JUMP_MS_MAX, CLOCK_JUMP_MS_MAX]);
  }

  // Network

  #cut(): void {
    const dice = this.#dice;
    const odds = this.#odds;
    if (dice.chance(odds.partition)) this.#partition();
    if (dice.chance(odds.partition * 2)) this.#heal();
    if (dice.chance(odds.flap)) this.#flap();
    if (dice.chance(odds.strand)) this.#strand();
  }

  /** It goes on taking writes that few or none of the others get, until others have taken over. */
  #strand(): void {
    const { world, wire, electionTimeoutMs } = this.#cluster;
    const dice = this.#dice;
    const leader = this.#cluster.leader();
    if (leader === null) return;
    const group = new Set([leader, ...this.#all.filter(() => dice.chance(0.2))].map(({ id }) => id));
    const ms = electionTimeoutMs * dice.within([0.5, 2]);
    this.#did("strands", [...group].join());
    wire.heal();
    this.#cutWhere((from, to) => group.has(from) !== group.has(to));
    this.#strandedUntil = world.now + ms;
    if (dice.chance(0.4)) this.#later(ms * dice.next(), () => this.#crash(leader));
    // The others notice sooner than it does.
    if (dice.chance(0.5)) {
      for (const { id, running } of this.#all)
        if (!group.has(id)) running?.turns.later({ type: "leader-lost", leader: leader.id });
    }
    this.#later(ms, () => this.#heal());
  }

  #partition(): void {
    const { wire } = this.#cluster;
    const dice = this.#dice;
    const ids = this.#all.map(({ id }) => id);
    const roll = dice.next();
    wire.heal();
    if (roll < 0.4) {
      const left = new Set(ids.filter(() => dice.chance(0.5)));
      this.#did("partitions", `${[...left].join()} and the others`);
      this.#cutWhere((from, to) => left.has(from) !== left.has(to));
    } else if (roll < 0.6) {
      const alone = this.#cluster.leader()?.id ?? dice.pick(ids);
      const direction = dice.pick(["in", "out", "both"] as const);
      this.#did(direction === "both" ? "partitions" : "oneWayCuts", `${alone} ${direction}`);
      if (direction !== "out") this.#cutWhere((_, to) => to === alone);
      if (direction !== "in") this.#cutWhere((from) => from === alone);
    } else {
      this.#did("partialCuts", "some links");
      this.#cutWhere(() => dice.chance(0.3));
    }
  }

  #cutWhere(isCut: (from: MemberId, to: MemberId) => boolean): void {
    const ids = this.#all.map(({ id }) => id);
    for (const from of ids) for (const to of ids) if (from !== to && isCut(from, to)) this.#cluster.wire.cut(from, to);
  }

  #heal(): void {
    this.#cluster.observer.trace(() => "-- heal");
    this.#cluster.wire.heal();
  }

  #flap(): void {
    const { wire } = this.#cluster;
    const [a, b] = this.#pair();
    this.#did("flaps", `${a} ${b}`);
    const periodMs = this.#dice.within([100, 800]);
    for (let n = 0; n < 6; n += 1) {
      this.#later(n * periodMs, () => {
        if (n % 2 === 1) wire.heal();
        else
          for (const [from, to] of [
            [a, b],
            [b, a],
          ] as const)
            wire.cut(from, to);
      });
    }
  }

  #breakLink(what: "resets" | "halfOpens"): void {
    const [a, b] = this.#pair();
    this.#did(what, `${a} ${b}`);
    if (what === "resets") this.#cluster.wire.reset(a, b);
    else this.#cluster.wire.halfOpen(a, b, this.#dice.within([500, 5_000]));
  }

  #pair(): [MemberId, MemberId] {
    const a = this.#dice.pick(this.#all);
    const b = this.#dice.pick(this.#all.filter((machine) => machine !== a));
    return [a.id, b.id];
  }

  // Disks

  #failDisk(): void {
    const machine = this.#dice.pick(this.#all);
    if (!machine.isUp) return;
    const failure = this.#dice.pick(["EIO", "ENOSPC"] as const);
    this.#did(failure, machine.id);
    machine.disk.failure = failure;
  }

  /** Of one replica, and never so many that the others could not go on (the fault atlas). */
  #damage(): void {
    const machine = this.#dice.pick(this.#all);
    if (!this.#cluster.canSpare([machine.id])) return;
    const { log, snapshots } = machine.disk;
    const what = this.#dice.pick(["rots", "holes", "bodyRots"] as const);
    const key = what === "holes" ? log.lose(this.#dice) : (what === "rots" ? log : snapshots).rot(this.#dice);
    if (key === null) return;
    machine.isDamaged = true;
    this.#did(what, `${machine.id} ${key.replaceAll(/[^ -~]/g, "")}`);
    // What is damaged is found when it is read.
    if (this.#dice.chance(0.7)) this.#crash(machine);
  }

  /**
   * A disk goes back in time: from an old copy, or because its newest writes are dropped as damaged. Both look sound,
   * so it is the others who know; meanwhile they are left in peace.
   */
  #rollBack(): void {
    const { world, wire } = this.#cluster;
    const machine = this.#dice.pick(this.#all);
    const others = this.#all.filter((other) => other !== machine && other.dead === null);
    if (!machine.isUp || !this.#cluster.canSpare([machine.id])) return;
    if (others.some((other) => !other.isUp || other.isPaused || other.disk.failure !== null)) return;
    const copy = this.#dice.chance(0.7) ? machine.disk.copy() : null;
    const backMs = this.#dice.within([50, 2_000]);
    this.#calmUntil = world.now + backMs + ROLLBACK_CALM_MS;
    wire.heal();
    this.#later(backMs, () => {
      if (!machine.isUp) return;
      machine.crash({ power: false });
      if (copy !== null) machine.disk.putBack(copy);
      else machine.disk.log.loseTail(this.#dice.whole([1, 5]));
      machine.isDamaged = true;
      this.#did(copy === null ? "lostTails" : "rollbacks", machine.id);
      this.#cluster.wentBack(machine);
      this.#cluster.start(machine);
    });
  }

  // Members

  #changeMembers(): void {
    const leader = this.#cluster.leader();
    if (leader === null || leader.isPaused) return;
    const { config } = leader.core.status();
    const dead = config.members.find(({ id }) => this.#cluster.machines.get(id)?.dead === "refused");
    const roll = this.#dice.next();
    if (dead !== undefined) this.#remove(leader, dead.id);
    else if (roll < 0.4) this.#add(leader);
    else if (roll < 0.7) this.#remove(leader, this.#dice.pick(config.members).id);
    else this.#demote(leader, config);
  }

  #add(leader: Machine): void {
    if (this.#created >= MEMBERS_CREATED_MAX) return;
    this.#created += 1;
    const { id } = this.#cluster.newMachine();
    this.#did("adds", id);
    leader.running?.turns.membership.add({ id, address: addressOf(id) }).catch(() => undefined);
  }

  #remove(leader: Machine, id: MemberId): void {
    this.#did("removes", id);
    const force = this.#dice.chance(0.1);
    leader.running?.turns.membership.remove(id, { force }).catch(() => undefined);
  }

  /**
   * A voter becomes a learner; the driver promotes it again when it has caught up. Now and then two at once, which must be
   * refused.
   */
  #demote(leader: Machine, config: Config): void {
    const member = this.#dice.pick(config.members);
    const second = this.#dice.chance(0.2) ? this.#dice.pick(config.members) : member;
    const next = makeConfig(
      config.members.map((other): Member =>
        other.id === member.id || other.id === second.id ? { ...other, role: "learner" } : other,
      ),
    );
    if (!leader.core.canProposeConfig(next, { force: false }).ok) return;
    this.#did("demotes", member.id);
    leader.running?.turns.step({ type: "propose-config", config: next });
    leader.running?.turns.finishTurn();
  }

  // Words

  #transfer(): void {
    const leader = this.#cluster.leader();
    if (leader?.running === null || leader === null) return;
    const to = this.#dice.chance(0.5) ? null : this.#dice.pick(this.#all).id;
    this.#did("transfers", `${leader.id} to ${to ?? "anyone"}`);
    leader.running.process.enter(() => void leader.running?.turns.membership.transfer({ to }));
  }

  #hint(): void {
    const machine = this.#dice.pick(this.#all);
    const other = this.#dice.pick(this.#all).id;
    const turns = machine.running?.turns;
    if (turns === undefined) return;
    const roll = this.#dice.next();
    this.#did("hints", machine.id);
    if (roll < 0.45) turns.later({ type: "leader-lost", leader: machine.core.leader ?? other });
    else if (roll < 0.9) turns.later({ type: "peer-unreachable", peer: other });
    else turns.later({ type: "step-down", why: "a test" });
  }
}
