/**
 * What a seed decides before anything happens: the cluster, its limits, and which faults there are at all and how bad
 * (swarm testing: a run with few kinds of faults goes deeper than one with all).
 */
import { DEFAULT_SNAPSHOT_OPTIONS, type SnapshotOptions } from "../../../src/manager/replica/current-snapshot.ts";
import type { RaftOptions } from "../../../src/raft/types.ts";
import type { ClientOptions } from "./client.ts";
import type { Dice } from "./dice.ts";
import type { DiskFaults } from "./disk.ts";
import type { WireFaults } from "./wire.ts";

/** What the storm does, and how likely every STORM_STEP_MS. */
export type Storm = {
  /** A process is killed, or its machine loses power; it comes back after a while. */
  readonly crash: number;
  /** The leader is killed, mostly with entries that nobody else or few have (Figure 8). */
  readonly churn: number;
  /** Everyone at once, as when the power goes. */
  readonly blackout: number;
  readonly pause: number;
  /** The event loop stands still for less than an election timeout. */
  readonly loopStall: number;
  readonly clockJump: number;
  /** Halves, single members, single directions, single links. */
  readonly partition: number;
  /** The leader is cut off from a majority, for about as long as elections take. */
  readonly strand: number;
  /** One link goes up and down about as often as elections time out. */
  readonly flap: number;
  /** Connections break: by a reset, or without a word. */
  readonly reset: number;
  readonly halfOpen: number;
  /** Writes fail until the process is started anew. */
  readonly diskFails: number;
  /** Data that was durable is damaged, or lost. */
  readonly damage: number;
  /** A disk goes back to what it was some seconds ago. */
  readonly rollback: number;
  /** Members come, go, are promoted and demoted, and dead ones are replaced. */
  readonly members: number;
  readonly transfer: number;
  /** Words that the driver might say wrongly: lost, unreachable, step down. */
  readonly hints: number;
};

export type Weather = {
  readonly wire: "streams" | "datagrams";
  readonly voters: number;
  readonly learners: number;
  readonly raft: Partial<Omit<RaftOptions, "random">>;
  readonly snapshots: SnapshotOptions;
  /** Of a snapshot's pieces. */
  readonly pieceBytes: number;
  readonly wireFaults: WireFaults;
  readonly diskFaults: DiskFaults;
  /** Probability that a snapshot's body does not arrive, and that it arrives damaged. */
  readonly pullFails: number;
  readonly pullRots: number;
  /** Share of machines with a clock that is wrong, and with too much to do. */
  readonly badClocks: number;
  readonly busyMachines: number;
  readonly storm: Storm;
  readonly stormMs: number;
  readonly clients: number;
  readonly client: ClientOptions;
};

export const STORM_STEP_MS = 25;

export function weatherOf(dice: Dice): Weather {
  const wire = dice.chance(0.5) ? "streams" : "datagrams";
  const hasTinyLimits = dice.chance(0.4);
  const isSnapshotting = dice.chance(0.7);
  return {
    wire,
    voters: dice.pick([3, 3, 3, 4, 5, 5, 6, 7]),
    learners: dice.chance(0.3) ? 1 : 0,
    raft: {
      // Shorter than in life: more elections in the same time.
      electionTicks: dice.whole([4, 12]),
      heartbeatTicks: dice.whole([1, 2]),
      ...(hasTinyLimits ? tinyLimits(dice) : {}),
    },
    snapshots: {
      ...DEFAULT_SNAPSHOT_OPTIONS,
      // Worth it or not: a log of a run is never several times as large as the state.
      ...(isSnapshotting ? { entriesMax: dice.whole([5, 60]) } : {}),
      trailingEntries: dice.whole([0, 20]),
    },
    pieceBytes: dice.pick([200, 1_000, 4_000]),
    wireFaults: {
      delayMs: [0.2, dice.pick([1, 3, 10, 30])],
      loss: dice.sometimes(0.6, 0.3),
      duplicate: dice.sometimes(0.6, 0.5),
      late: dice.sometimes(0.5, 0.1),
      lateMs: dice.within([100, 20_000]),
    },
    diskFaults: {
      syncMs: [0.5, dice.pick([1, 5, 20, 100])],
      stall: dice.sometimes(0.3, 0.01),
      stallMs: [200, 5_000],
    },
    pullFails: dice.sometimes(0.5, 0.5),
    pullRots: dice.sometimes(0.2, 0.3),
    badClocks: dice.sometimes(0.4, 0.7),
    busyMachines: dice.sometimes(0.2, 0.5),
    storm: stormOf(dice, wire),
    stormMs: 12_000,
    clients: dice.whole([2, 5]),
    client: {
      keys: dice.whole([1, 4]),
      thinkMs: dice.pick([10, 50, 200]),
      timeoutMs: dice.whole([100, 1_000]),
      attemptsMax: dice.whole([2, 8]),
      loss: dice.sometimes(0.5, 0.1),
    },
  };
}

