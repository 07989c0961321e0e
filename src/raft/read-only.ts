/**
 * Linearizable reads without a log entry (ReadIndex, thesis 6.4). A read gets the commit index of
 * the moment its round began, and is answered once a majority echoed a sequence number issued at
 * or after that moment. Sequence numbers are never reused, so a late echo proves nothing it
 * should not.
 *
 * Every read ends: confirmed, or failed on a change of leader or after an election timeout.
 */
import type { RaftState } from "./state.ts";
import type { MemberId, Message } from "./types.ts";

/** Reads that may wait at once; one more is refused, and its caller tries again. */
export const READS_WAITING_MAX = 10_000;

/** A follower asks again after this many heartbeats: the question or its answer may be lost. */
const ASK_AGAIN_HEARTBEATS = 2;

/** `from`: the follower that forwarded it; null for our own driver. */
type Waiter = { readonly requestId: number; readonly from: MemberId | null; readonly deadline: number };

type Round = { readonly seq: number; readonly index: number; readonly waiters: readonly Waiter[] };

/** The reads of a leader. One round of heartbeats is out at a time; what arrives meanwhile shares the next. */
export class LeaderReads {
  readonly #state: RaftState;
  #seq = 0;
  #waiting: Waiter[] = [];
  #rounds: Round[] = [];

  constructor(state: RaftState) {
    this.#state = state;
  }

  /** The highest sequence issued: what heartbeats carry. */
  get seq(): number {
    return this.#seq;
  }

  get hasRound(): boolean {
    return this.#rounds.length > 0;
  }

  add(requestId: number, from: MemberId | null): void {
    const waiter = { requestId, from, deadline: this.#state.now + this.#state.options.electionTicks };
    if (this.#waiting.length >= READS_WAITING_MAX) this.#answer(waiter, null);
    else this.#waiting.push(waiter);
  }

  /** Gives the waiting reads a round. @returns whether there is one that heartbeats must confirm now. */
  open(): boolean {
    // Before its own term's first commit a leader does not know what is committed (B3).
    if (this.#waiting.length === 0 || !this.#state.hasCommittedInTerm) return false;
    this.#seq++;
    this.#rounds.push({ seq: this.#seq, index: this.#state.commit, waiters: this.#waiting });
    this.#waiting = [];
    return true;
  }

  /** A majority echoed `seq`. */
  confirm(seq: number): void {
    while (this.#rounds.length > 0) {
      const round = this.#rounds[0];
      if (round === undefined || round.seq > seq) return;
      this.#rounds.shift();
      for (const waiter of round.waiters) this.#answer(waiter, round.index);
    }
  }

  tick(): void {
    if (this.#waiting.length === 0 && this.#rounds.length === 0) return;
    const { now } = this.#state;
    const isOver = (waiter: Waiter): boolean => now >= waiter.deadline;
    if (this.#waiting.some(isOver)) {
      for (const waiter of this.#waiting.filter(isOver)) this.#answer(waiter, null);
      this.#waiting = this.#waiting.filter((waiter) => !isOver(waiter));
    }
    // The waiters of a round are in order of arrival, so the first is over first: then the round is.
    while (this.#rounds[0]?.waiters.some(isOver) === true) {
      for (const waiter of this.#rounds.shift()?.waiters ?? []) this.#answer(waiter, null);
    }
  }

  fail(): void {
    for (const round of this.#rounds) for (const waiter of round.waiters) this.#answer(waiter, null);
    for (const waiter of this.#waiting) this.#answer(waiter, null);
    this.#rounds = [];
    this.#waiting = [];
  }

  #answer({ requestId, from }: Waiter, index: number | null): void {
    const state = this.#state;
    if (from === null) {
      state.finishRead(index === null ? { requestId, ok: false } : { requestId, ok: true, index });
      return;
    }
    const reply = { type: "read-index-reply", from: state.id, to: from, term: state.term } as const;
    state.send({ ...reply, requestId, index: index ?? 0, ok: index !== null });
  }
}

type Forwarded = { readonly requestId: number; readonly deadline: number };

/** The reads of a follower: one question to the leader at a time, on behalf of all that came before it. */
export class ForwardedReads {
  readonly #state: RaftState;
  /** Starts at random, so that an answer to a question from before a restart matches none of ours. */
  #nextId: number;
  #waiting: Forwarded[] = [];
  #asked: Forwarded[] = [];
  #askedId = 0;
  #askedAt = 0;

  constructor(state: RaftState) {
    this.#state = state;
    this.#nextId = 1 + Math.floor(state.options.random() * 2 ** 40) * 1024;
  }

  add(requestId: number): void {
    const state = this.#state;
    if (state.leader === null || this.#waiting.length >= READS_WAITING_MAX) {
      state.finishRead({ requestId, ok: false });
      return;
    }
    this.#waiting.push({ requestId, deadline: state.now + state.options.electionTicks });
    if (this.#asked.length === 0) this.#ask();
  }

  #ask(): void {
    if (this.#waiting.length === 0) return;
    this.#asked = this.#waiting;
    this.#waiting = [];
    this.#askedId = this.#nextId++;
    this.#send();
  }

  #send(): void {
    const { id, leader, term, now } = this.#state;
    this.#askedAt = now;
    if (leader !== null) {
      this.#state.send({ type: "read-index", from: id, to: leader, term, requestId: this.#askedId });
    }
  }

  onReply(message: Extract<Message, { type: "read-index-reply" }>): void {
    // A repeated question may be answered twice, or late.
    if (this.#asked.length === 0 || message.requestId !== this.#askedId) return;
    const { ok, index } = message;
    const answered = this.#asked;
    this.#asked = [];
    for (const { requestId } of answered) {
      this.#state.finishRead(ok ? { requestId, ok, index } : { requestId, ok });
    }
    this.#ask();
  }

  tick(): void {
    if (this.#waiting.length === 0 && this.#asked.length === 0) return;
    const { now, options } = this.#state;
    const isOver = (read: Forwarded): boolean => now >= read.deadline;
    if (this.#asked.some(isOver) || this.#waiting.some(isOver)) {
      for (const { requestId } of [...this.#asked, ...this.#waiting].filter(isOver)) {
        this.#state.finishRead({ requestId, ok: false });
      }
      this.#asked = this.#asked.filter((read) => !isOver(read));
      this.#waiting = this.#waiting.filter((read) => !isOver(read));
    }
    if (this.#asked.length === 0) this.#ask();
    else if (now - this.#askedAt >= ASK_AGAIN_HEARTBEATS * options.heartbeatTicks) this.#send();
  }

  fail(): void {
    for (const { requestId } of [...this.#asked, ...this.#waiting]) this.#state.finishRead({ requestId, ok: false });
    this.#asked = [];
    this.#waiting = [];
  }
}
