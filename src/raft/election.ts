/**
 * Elections: PreVote, votes, stickiness, and the short way after a lost leader. Thesis 3.4, 4.2.3,
 * 9.6. The safety rules (one durable vote a term, only to an up-to-date log) are in `onVote` and
 * in who waits for the disk; everything else here is about liveness.
 */
import { tally } from "./quorum.ts";
import type { RaftState } from "./state.ts";
import type { MemberId, Message } from "./types.ts";

/** A lost leader is campaigned against after 0..3 ticks (0-150 ms), uniformly. */
const LOST_JITTER_TICKS = 4;
/** How soon a round without a majority is tried again while the leader is lost. */
const PRE_VOTE_RETRY_TICKS = 3;
/** A round of real votes waits for disks on both sides, so it gets longer. */
const VOTE_RETRY_TICKS_MIN = 3;
/** Whoever voted gives its candidate this long before it encourages another. */
const VOTE_GRACE_TICKS = 3;
/** Of two simultaneous pre-candidates the lower id goes first; its precedence lasts this long. */
const PRECEDENCE_TICKS = 1;

/** What changes hands with a role. Called after the state has changed. */
export interface ElectionHooks {
  becameLeader(): void;
  leftLeadership(): void;
  /** The leader this member follows is another one now, or none, or leads another term. */
  leaderChanged(): void;
}

type Of<T extends Message["type"]> = Extract<Message, { type: T }>;

export class Election {
  readonly #state: RaftState;
  readonly #hooks: ElectionHooks;
  readonly #votes = new Map<MemberId, boolean>();
  /** Ticks since a leader was heard, a vote was granted or a round began. */
  #elapsed = 0;
  #timeout = 0;
  /** Ticks until the next hurried campaign; null outside the short way. */
  #hurryIn: number | null = null;
  /** Ticks for which the short way stays open. Bounded by an election timeout, so it cannot become a storm. */
  #lostLeft = 0;
  #roundStart = 0;

  constructor(state: RaftState, hooks: ElectionHooks) {
    this.#state = state;
    this.#hooks = hooks;
    this.#restartTimer();
  }

  // Time

  /** For everyone but a leader. */
  tick(): void {
    const state = this.#state;
    this.#elapsed++;
    if (this.#lostLeft > 0 && --this.#lostLeft === 0) this.#hurryIn = null;
    if (!state.canCampaign) return;
    // Nobody else can disagree: there is nothing to wait for.
    const { voters } = state.configs.latest;
    const isAlone = voters.length === 1 && voters[0] === state.id && state.role === "follower";
    const isHurried = this.#hurryIn !== null && --this.#hurryIn <= 0;
    if (isAlone || isHurried || this.#elapsed >= this.#timeout) this.#preCampaign();
  }

  /**
   * While a member hears its leader it helps nobody against it (thesis 4.2.3). A leader is sticky
   * to itself: its quorum check is what ends its term. A leader that asks for votes itself, in a
   * term beyond the one it led, leads no more.
   */
  #isSticky(from: MemberId): boolean {
    const state = this.#state;
    if (state.role === "leader") return true;
    return state.leader !== null && state.leader !== from && this.#elapsed < state.options.electionTicks;
  }

  /** The candidate we voted for may be winning right now; whoever asks for pre-votes itself has given it up. */
  #isInGrace(from: MemberId): boolean {
    const { role, vote, termLeader } = this.#state;
    if (role === "pre-candidate" || vote === null || vote === from || termLeader !== null) return false;
    return this.#elapsed < VOTE_GRACE_TICKS;
  }

