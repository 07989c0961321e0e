/**
 * What time this manager would give the cluster if it led. A manager that follows reads it from the entries that its
 * leader writes, and one that has just started hears it from the others (hello.ts): cluster time then goes on from one
 * leader to the next as if there were one clock, although the wall clock of the next may be a day off. Only where nobody
 * knows it, after all of them were restarted, does a wall clock count.
 */
import type { ChangeSet, StoreApi } from "../store/types.ts";
import type { Env } from "../util/env.ts";
import type { ReplicaApi } from "./replica/types.ts";
import type { ObservedClock } from "./sessions/observed-clock.ts";

export type ClusterClockDeps = {
  readonly env: Env;
  readonly looks: Pick<ObservedClock, "onLook">;
  readonly store: Pick<StoreApi, "onCommit">;
  readonly replica: Pick<ReplicaApi, "status" | "leader">;
};

export class ClusterClock {
  readonly #deps: ClusterClockDeps;
  readonly #unsubscribe: (() => void)[] = [];
  /** Cluster time when the monotonic clock was at 0; null: nobody told it yet. */
  #startMs: number | null = null;
  /** Who led at the last look, perhaps this manager itself. */
  #leader = "";
  /** Entries after this index are written while this manager is up to date, so their time is now. Null: it catches up. */
  #freshAfter: number | null = null;

  constructor(deps: ClusterClockDeps) {
    this.#deps = deps;
  }

  start(): void {
    const { looks, store } = this.#deps;
    this.#unsubscribe.push(
      looks.onLook(() => this.#look()),
      store.onCommit((set) => this.#onCommit(set)),
    );
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
  }

  /** Unix milliseconds. */
  now(): number {
    const { env } = this.#deps;
    return this.#startMs === null ? env.wallNow() : this.#startMs + Math.floor(env.now());
  }

  /** The same, 0 while it is a mere guess. */
  known(): number {
    return this.#startMs === null ? 0 : this.now();
  }

  /** Another manager says so. What the entries say is exact, so they count more. */
  heard(timeMs: number): void {
    this.#startMs ??= timeMs - Math.floor(this.#deps.env.now());
  }

  /** From one look to the next a leader is heard of: by then what is committed is known. */
  #look(): void {
    const { replica } = this.#deps;
    const leader = replica.leader();
    const key = leader === null ? "" : `${leader.id}/${leader.term}`;
    const isSame = key !== "" && key === this.#leader;
    this.#leader = key;
    if (!isSame) this.#freshAfter = null;
    else {
      const { applied, commit } = replica.status();
      if (applied < commit) this.#freshAfter = null;
      else this.#freshAfter ??= applied;
    }
  }

  #onCommit({ version, timeMs, restored }: ChangeSet): void {
    if (restored || this.#freshAfter === null || version <= this.#freshAfter) return;
    this.#startMs = timeMs - Math.floor(this.#deps.env.now());
  }
}
