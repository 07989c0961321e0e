/**
 * Who may be in the cluster, as the state machine of one member sees it: whether a change may be
 * proposed now, and who must be told that it is out. Codec and single-step arithmetic: config.ts.
 */
import { hasMember, refuseChange, voterIds } from "./config.ts";
import type { ConfigRefusal } from "./config.ts";
import { majority } from "./quorum.ts";
import type { Replication } from "./replication.ts";
import type { RaftState } from "./state.ts";
import type { Config, MemberId, Message } from "./types.ts";

/** A learner may be promoted when it lacks at most this many entries: less than an election's worth of catching up. */
export const PROMOTION_LAG_MAX = 1_000;

export type ConfigProposalRefusal =
  | ConfigRefusal
  | "not-leader"
  | "not-ready"
  | "transferring"
  /** Another change is not committed yet. */
  | "pending"
  /** A learner is to vote that is far behind or silent. */
  | "behind"
  /** A majority of the new voters has not been heard lately. */
  | "quorum-loss";

/** What no driver may overrule: breaking one of these would break safety (B7, thesis 4.1). */
export function refuseConfig(state: RaftState, next: Config): ConfigProposalRefusal | null {
  if (state.role !== "leader") return "not-leader";
  // Ongaro 2015: without an own-term commit an older leader's uncommitted change may still come true.
  if (!state.hasCommittedInTerm) return "not-ready";
  if (state.configs.latest.index > state.commit) return "pending";
  return refuseChange(state.configs.latest.config, next);
}

/** What an operator may force: it would only stop the cluster. */
export function adviseAgainst(state: RaftState, replication: Replication, next: Config): ConfigProposalRefusal | null {
  const before = state.configs.latest.voters;
  const after = voterIds(next);
  const isActive = (id: MemberId): boolean => {
    const peer = replication.peer(id);
    return id === state.id || (peer !== undefined && replication.isActive(peer));
  };
  for (const id of after) {
    if (before.includes(id) || id === state.id) continue;
    const match = replication.peer(id)?.match ?? 0;
    if (!isActive(id) || match + PROMOTION_LAG_MAX < state.log.lastIndex) return "behind";
  }
  return after.filter(isActive).length < majority(after.length) ? "quorum-loss" : null;
}

/**
 * Whether the sender of a vote request was removed for certain. Ids are never reused, and a voter
 * was a committed learner or founder first, so a committed configuration without it settles the
 * matter, unless the sender may know a later one:
 * - its log ends within what is committed here, or
 * - we lead, and it has heard of no later term.
 */
export function wasRemoved(state: RaftState, message: Extract<Message, { type: "vote" | "pre-vote" }>): boolean {
  const committed = state.configs.at(state.commit);
  if (committed.config.members.length === 0 || hasMember(committed.config, message.from)) return false;
  if (hasMember(state.configs.latest.config, message.from)) return false;
  if (message.lastIndex <= state.commit) return true;
  const senderTerm = message.type === "pre-vote" ? message.term - 1 : message.term;
  return state.role === "leader" && state.hasCommittedInTerm && senderTerm <= state.term;
}

/** Members of a configuration that its successor dropped. */
export function droppedBy(before: Config, after: Config): MemberId[] {
  return before.members.filter((member) => !hasMember(after, member.id)).map((member) => member.id);
}