  #restartTimer(): void {
    const { electionTicks } = this.#state.options;
    this.#elapsed = 0;
    this.#timeout = electionTicks + this.#jitter(electionTicks);
  }

  /** 0..below-1 */
  #jitter(below: number): number {
    return Math.floor(this.#state.options.random() * below);
  }

  /** The connection to the leader broke and could not be made again: go the short way. */
  leaderLost(leader: MemberId): void {
    const state = this.#state;
    if (state.role === "leader" || state.termLeader !== leader || this.#lostLeft > 0) return;
    this.#lostLeft = state.options.electionTicks;
    if (state.leader !== null) {
      state.leader = null;
      this.#hooks.leaderChanged();
    }
    this.#hurryIn = this.#jitter(LOST_JITTER_TICKS);
    if (this.#hurryIn === 0 && state.canCampaign) this.#preCampaign();
  }

  #hurry(ticks: number): void {
    if (this.#lostLeft > 0) this.#hurryIn = ticks;
  }

  // Roles

  /** A message that only the leader of our own term can have sent. */
  heardLeader(leader: MemberId): void {
    const state = this.#state;
    if (state.role !== "follower" || state.leader !== leader) this.becomeFollower(state.term, leader);
    this.#elapsed = 0;
    this.#lostLeft = 0;
    this.#hurryIn = null;
  }

  becomeFollower(term: number, leader: MemberId | null): void {
    const state = this.#state;
    const before = state.leader;
    const wasLeader = state.role === "leader";
    const termBefore = state.term;
    if (term > state.term) state.setTerm(term);
    state.leader = null;
    if (leader !== null) state.setLeader(leader);
    state.role = "follower";
    this.#votes.clear();
    this.#restartTimer();
    // Deposed by someone in a later term who may not be able to lead: be ready to take over again.
    if (wasLeader && term > termBefore && leader === null) this.#lostLeft = state.options.electionTicks;
    this.#hurry(1 + this.#jitter(PRE_VOTE_RETRY_TICKS));
    if (wasLeader) this.#hooks.leftLeadership();
    // The same leader in a later term may have followed another in between.
    if (state.leader !== before || term > termBefore) this.#hooks.leaderChanged();
  }

  #preCampaign(): void {
    const state = this.#state;
    const isRepeat = state.role === "pre-candidate" && this.#lostLeft > 0;
    state.role = "pre-candidate";
    // Repeats of one hurried round keep their grants: the term asked for is the same.
    if (!isRepeat) this.#votes.clear();
    this.#votes.set(state.id, true);
    this.#restartTimer();
    this.#roundStart = state.now;
    this.#hurryIn = null;
    this.#hurry(1 + this.#jitter(PRE_VOTE_RETRY_TICKS));
    if (state.leader !== null) {
      state.leader = null;
      this.#hooks.leaderChanged();
    }
    if (tally(state.configs.latest.voters, this.#votes) === "won") {
      this.#campaign(false);
      return;
    }
    for (const voter of state.configs.latest.voters) {
      if (voter !== state.id && this.#votes.get(voter) !== true) this.#sendPreVote(voter);
    }
  }

  #sendPreVote(to: MemberId): void {
    const { id, term, log } = this.#state;
    const { lastIndex, lastTerm } = log;
    // The term it would campaign in; nobody adopts it.
    this.#state.send({ type: "pre-vote", from: id, to, term: term + 1, lastIndex, lastTerm });
  }

  #campaign(transfer: boolean): void {
    const state = this.#state;
    const before = state.leader;
    state.setTerm(state.term + 1);
    state.vote = state.id;
    state.role = "candidate";
    this.#votes.clear();
    this.#restartTimer();
    this.#hurryIn = null;
    this.#hurry(VOTE_RETRY_TICKS_MIN + this.#jitter(PRE_VOTE_RETRY_TICKS));
    if (before !== null) this.#hooks.leaderChanged();
    const { id, term, log } = state;
    for (const to of state.configs.latest.voters) {
      // Requests wait for the disk as well: after a crash that forgets this candidacy, a grant for
      // the longer log it had could otherwise be counted for a shorter one in the same term.
      state.sendWhenVoteDurable(
        to === id
          ? { type: "vote-reply", from: id, to, term, granted: true }
          : { type: "vote", from: id, to, term, lastIndex: log.lastIndex, lastTerm: log.lastTerm, transfer },
      );
    }
  }

  #becomeLeader(): void {
    const state = this.#state;
    state.role = "leader";
    state.setLeader(state.id);
    this.#votes.clear();
    this.#lostLeft = 0;
    this.#hurryIn = null;
    this.#hooks.becameLeader();
    this.#hooks.leaderChanged();
  }

  // Messages

  /** A vote request of a higher term that must not even raise our term. */
  ignoresVote(message: Of<"vote">): boolean {
    return !message.transfer && this.#isSticky(message.from);
  }

  onPreVote(message: Of<"pre-vote">): void {
    const state = this.#state;
    const isFresh = message.term > state.term && state.log.isUpToDate(message.lastIndex, message.lastTerm);
    const isWilling = isFresh && !this.#isSticky(message.from) && !this.#isInGrace(message.from);
    const goesFirst = isWilling && this.#goesBefore(message);
    const granted = isWilling && !goesFirst;
    // A grant carries the term that was asked for, a refusal our own, so that a laggard catches up (E10).
    const term = granted ? message.term : state.term;
    state.send({ type: "pre-vote-reply", from: state.id, to: message.from, term, granted });
    if (granted && this.#hurryIn !== null) this.#hurry(Math.max(this.#hurryIn, 2));
    // It campaigns, so it lost the leader, too: its answer to our own request may be another by now.
    if (goesFirst) this.#sendPreVote(message.from);
  }

  /**
   * Two members that lost their leader at once would split the vote. The lower id has precedence
   * for a moment; were it for good, one that cannot win could keep out one that can.
   */
  #goesBefore(message: Of<"pre-vote">): boolean {
    const { role, now, term, log, id } = this.#state;
    return (
      role === "pre-candidate" &&
      now - this.#roundStart <= PRECEDENCE_TICKS &&
      message.term === term + 1 &&
      message.lastIndex === log.lastIndex &&
      message.lastTerm === log.lastTerm &&
      id < message.from
    );
  }

  onPreVoteReply(message: Of<"pre-vote-reply">): void {
    const state = this.#state;
    if (state.role !== "pre-candidate") return;
    if (message.granted ? message.term !== state.term + 1 : message.term !== state.term) return;
    // A grant outlives an older refusal that arrives late.
    if (message.granted || this.#votes.get(message.from) !== true) this.#votes.set(message.from, message.granted);
    const result = tally(state.configs.latest.voters, this.#votes);
    if (result === "won") this.#campaign(false);
    else if (!message.granted && this.#lostLeft > 0) this.#hurry(1 + this.#jitter(2));
    else if (result === "lost") this.becomeFollower(state.term, null);
  }

  onVote(message: Of<"vote">): void {
    const state = this.#state;
    // A candidate voted for itself, a leader leads its term: both are not free.
    const isFree = state.vote === null && state.termLeader === null;
    const granted =
      (isFree || state.vote === message.from) && state.log.isUpToDate(message.lastIndex, message.lastTerm);
    const reply: Message = { type: "vote-reply", from: state.id, to: message.from, term: state.term, granted };
    if (!granted) {
      state.send(reply);
      return;
    }
    state.vote = message.from;
    if (state.role === "pre-candidate") state.role = "follower";
    this.#elapsed = 0;
    this.#hurry(VOTE_RETRY_TICKS_MIN + 1 + this.#jitter(PRE_VOTE_RETRY_TICKS));
    state.sendWhenVoteDurable(reply);
  }

  /** Our own vote comes here, too, once it is durable. */
  onVoteReply(message: Of<"vote-reply">): void {
    const state = this.#state;
    if (state.role !== "candidate") return;
    this.#votes.set(message.from, message.granted);
    const result = tally(state.configs.latest.voters, this.#votes);
    if (result === "won") this.#becomeLeader();
    else if (result === "lost") this.becomeFollower(state.term, null);
    else if (!message.granted) this.#hurry(1 + this.#jitter(2));
  }

  /** The leader hands over: no PreVote, and others waive their stickiness. */
  onTimeoutNow(): void {
    if (this.#state.role !== "leader" && this.#state.canCampaign) this.#campaign(true);
  }
}
