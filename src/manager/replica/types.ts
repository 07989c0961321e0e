/** The replica's contract with the rest of a manager. */
import type { Restore } from "../../store/types.ts";
import type { Config, Member, MemberId, Status } from "../../raft/types.ts";

/** The state machine the log drives; the store implements it. */
export interface StateMachine {
  /** Applies one committed entry; must never throw for what a client sent. */
  apply(entry: { readonly index: number; readonly term: number; readonly payload: Uint8Array }): void;
  /** Entries without a payload for the state machine (no-op, config) still advance the version. */
  advance(index: number): void;
  /** A consistent body as of now, in pieces encoded on demand: the driver pulls one a turn. */
  snapshot(): Iterator<Uint8Array>;
  /** A body that is about to replace everything. `index` is what it includes. */
  beginRestore(index: number): Restore;
  /** The leader's no-op is applied: speculation may start. */
  leadershipGained(term: number): void;
  /** Drops speculation; pending updates resolve by what the log says, or as unknown. */
  leadershipLost(): void;
}

export type LeaderInfo = { readonly id: MemberId; readonly address: string; readonly term: number };

/** What the manager uses of its replica. */
export interface ReplicaApi {
  status(): Status;
  /** Null while none is known. */
  leader(): LeaderInfo | null;
  /** This replica leads and has applied its own term's no-op. */
  isReadyLeader(): boolean;
  /**
   * Resolves once this replica has applied everything committed before the call (ReadIndex).
   * @throws AppError unavailable ("no quorum") | deadline
   */
  readBarrier(options: { readonly deadlineMs: number; readonly signal?: AbortSignal }): Promise<void>;
  /** Leader only: learner first; a repeated call with the same id is the same member, perhaps at a new address. */
  addMember(member: { readonly id: MemberId; readonly address: string }): Promise<Config>;
  /** Leader only. Refused if it would lose the quorum unless forced. */
  removeMember(id: MemberId, options: { readonly force: boolean }): Promise<Config>;
  members(): readonly Member[];
  /** Whether this replica's own stream to the member is open. */
  isConnected(id: MemberId): boolean;
  transferLeadership(): Promise<void>;
  /** Role, leader, term or readiness changed; called in the turn it happens. */
  onStatus(listener: (status: Status) => void): () => void;
}
