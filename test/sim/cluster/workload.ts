/** What uses a cluster while faults happen. A new one is a file in workloads/ and its maker in workloads/all.ts. */
import type { World } from "./world.ts";

export type Workload = {
  readonly name: string;
  start(): void;
  /** Begins nothing new. */
  stop(): void;
  /** Everything it began has ended. */
  readonly isIdle: boolean;
  /** After convergence. @throws what is wrong */
  atEnd?(): void;
};

export type MakeWorkload = (world: World) => readonly Workload[];
