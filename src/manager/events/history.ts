/** A manager's events: derived from what is applied, kept in its ring, completed from other managers after a snapshot. */
import { eventLimits } from "../../model/event-limits.ts";
import type { Dialer } from "../../proto/rpc.ts";
import { clusterOf } from "../../store/cluster.ts";
import type { ChangeSet, StoreApi } from "../../store/types.ts";
import type { Env } from "../../util/env.ts";
import type { AppError } from "../../util/errors.ts";
import type { KvFactory } from "../../util/kv.ts";
import type { Logger } from "../../util/log.ts";
import { Scope } from "../../util/scope.ts";
import { eventsOf } from "./derive.ts";
import { fillGaps, type Peer } from "./fill.ts";
import { EventRing } from "./ring.ts";

export type HistoryDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly store: StoreApi;
  readonly kvFactory: KvFactory;
  readonly dialer: Dialer;
  readonly peers: () => readonly Peer[];
  readonly onFatal: (error: AppError) => void;
};

export class EventHistory {
  readonly ring: EventRing;
  readonly #deps: HistoryDeps;
  readonly #scope: Scope;
  #unsubscribe: () => void = () => undefined;
  #isFilling = false;
  #isRunning = false;

  constructor(deps: HistoryDeps) {
    const { env, kvFactory, store, onFatal, log } = deps;
    this.#deps = deps;
    const limits = (): ReturnType<typeof eventLimits> => eventLimits(clusterOf(store.view())?.spec);
    this.ring = new EventRing({ env, kvFactory, limits, onFatal });
    this.#scope = new Scope((name, error) => log.warn("events stay incomplete", { task: name, error }));
  }

  /** Before anything is applied. @throws AppError `corrupt` | `unavailable`, with the directory */
  async open(): Promise<void> {
    await this.ring.open();
    this.#unsubscribe = this.#deps.store.onCommit((set) => this.#onCommit(set));
  }

  /** The other managers can be asked. */
  start(): void {
    this.#isRunning = true;
    this.#fill();
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    await this.#scope.close();
    await this.ring.close();
  }

  #onCommit(set: ChangeSet): void {
    const { version, timeMs, restored } = set;
    if (!restored) {
      // Known ones of before a restart are not derived again.
      if (version > this.ring.version) this.ring.note(version, timeMs, eventsOf(set, this.#deps.store.view()));
      return;
    }
    this.ring.replaced(version, timeMs);
    this.#fill();
  }

  #fill(): void {
    const { ring } = this;
    if (!this.#isRunning || this.#isFilling || ring.gaps.length === 0) return;
    this.#isFilling = true;
    this.#scope.spawn("fill", async (signal) => {
      try {
        // A gap counts once it is written.
        await ring.flush();
        await fillGaps({ ...this.#deps, ring }, signal);
      } finally {
        this.#isFilling = false;
      }
    });
  }
}
