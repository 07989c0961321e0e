/**
 * What only a leader runs. Everything here acts through store.update, which refuses once leadership
 * is lost, so nothing of an old leader can act beside a new one even before it has stopped.
 */
import type { StoreApi } from "../store/types.ts";
import type { Env } from "../util/env.ts";
import type { Logger } from "../util/log.ts";
import { Orchestrator } from "./orchestrator/orchestrator.ts";
import { Reaper } from "./orchestrator/reaper.ts";
import { Scheduler } from "./scheduler/scheduler.ts";
import { NodeMonitor, type MonitorOptions } from "./sessions/monitor.ts";
import type { ObservedClock } from "./sessions/observed-clock.ts";

export type LeaderDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly store: StoreApi;
  readonly clock: ObservedClock;
};

export class LeaderWork {
  readonly monitor: NodeMonitor;
  readonly #parts: readonly { start(): void; stop(): void | Promise<void> }[];

  constructor(deps: LeaderDeps, options: MonitorOptions) {
    const log = (part: string): Logger => deps.log.child({ part });
    this.monitor = new NodeMonitor({ ...deps, log: log("monitor") }, options);
    this.#parts = [
      this.monitor,
      new Orchestrator({ ...deps, log: log("orchestrator") }),
      new Scheduler({ ...deps, log: log("scheduler") }),
      new Reaper({ ...deps, log: log("reaper") }),
    ];
  }

  start(): void {
    for (const part of this.#parts) part.start();
  }

  async stop(): Promise<void> {
    for (const part of this.#parts) await part.stop();
  }
}
