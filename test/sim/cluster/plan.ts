/** Everything that a seed decides before the first event: how large the cluster is, how bad its parts are, how tiny its limits. */
import type { ManagerTuning } from "../../../src/manager/manager.ts";
import type { FakeBehaviour } from "../../support/fake-engine.ts";
import type { Dice } from "./dice.ts";
import type { Fault } from "./fault.ts";

/** They take four times as long as others. */
const PATIENT_SHARE = 0.1;

export type Plan = {
  readonly managers: number;
  readonly workers: number;
  /** Managers have engines, too: a host may be leader and worker at once. */
  readonly managersRun: boolean;
  readonly network: {
    readonly delayMs: readonly [from: number, to: number];
    /** Of packets, each sent again after a time-out. */
    readonly loss: number;
    readonly keepaliveMs: number | null;
  };
  readonly disk: { readonly syncMs: readonly [from: number, to: number] };
  /** Seconds of a machine last up to this share longer or shorter. */
  readonly drift: number;
  /** Wall clocks begin up to this far apart. */
  readonly skewMs: number;
  readonly tuning: ManagerTuning;
  readonly engine: Pick<FakeBehaviour, "callMs" | "answerMs" | "prepareMs" | "startMs" | "stopMs">;
  readonly taskHistoryLimit: number;
  /** Few faults, but some that outlast what a cut-off agent and its managers wait for what never runs twice. */
  readonly isPatient: boolean;
  readonly faultyMs: number;
  readonly faults: readonly Fault[];
  readonly faultEveryMs: readonly [from: number, to: number];
  readonly faultLastsMs: readonly [from: number, to: number];
  readonly clients: number;
  readonly services: number;
  /** Names of jobs and schedules. */
  readonly jobs: readonly string[];
  /** Of fresh services, those that have data or never run twice. */
  readonly tiedShare: number;
  readonly thinkMs: number;
  readonly watchers: number;
  readonly hasOperator: boolean;
  /** Rollouts are paused, taken back and promoted by hand, too. */
  readonly isSteered: boolean;
};

export function planOf(dice: Dice, faults: readonly Fault[]): Plan {
  const isPatient = dice.chance(PATIENT_SHARE);
  const quick = faults.filter(({ isLong }) => isLong !== true);
  const plan = quickPlan(dice, quick);
  return isPatient ? patient(dice, plan, faults) : plan;
}

/** One service at least that is tied to its node, time enough for it to move, and hardly anything else that costs events. */
function patient(dice: Dice, plan: Plan, faults: readonly Fault[]): Plan {
  return {
    ...plan,
    isPatient: true,
    managers: Math.min(3, plan.managers),
    workers: 2,
    // Of real clocks; what waits 20 s and 30 s leaves no room for bad ones.
    drift: Math.min(plan.drift, 0.01),
    tiedShare: 0.8,
    services: 2,
    clients: 1,
    thinkMs: 4_000,
    watchers: 0,
    faultyMs: dice.between(60_000, 90_000),
    faults: [...faults.filter(({ isLong }) => isLong), ...dice.some(plan.faults, 0.3)],
    faultEveryMs: [4_000, 14_000],
  };
}

function quickPlan(dice: Dice, faults: readonly Fault[]): Plan {
  return {
    isPatient: false,
    managers: dice.one(1, 3, 3, 3, 3, 5),
    workers: 1 + dice.int(4),
    managersRun: dice.chance(0.3),
    network: {
      delayMs: dice.one([0.1, 1], [0.5, 5], [5, 40]),
      loss: dice.one(0, 0, 0.005, 0.03),
      keepaliveMs: dice.one(null, 3_000, 12_000),
    },
    disk: { syncMs: dice.one([0.1, 1], [1, 8], [5, 40]) },
    drift: dice.one(0, 0, 0.01, 0.05),
    skewMs: dice.one(0, 0, 5_000, 60_000),
    tuning: tuningOf(dice),
    engine: {
      callMs: dice.one(1, 10),
      answerMs: dice.one(0, 0, 30),
      prepareMs: dice.one(20, 200, 2_000),
      startMs: dice.one(20, 200, 800),
      stopMs: dice.one(5, 300, 3_000),
    },
    taskHistoryLimit: dice.one(0, 1, 2, 5),
    faultyMs: dice.between(10_000, 19_000),
    faults: dice.some(faults, 0.6),
    faultEveryMs: dice.one([100, 1_000], [400, 2_500], [1_000, 5_000]),
    faultLastsMs: dice.one([50, 2_000], [100, 6_000], [2_000, 12_000]),
    clients: 1 + dice.int(4),
    services: 2 + dice.int(4),
    jobs: dice.one([], [], ["job1"], ["cron1"], ["job1", "cron1"]),
    tiedShare: dice.one(0.1, 0.1, 0.3),
    thinkMs: dice.one(200, 600, 1_500),
    watchers: dice.int(3),
    hasOperator: dice.chance(0.7),
    isSteered: dice.chance(0.6),
  };
}

/** Rare paths taken on purpose: what takes a day at full size happens in a minute. */
function tuningOf(dice: Dice): ManagerTuning {
  const hasTinySnapshots = dice.chance(0.7);
  const hasTinyMessages = dice.chance(0.3);
  return {
    raft: hasTinyMessages ? { appendBytesMax: dice.one(600, 3_000), inflightMessagesMax: dice.one(1, 2, 8) } : {},
    snapshots: hasTinySnapshots
      ? { everyEntries: dice.one(5, 30, 120), trailingEntries: dice.one(0, 5, 50), chunkBytes: dice.one(700, 8_192) }
      : {},
    store: {
      freezeRows: true,
      ...(dice.chance(0.5) ? { watch: { setsMax: dice.one(4, 32), bytesMax: dice.one(20_000, 1_000_000) } } : {}),
      ...(dice.chance(0.5) ? { pieceBytes: dice.one(200, 4_096) } : {}),
    },
  };
}

/** One line for the trace. */
export function planText({ faults, tuning, ...plan }: Plan): string {
  return `${JSON.stringify({ ...plan, tuning })} faults ${faults.map(({ name }) => name).join(" ")}`;
}
