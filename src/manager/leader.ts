/**
 * What only a leader runs. Everything here acts through store.update, which refuses once leadership
 * is lost, so nothing of an old leader can act beside a new one even before it has stopped.
 *
 * While a cluster waits for `shoal cluster resume` only the monitor runs: what nodes say is written
 * down, and nothing follows from it.
 */
import { awaitsResume } from "../model/awaits-resume.ts";
import type { ChangeSet, StoreApi } from "../store/types.ts";
import type { Env } from "../util/env.ts";
import { rethrowBug } from "../util/errors.ts";
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
  /** Of the manager that leads. */
  readonly nodeId: string;
};

export class LeaderWork {
  readonly monitor: NodeMonitor;
  readonly #deps: LeaderDeps;
  readonly #actors: readonly { start(): void; stop(): void | Promise<void> }[];
  #unsubscribe: () => void = () => undefined;
  #hasActors = false;

  constructor(deps: LeaderDeps, options: MonitorOptions) {
    const log = (part: string): Logger => deps.log.child({ part });
    this.#deps = deps;
    this.monitor = new NodeMonitor({ ...deps, log: log("monitor") }, options);
    this.#actors = [
      new Orchestrator({ ...deps, log: log("orchestrator") }),
      new Scheduler({ ...deps, log: log("scheduler") }),
      new Reaper({ ...deps, log: log("reaper") }),
    ];
  }

  start(): void {
    const { store, log, nodeId } = this.#deps;
    this.monitor.start();
    // Told as an event; a leadership that is over before it is written needs none.
    store.update((tx) => tx.leads(nodeId)).catch(rethrowBug);
    this.#unsubscribe = store.onCommit((set) => {
      if (isAboutCluster(set)) this.#act();
    });
    this.#act();
    if (!this.#hasActors) log.warn("the cluster waits: nothing is planned before shoal cluster resume");
  }

  #act(): void {
    const { store } = this.#deps;
    if (this.#hasActors || awaitsResume(store.view().all("cluster")) !== null) return;
    this.#hasActors = true;
    for (const actor of this.#actors) actor.start();
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    this.monitor.stop();
    if (this.#hasActors) for (const actor of this.#actors) await actor.stop();
  }
}

function isAboutCluster({ changes }: ChangeSet): boolean {
  return changes.some(({ table }) => table === "cluster");
}
