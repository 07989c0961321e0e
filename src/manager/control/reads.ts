/** Reads at the consistency asked for, and how they fail without a quorum. */
import type { CallContext } from "../../proto/rpc.ts";
import type { Consistency } from "../../proto/gen/Consistency.ts";
import type { ReadTx, StoreApi } from "../../store/types.ts";
import type { Env } from "../../util/env.ts";
import { AppError, isAppError } from "../../util/errors.ts";
import type { ReplicaApi } from "../replica/types.ts";

export const READ_WAIT_MS = 5_000;
/** Answers leave this long before the caller's own deadline, so that it sees our reason instead. */
export const ANSWER_MARGIN_MS = 500;
/** Without a leader for this long, longer than an election lasts, a read fails at once. */
export const NO_LEADER_AFTER_MS = 3_000;

export type ReadDeps = { readonly store: StoreApi; readonly replica: ReplicaApi; readonly env: Env };

export class Reads {
  readonly #deps: ReadDeps;
  readonly #unsubscribe: () => void;
  #leaderlessSince: number | null;

  constructor(deps: ReadDeps) {
    this.#deps = deps;
    this.#leaderlessSince = deps.replica.leader() === null ? deps.env.now() : null;
    this.#unsubscribe = deps.replica.onStatus(() => {
      if (deps.replica.leader() !== null) this.#leaderlessSince = null;
      else this.#leaderlessSince ??= deps.env.now();
    });
  }

  stop(): void {
    this.#unsubscribe();
  }

  /** Committed state; use it before the next await. */
  async view(consistency: Consistency, context: CallContext): Promise<ReadTx> {
    const { store, replica, env } = this.#deps;
    if (consistency === "STALE") return store.view();
    if (this.#leaderlessSince !== null && env.now() - this.#leaderlessSince >= NO_LEADER_AFTER_MS)
      throw this.#noQuorum();
    try {
      await replica.readBarrier({ deadlineMs: waitMs(context, READ_WAIT_MS), signal: context.signal });
    } catch (error) {
      if (isAppError(error, "unavailable") || isAppError(error, "deadline")) throw this.#noQuorum();
      throw error;
    }
    return store.view();
  }

  #noQuorum(): AppError {
    const status = this.#deps.replica.status();
    const voters = status.config.members.filter(({ role }) => role === "voter");
    const active = new Set(status.peers.filter((peer) => peer.active).map(({ id }) => id));
    // Only a leader knows whom it reaches.
    const reached =
      status.role === "leader" ? voters.filter(({ id }) => id === status.id || active.has(id)).length : null;
    const seen =
      reached === null
        ? `no leader reachable among ${voters.length} managers`
        : `${reached} of ${voters.length} managers reachable`;
    return new AppError("unavailable", `No quorum: ${seen}, ${Math.floor(voters.length / 2) + 1} are needed`, {
      next: "bring a majority of the managers back, or read what one of them knows: --stale (consistency STALE)",
    });
  }
}

/** How long a call may wait, given the caller's own deadline. */
export function waitMs(context: CallContext, longest: number): number {
  if (context.deadlineMs === undefined) return longest;
  return Math.max(1, Math.min(longest, context.deadlineMs - Math.min(ANSWER_MARGIN_MS, context.deadlineMs / 5)));
}