/** Nothing fails, limits are those of life, nobody writes: for tests of how long things take. */
export function fairWeather(overrides: Partial<Weather> = {}): Weather {
  return {
    wire: "streams",
    voters: 3,
    learners: 0,
    raft: {},
    snapshots: DEFAULT_SNAPSHOT_OPTIONS,
    pieceBytes: 4_000,
    wireFaults: { delayMs: [0.2, 1], loss: 0, duplicate: 0, late: 0, lateMs: 0 },
    diskFaults: { syncMs: [1, 5], stall: 0, stallMs: [0, 0] },
    pullFails: 0,
    pullRots: 0,
    badClocks: 0,
    busyMachines: 0,
    storm: NO_STORM,
    stormMs: 0,
    clients: 0,
    client: { keys: 1, thinkMs: 10, timeoutMs: 1_000, attemptsMax: 1, loss: 0 },
    ...overrides,
  };
}

const NO_STORM: Storm = {
  crash: 0,
  churn: 0,
  blackout: 0,
  pause: 0,
  loopStall: 0,
  clockJump: 0,
  partition: 0,
  strand: 0,
  flap: 0,
  reset: 0,
  halfOpen: 0,
  diskFails: 0,
  damage: 0,
  rollback: 0,
  members: 0,
  transfer: 0,
  hints: 0,
};

function tinyLimits(dice: Dice): Partial<RaftOptions> {
  return {
    inflightMessagesMax: dice.whole([1, 3]),
    inflightBytesMax: 600,
    appendBytesMax: dice.pick([1, 200, 500]),
    ...(dice.chance(0.3) ? { uncommittedBytesMax: 1_500 } : {}),
  };
}

function stormOf(dice: Dice, wire: Weather["wire"]): Storm {
  return {
    crash: dice.sometimes(0.7, 0.06),
    churn: dice.sometimes(0.3, 0.2),
    blackout: dice.sometimes(0.3, 0.01),
    pause: dice.sometimes(0.4, 0.01),
    loopStall: dice.sometimes(0.3, 0.03),
    clockJump: dice.sometimes(0.3, 0.02),
    partition: dice.sometimes(0.6, 0.05),
    strand: dice.sometimes(0.5, 0.03),
    flap: dice.sometimes(0.3, 0.01),
    reset: dice.sometimes(0.4, 0.03),
    halfOpen: wire === "streams" ? dice.sometimes(0.3, 0.02) : 0,
    diskFails: dice.sometimes(0.3, 0.01),
    damage: dice.sometimes(0.3, 0.005),
    // Only streams tell members how old each other's disks are.
    rollback: wire === "streams" ? dice.sometimes(0.4, 0.01) : 0,
    members: dice.sometimes(0.6, 0.02),
    transfer: dice.sometimes(0.5, 0.02),
    hints: dice.sometimes(0.4, 0.03),
  };
}
