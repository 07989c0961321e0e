/**
 * When this manager knew a leader: what a new leader may hold against nodes depends on it. Only
 * time under a serving leader counts, and after a loss of quorum agents get long to come back.
 */
import type { LeaderInfo } from "../replica/types.ts";
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
  /** As `#graceUntil`, for what was before this process began; 0 once that is known. */
  #startGraceUntil = 0;
  /** Of the leader known last. */
  #term = 0;
  /** The newest term of whose leader it is known here what it found when it began. */
  #toldTerm = 0;

  constructor(clock: Pick<ObservedClock, "now">) {
    this.#clock = clock;
    this.#leaderlessSince = clock.now();
  }

  /**
   * @param isNewcomer this process began without a log: there was no time it could have missed.
   * Only asked for at the first leader.
   */
  note(leader: Pick<LeaderInfo, "id" | "term"> | null, { isNewcomer }: { readonly isNewcomer: boolean }): void {
    if (leader !== null) this.#term = leader.term;
    const id = leader?.id ?? "";
    if (id !== this.#leader) this.#changed(id, isNewcomer);
    this.#judgeStart();
  }

  /**
   * What the loops of this term's leader wrote is in the state here, and first of all how long nodes have since a loss
   * of quorum (monitor.ts).
   */
  told(term: number): void {
    this.#toldTerm = Math.max(this.#toldTerm, term);
    this.#judgeStart();
  }

  /** How long nobody led before the present leader. */
  get leaderlessMs(): number {
    return this.#gapMs;
  }

  /** Until then nodes not heard of since the loss are not given up; it outlives changes of leader. */
  get graceUntil(): number {
    return Math.max(this.#graceUntil, this.#startGraceUntil);
  }

  #changed(id: string, isNewcomer: boolean): void {
    const now = this.#clock.now();
    const wasLeaderless = this.#leader === "";
    this.#leader = id;
    if (id === "") {
      this.#leaderlessSince = now;
      return;
    }
    this.#gapMs = wasLeaderless ? now - this.#leaderlessSince : 0;
    // A process that just started cannot say how long the cluster was without a leader.
    if (!this.#hadLeader && !isNewcomer) this.#startGraceUntil = now + QUORUM_LOSS_GRACE_MS;
    if (this.#hadLeader && this.#gapMs > QUORUM_LOSS_AFTER_MS) this.#graceUntil = now + QUORUM_LOSS_GRACE_MS;
    this.#hadLeader = true;
  }

  /** Its leader can say: it led all the while, or wrote down what it found. */
  #judgeStart(): void {
    if (this.#leader !== "" && this.#toldTerm >= this.#term) this.#startGraceUntil = 0;
  }
}
