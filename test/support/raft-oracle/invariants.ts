/**
 * What must hold after every step of every member of a simulated cluster (Ongaro's thesis, figure 3.2, and what history
 * added), checked by someone who sees all memories and all disks. Each has a name, which a failing run reports. Nothing
 * here is ever replaced by a mutant: the judge does not change with the accused.
 */
import { isDeepStrictEqual } from "node:util";
import { decodeConfig, hasMember, voterIds } from "../../../src/raft/config.ts";
import type { RaftCore } from "../../../src/raft/core.ts";
import { ENTRY_OVERHEAD_BYTES, entryBytes } from "../../../src/raft/log.ts";
import { DEFAULT_RAFT_OPTIONS } from "../../../src/raft/types.ts";
import type {
  Config,
  Entry,
  HardState,
  MemberId,
  Message,
  RaftOptions,
  SnapshotMeta,
} from "../../../src/raft/types.ts";

export const INVARIANTS = {
  oneLeader: "I1 at most one leader in a term",
  logMatching: "I2 equal index and term mean equal logs",
  commitFinal: "I3 what is committed never changes",
  leaderComplete: "I4 a leader's log holds everything committed before its term",
  applyEqual: "I5 every member applies the same entries, in order, once",
  commitDurable: "I6 what is committed or acknowledged is durable",
  voteOnce: "I7 term and vote are durable, never fall, and never change within a term",
  configOverlap: "I8 configurations change one by one and their quorums overlap",
  snapshotConfig: "I8 a snapshot has the membership of its index",
  stateEqual: "I9 equal index means equal state",
  exactlyOnce: "I10 what was acknowledged is in the log once, what was refused is not",
  readFresh: "I11 a read sees whatever was committed before it began",
  bounded: "I12 windows, queues and repetitions stay within their bounds",
  elected: "E1 only voters lead, by durable votes of a majority",
  preVoted: "E2 nobody raises its term but by a majority's pre-votes or its leader's word",
  quorumHeard: "E3 a leader that a majority does not answer leads no more",
  ownDisk: "E4 a leader whose own disk does not answer leads no more",
  helpsNewer: "E5 votes and pre-votes go to logs that lack nothing of the voter's",
  sticky: "E6 whoever hears its leader helps nobody against it",
  loadsDurable: "D1 a start finds the log that was durable",
  endsForCause: "D2 no process ends but for its disk",
  rollbackSeen: "D3 a disk that went back is recognised and not used",
  elects: "L1 a healed majority elects a leader in time",
  commits: "L2 a healed majority commits in time",
  converges: "L3 healed members catch up in time, also while others write, and converge",
  calmTerms: "L4 terms do not grow without need",
  toldRemoved: "L5 removed members are told, and stop; nobody else is",
  linearizable: "L6 what clients saw is linearizable",
} as const;

export class Violation extends Error {
  readonly invariant: string;

  constructor(invariant: string, why: string) {
    super(why);
    this.name = "Violation";
    this.invariant = invariant;
  }
}

export function violated(invariant: (typeof INVARIANTS)[keyof typeof INVARIANTS], why: string): never {
  throw new Violation(invariant, why);
}

/** What is watched of one member. */
export type Watched = {
  readonly id: MemberId;
  readonly isUp: boolean;
  /** Asked only while it is up. */
  readonly core: RaftCore | null;
  /** Of its log in memory, by index. */
  readonly chain: readonly number[];
  readonly durable: Durable;
};

/** What would survive a crash. */
export type Durable = {
  readonly hardState: HardState;
  readonly chain: readonly number[];
  /** Whether it has this entry, or had it before its disk was damaged: acknowledged in good faith. */
  had(index: number, hash: number): boolean;
  /** Whether it may have voted so: it did, or is in a later term. */
  mayHaveVoted(term: number, candidate: MemberId): boolean;
};

