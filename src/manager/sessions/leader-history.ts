/**
 * When this manager knew a leader: what a new leader may hold against nodes depends on it. Only
 * time under a serving leader counts, and after a loss of quorum agents get long to come back.
 */
import { QUORUM_LOSS_GRACE_MS } from "./liveness.ts";
import type { ObservedClock } from "./observed-clock.ts";

/** Without a leader for this long, agents had no one to report to. */
export const QUORUM_LOSS_AFTER_MS = 10_000;

export class LeaderHistory {
  readonly #clock: Pick<ObservedClock, "now">;
  #leader = "";
  #leaderlessSince: number;
  #hadLeader = false;
  #gapMs = 0;
  #graceUntil = 0;

  constructor(clock: Pick<ObservedClock, "now">) {
    this.#clock = clock;
    this.#leaderlessSince = clock.now();
  }

  /**
   * @param isNewcomer this process began without a log: there was no time it could have missed.
   * Only asked for at the first leader.
   */
  note(leaderId: string | null, { isNewcomer }: { readonly isNewcomer: boolean }): void {
    const leader = leaderId ?? "";
    if (leader === this.#leader) return;
    const now = this.#clock.now();
    const wasLeaderless = this.#leader === "";
    this.#leader = leader;
    if (leader === "") {
      this.#leaderlessSince = now;
      return;
    }
    this.#gapMs = wasLeaderless ? now - this.#leaderlessSince : 0;
    // A process that just started cannot say how long the cluster was without a leader.
    const wasQuorumLost = this.#hadLeader ? this.#gapMs > QUORUM_LOSS_AFTER_MS : !isNewcomer;
    if (wasQuorumLost) this.#graceUntil = now + QUORUM_LOSS_GRACE_MS;
    this.#hadLeader = true;
  }

  /** How long nobody led before the present leader. */
  get leaderlessMs(): number {
    return this.#gapMs;
  }

  /** Until then nodes not heard of since the loss are not given up; it outlives changes of leader. */
  get graceUntil(): number {
    return this.#graceUntil;
  }
}
