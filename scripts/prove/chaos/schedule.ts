// Which faults strike when: a pure function of the seed. What a role means ("leader") is looked up when it strikes.
import { prng } from "../../../test/support/sim-env.ts";

/** Bounds of how long each lasts, ms. For those that end a process: how long it stays away. */
const LASTS = {
  /** SIGKILL. */
  kill: [100, 2_500],
  /** SIGTERM: a leader hands over first. */
  stop: [0, 1_500],
  /** Every manager at once, SIGKILL. */
  blackout: [100, 1_000],
  /** SIGSTOP. */
  pause: [400, 4_000],
  /** The event loop stands still; the kernel goes on. */
  stall: [300, 2_500],
  /** Its link is down: for managers and clients. */
  unplug: [500, 4_000],
  /** Its packets from and to the other managers are lost; clients reach it. */
  split: [500, 4_000],
  /** What the other managers send it is lost. */
  deaf: [500, 4_000],
  /** What it sends the other managers is lost. */
  mute: [500, 4_000],
  /** Two managers do not reach each other; the others reach both. */
  cut: [500, 4_000],
  /** Connections through the proxy stay open and carry nothing, new ones too. */
  "half-open": [800, 4_000],
  /** Connections between it and the others are reset. */
  reset: [20, 200],
  /** They are reset, and new ones get no answer. */
  blackhole: [800, 3_500],
  /** Below the low-water mark: changes are refused, leadership moves. */
  "disk-low": [2_200, 4_000],
  /** No byte is left: it ends itself. */
  "disk-full": [100, 1_500],
  /** Its wall clock is a day wrong. */
  clock: [1_000, 4_000],
  /** It becomes a worker, and a manager again. */
  demote: [500, 2_000],
} as const satisfies Readonly<Record<string, readonly [number, number]>>;

export type FaultKind = keyof typeof LASTS;
export const FAULT_KINDS = Object.keys(LASTS) as readonly FaultKind[];

export type PlannedFault = {
  readonly kind: FaultKind;
  /** Since the last one began, ms. */
  readonly afterMs: number;
  /** Only once changes go through again, for a while: others strike while it is down. */
  readonly afterProgress: boolean;
  readonly lastsMs: number;
  readonly victim: "leader" | "follower";
  /** 0 to 1: which follower, which of two, forwards or back. */
  readonly dice: number;
};

const BETWEEN_MS = { min: 300, max: 2_600 } as const;
const LEADER_SHARE = 0.5;
const PROGRESS_SHARE = 0.5;

/** Endless. Of as many faults in a row as there are kinds, counted from the first, each kind is one. */
export function* planFaults(seed: number): Generator<PlannedFault, never> {
  const random = prng(seed);
  const within = (min: number, max: number): number => Math.round(min + random() * (max - min));
  for (;;) {
    for (const kind of shuffled(FAULT_KINDS, random)) {
      const [min, max] = LASTS[kind];
      yield {
        kind,
        afterMs: within(BETWEEN_MS.min, BETWEEN_MS.max),
        afterProgress: random() < PROGRESS_SHARE,
        lastsMs: within(min, max),
        victim: random() < LEADER_SHARE ? "leader" : "follower",
        dice: random(),
      };
    }
  }
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const keyed = items.map((item) => ({ item, key: random() }));
  return keyed.toSorted((a, b) => a.key - b.key).map(({ item }) => item);
}
