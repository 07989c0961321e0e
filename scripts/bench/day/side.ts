// An orchestrator on the five hosts of the ordinary day, asked for the same things by its own API.
import { WORKLOAD_IMAGE } from "../../../test/support/engine.ts";
import { waitFor } from "../../lib/run.ts";

/** What every task of either side runs. Its end takes no time, so that stopping is nobody's figure. */
export const WORKLOAD = {
  image: WORKLOAD_IMAGE,
  args: ["sleep", "86400"],
  stopSignal: "SIGKILL",
  stopGraceMs: 1_000,
} as const;

export const SEEN_MS = 120_000;
export const LOOK_EVERY_MS = 20;

/** Of a rolling update: the same on both sides. */
export const ROLLING = { parallelism: 2, monitorMs: 1_000 } as const;

/** A task that is wanted and runs. */
export type DayTask = {
  readonly id: string;
  /** Name of the host it runs on. */
  readonly host: string;
  readonly containerId: string;
  readonly version: string;
};

/** By asking again and again. */
export async function polled(
  side: Pick<DaySide, "name" | "running">,
  service: string,
  count: number,
  is: (task: DayTask) => boolean,
): Promise<void> {
  await waitFor(
    `${count} running tasks of ${side.name}`,
    SEEN_MS,
    async () => ((await side.running(service)).filter(is).length >= count ? true : undefined),
    LOOK_EVERY_MS,
  );
}

export interface DaySide {
  readonly name: "shoal" | "swarm";
  /** Resolves when all five nodes are ready and the managers agree. */
  settled(): Promise<void>;
  create(service: string, replicas: number): Promise<void>;
  /** Begins a rolling update to `version`. */
  update(service: string, version: string): Promise<void>;
  remove(service: string): Promise<void>;
  running(service: string): Promise<DayTask[]>;
  /**
   * Resolves when `count` tasks for which `is` holds are seen running, by whatever of its API tells soonest. Not for
   * when a manager is lost: whoever tells may be the one.
   */
  reaches(service: string, count: number, is: (task: DayTask) => boolean): Promise<void>;
  /** Name of the host whose manager leads. */
  leaderHost(): Promise<string>;
}