/** Of its own: who is judged may count wrongly. */
function majority(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** Keeps a majority of its voters without those that are lost. */
export function keepsMajority(config: Config, isLost: (id: MemberId) => boolean): boolean {
  const voters = voterIds(config);
  return voters.filter((id) => !isLost(id)).length >= majority(voters.length);
}

export type VoteRequest = Extract<Message, { readonly type: "vote" | "pre-vote" }>;

export type Configs = { readonly latest: Config; readonly committed: Config };

/** Where a change is in the committed log, and the moment at which somebody had applied it. */
export type Made = { readonly index: number; readonly moment: number };

/** What is on the disk of a member, dead or alive. */
export type Disks = (id: MemberId) => Durable | undefined;

type Limits = Pick<RaftOptions, "appendBytesMax" | "inflightMessagesMax" | "uncommittedBytesMax">;

/** More than any run reaches. */
const TERMS_MAX = 100_000;

export class Invariants {
  /** Hash of every committed prefix; index 0 is the empty log. */
  readonly committed: number[] = [0];
  /** Term of the member that first called it committed. */
  readonly #commitTerms: number[] = [0];
  readonly #leaders = new Map<number, MemberId>();
  /** By candidate and term: who would vote for it. */
  readonly #preVotes = new Map<string, Set<MemberId>>();
  /** By index and term: log matching says that there is one hash for each. */
  readonly #logs = new Map<number, number>();
  /** State by the index it is of. */
  readonly #states = new Map<number, number>();
  #appliedMax = 0;
  /** The newest committed one; null before the first change. */
  #members: Config | null = null;
  /** Requests in the committed log. */
  readonly #requests = new Map<string, Made>();
  readonly #limits: Limits;

  constructor(limits: Limits = DEFAULT_RAFT_OPTIONS) {
    this.#limits = limits;
  }

  get commitIndex(): number {
    return this.committed.length - 1;
  }

  /** The next entry is committed by definition: the founding one, or what a run begins with. */
  given(hash: number, term: number): void {
    this.committed.push(hash);
    this.#commitTerms.push(term);
  }

  // Elections

  /** @param by the core's own event that made it campaign: its leader's word needs no pre-votes. */
  campaigns(
    id: MemberId,
    term: number,
    { config, isTold }: { readonly config: Config; readonly isTold: boolean },
  ): void {
    const granted = this.#preVotes.get(`${id}/${term}`);
    const isWilling = (voter: MemberId): boolean => voter === id || granted?.has(voter) === true;
    if (isTold || keepsMajority(config, (voter) => !isWilling(voter))) return;
    violated(INVARIANTS.preVoted, `${id} campaigns in term ${term}, pre-votes: ${[...(granted ?? [])].join()}`);
  }

  /** @param request that it grants */
  helps(id: MemberId, core: RaftCore, request: VoteRequest): void {
    const lastTerm = core.termAt(core.lastIndex) ?? 0;
    const isBehind =
      request.lastTerm < lastTerm || (request.lastTerm === lastTerm && request.lastIndex < core.lastIndex);
    if (!isBehind) return;
    const { type, from, lastIndex } = request;
    violated(INVARIANTS.helpsNewer, `${id} grants ${from}, whose log ends at ${lastIndex}, a ${type}`);
  }

  elected(id: MemberId, term: number, { latest, committed }: Configs, disks: Disks): void {
    const isVoter = [latest, committed].some((config) => voterIds(config).includes(id));
    const votes = voterIds(latest).filter((voter) => disks(voter)?.mayHaveVoted(term, id));
    if (isVoter && keepsMajority(latest, (voter) => !votes.includes(voter))) return;
    violated(INVARIANTS.elected, `${id} leads term ${term}, votes of ${voterIds(latest).join()}: ${votes.join()}`);
  }

  becameLeader({ id, chain }: Pick<Watched, "id" | "chain">, term: number): void {
    const other = this.#leaders.get(term);
    if (other !== undefined && other !== id) violated(INVARIANTS.oneLeader, `term ${term}: ${other} and ${id}`);
    this.#leaders.set(term, id);
    // A paused process may learn late that it was elected: what later leaders committed is not its business.
    let index = this.commitIndex;
    while ((this.#commitTerms[index] ?? 0) >= term) index -= 1;
    if (chain[index] === this.committed[index]) return;
    violated(INVARIANTS.leaderComplete, `${id} leads term ${term} without committed entry ${index}`);
  }

  // Logs

  appended(id: MemberId, { index, term }: Entry, hash: number): void {
    const key = index * TERMS_MAX + term;
    const known = this.#logs.get(key);
    if (known === undefined) this.#logs.set(key, hash);
    else if (known !== hash) violated(INVARIANTS.logMatching, `${id} differs at or before ${index} of term ${term}`);
  }

  /** @param by the member that calls it committed, under `config`. */
  commits(by: Watched, entry: Entry, at: { readonly term: number; readonly config: Config }, disks: Disks): void {
    const { index } = entry;
    const hash = by.chain[index];
    const known = this.committed[index];
    if (known !== undefined) {
      if (known !== hash) violated(INVARIANTS.commitFinal, `${by.id} commits another entry at ${index}`);
      return;
    }
    if (hash === undefined || index !== this.committed.length) {
      violated(INVARIANTS.commitFinal, `${by.id} commits ${index} after ${this.commitIndex}`);
    }
    const voters = voterIds(at.config);
    const holding = voters.filter((id) => disks(id)?.had(index, hash));
    if (holding.length < majority(voters.length)) {
      violated(
        INVARIANTS.commitDurable,
        `${by.id} commits ${index}, of ${voters.join()} only ${holding.join()} hold it`,
      );
    }
    this.committed.push(hash);
    this.#commitTerms.push(at.term);
    if (entry.kind === "config") this.#members = decodeConfig(entry.payload);
  }

  /** @returns whether nobody applied it before. */
  applies({ id, chain }: Watched, index: number, before: number): boolean {
    if (index !== before + 1) violated(INVARIANTS.applyEqual, `${id} applies ${index} after ${before}`);
    if (index > this.commitIndex || chain[index] !== this.committed[index]) {
      violated(INVARIANTS.applyEqual, `${id} applies another entry at ${index}`);
    }
    if (index <= this.#appliedMax) return false;
    this.#appliedMax = index;
    return true;
  }

  stateIs(id: MemberId, index: number, hash: number): void {
    const known = this.#states.get(index);
    if (known === undefined) this.#states.set(index, hash);
    else if (known !== hash) violated(INVARIANTS.stateEqual, `${id} has another state at ${index}`);
  }

  // Promises

  wroteHardState(id: MemberId, before: HardState, after: HardState): void {
    if (after.term < before.term) violated(INVARIANTS.voteOnce, `${id} writes term ${after.term} after ${before.term}`);
    if (after.term === before.term && before.vote !== null && after.vote !== before.vote) {
      violated(INVARIANTS.voteOnce, `${id} votes twice in term ${after.term}: ${before.vote}, ${after.vote}`);
    }
  }

  /** Nothing is promised that is not on the sender's disk, and no prefix that is not the receiver's. */
  sends(sender: Watched, message: Message, receiver: Watched | undefined): void {
    const { id } = sender;
    const { hardState } = sender.durable;
    const { term, to } = message;
    if (message.type === "append") this.#isInBounds(id, message.entries);
    if (message.type === "pre-vote-reply" && message.granted) this.#noteGrant(message);
    if (message.type === "vote" || (message.type === "vote-reply" && message.granted)) {
      const vote = message.type === "vote" ? id : to;
      if (hardState.term === term && hardState.vote === vote) return;
      violated(INVARIANTS.voteOnce, `${id} votes for ${vote} in term ${term}, which is not on its disk`);
    }
    if ((message.type === "append-reply" || message.type === "snapshot-reply") && message.ok) {
      if (hardState.term !== term) {
        violated(INVARIANTS.commitDurable, `${id} acknowledges in term ${term}, which is not on its disk`);
      }
      this.#isAckTrue(sender, message, receiver);
    }
  }

  #noteGrant({ from, to, term }: Message): void {
    const key = `${to}/${term}`;
    const known = this.#preVotes.get(key);
    if (known === undefined) this.#preVotes.set(key, new Set([from]));
    else known.add(from);
  }

  #isAckTrue(sender: Watched, { index, term, to }: Message & { readonly index: number }, receiver?: Watched): void {
    const durable = sender.durable.chain[index];
    if (durable === undefined || durable !== sender.chain[index]) {
      violated(INVARIANTS.commitDurable, `${sender.id} acknowledges ${index} to ${to}, which is not on its disk`);
    }
    // For as long as that one leads.
    const core = receiver?.isUp === true ? receiver.core : null;
    if (core === null || !core.isLeader || core.term !== term || receiver?.chain[index] === durable) return;
    violated(INVARIANTS.logMatching, `${sender.id} acknowledges ${index} to ${to}, whose log differs there`);
  }

  // Membership

  reconfigured(id: MemberId, before: Config, after: Config): void {
    const [old, next] = [voterIds(before), voterIds(after)];
    const all = new Set([...old, ...next]);
    if (majority(old.length) + majority(next.length) > all.size) return;
    violated(INVARIANTS.configOverlap, `${id} goes from ${old.join()} to ${next.join()}`);
  }

  wasTold(id: MemberId): void {
    if (this.#members !== null && !hasMember(this.#members, id)) return;
    violated(INVARIANTS.toldRemoved, `${id} was told that it is out, and is in`);
  }

  snapshots(id: MemberId, { index, config }: SnapshotMeta, core: RaftCore): void {
    if (isDeepStrictEqual(config, core.configAt(index))) return;
    violated(INVARIANTS.snapshotConfig, `${id} has ${JSON.stringify(config)} in its snapshot of ${index}`);
  }

  /** Of a leader that has just appended one. */
  pendingConfigs(id: MemberId, core: RaftCore): void {
    const pending = core.entriesFrom(core.commit + 1, Infinity).filter(({ kind }) => kind === "config");
    if (pending.length > 1) violated(INVARIANTS.configOverlap, `${id} has ${pending.length} changes under way`);
  }

  // Clients

  /** The log has a record of it at an index that nobody applied before. */
  requested(request: string, made: Made): void {
    if (this.#requests.has(request)) violated(INVARIANTS.exactlyOnce, `${request} is in the log twice`);
    this.#requests.set(request, made);
  }

  /** Null: it was never made. */
  made(request: string): Made | null {
    return this.#requests.get(request) ?? null;
  }

  read(id: MemberId, version: number, committedAtCall: number): void {
    if (version >= committedAtCall) return;
    violated(INVARIANTS.readFresh, `a read on ${id} sees ${version}, ${committedAtCall} was committed when it began`);
  }

  // Bounds

  #isInBounds(id: MemberId, entries: readonly Entry[]): void {
    if (entries.length < 2) return;
    const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
    if (bytes <= this.#limits.appendBytesMax) return;
    violated(INVARIANTS.bounded, `${id} sends ${bytes} bytes in ${entries.length} entries at once`);
  }

  windows(id: MemberId, core: RaftCore): void {
    const { inflightMessagesMax, uncommittedBytesMax } = this.#limits;
    for (const peer of core.status().peers) {
      if (peer.inflight > inflightMessagesMax)
        violated(INVARIANTS.bounded, `${id} has ${peer.inflight} out to ${peer.id}`);
    }
    // What passes whatever waits: a no-op, a change of members, and the one that found the queue empty.
    const beyond = 3 * (ENTRY_OVERHEAD_BYTES + ENTRY_BYTES_MAX);
    if (core.uncommittedBytes <= uncommittedBytesMax + beyond) return;
    violated(INVARIANTS.bounded, `${id} has ${core.uncommittedBytes} uncommitted bytes`);
  }
}

/** Of the simulated clients' changes, and of configurations. */
const ENTRY_BYTES_MAX = 1_000;
