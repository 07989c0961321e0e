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

/** One that does the same again and again until it is stopped, and is idle once its last turn has ended. */
export abstract class LoopingWorkload implements Workload {
  abstract readonly name: string;
  protected isStopped = false;
  #isRunning = false;

  get isIdle(): boolean {
    return !this.#isRunning;
  }

  start(): void {
    this.#isRunning = true;
    void this.run().finally(() => (this.#isRunning = false));
  }

  stop(): void {
    this.isStopped = true;
  }

  /** Ends soon after `isStopped`. */
  protected abstract run(): Promise<void>;
}

export type MakeWorkload = (world: World) => readonly Workload[];
