/**
 * What the parts of the core share: the replicated variables of one member, and the outbox of the
 * step under way. The rules that hold for all parts (nothing shrinks, one leader a term) are
 * asserted here, in production as well.
 */
import { assert } from "../util/assert.ts";
import { ConfigHistory, EMPTY_CONFIG, decodeConfig } from "./config.ts";
import { Durability } from "./durability.ts";
import { RaftLog } from "./log.ts";
import type {
  Effects,
  Entry,
  HardState,
  InitialState,
  MemberId,
  Message,
  Persist,
  RaftOptions,
  ReadResult,
  SnapshotMeta,
} from "./types.ts";

/** A learner is a follower whose configuration does not let it vote. */
export type CoreRole = "follower" | "pre-candidate" | "candidate" | "leader";

export class RaftState {
  readonly id: MemberId;
  readonly options: RaftOptions;
  readonly log: RaftLog;
  readonly configs: ConfigHistory;
  readonly durability: Durability;

  role: CoreRole = "follower";
  leader: MemberId | null = null;
  /** Whoever led the present term, even if it was lost since: there can be no other in it. */
  termLeader: MemberId | null = null;
  term: number;
  vote: MemberId | null;
  commit: number;
  applied: number;
  snapshot: SnapshotMeta | null;
  /** Ticks since start. */
  now = 0;
  /** A committed configuration has dropped this member: it is silent from here on. */
  isRemoved = false;
  /** A pulled snapshot is replacing the log on disk: nothing may be appended, committed or campaigned for. */
  isInstalling = false;
  readonly #formerEnd: InitialState["formerEnd"];

  /** Committed entries up to here were handed out. */
  #emitted: number;
  #messages: Message[] = [];
  #reads: ReadResult[] = [];
  #fetch: Effects["fetchSnapshot"] = null;
  #hardState: HardState;

  constructor(initial: InitialState, options: RaftOptions) {
    const { hardState, snapshot } = initial;
    this.id = initial.id;
    this.options = options;
    this.#formerEnd = initial.formerEnd ?? null;
    this.log = new RaftLog(initial.prevIndex, initial.prevTerm, initial.entries);
    this.snapshot = snapshot;
    this.configs = new ConfigHistory(snapshot?.index ?? 0, snapshot?.config ?? EMPTY_CONFIG);
    this.#alignWithSnapshot();
    this.term = hardState.term;
    this.vote = hardState.vote;
    this.commit = Math.max(hardState.commit, snapshot?.index ?? 0);
    this.applied = this.#emitted = initial.applied;
    this.#hardState = hardState;
    assert(this.commit <= this.log.lastIndex, `Committed entries are missing: ${this.log.lastIndex} < ${this.commit}`);
    assert(this.applied <= this.commit, "Only committed entries can have been applied");
    assert(this.applied >= this.log.prevIndex, "Entries that were not applied yet must still be in the log");
    assert(this.term >= this.log.lastTerm, "The term on disk must be at least that of the last entry");
    for (let index = this.configs.latest.index + 1; index <= this.log.lastIndex; index++) this.#learnConfig(index);
    this.durability = new Durability(hardState, this.log.lastIndex);
  }

  /** A log that ends before the snapshot adds nothing to it; one that contradicts it is corrupt. */
  #alignWithSnapshot(): void {
    const { snapshot, log } = this;
    assert(snapshot !== null || log.prevIndex === 0, "A compacted log needs the snapshot it was compacted for");
    if (snapshot === null) return;
    assert(log.prevIndex <= snapshot.index, "There is a gap between the snapshot and the log");
    const term = log.termAt(snapshot.index);
    if (term === null) log.reset(snapshot.index, snapshot.term);
    assert(term === null || term === snapshot.term, "The log contradicts the snapshot at its index");
  }

  #learnConfig(index: number): void {
    const entry = this.log.entryAt(index);
    if (entry?.kind === "config") this.configs.append(index, decodeConfig(entry.payload));
  }

  /** A voter of the latest configuration: counted in its quorums. */
  get isVoter(): boolean {
    return this.configs.latest.voters.includes(this.id);
  }

  /**
   * Voters campaign, and so do those who are out as soon as an uncommitted change is committed: it
   * may take their longer log to commit it (thesis 4.2.2). They win by the votes of others.
   */
  get canCampaign(): boolean {
    if (this.isRemoved || this.isInstalling || !this.#hasCaughtUp) return false;
    return this.isVoter || this.configs.at(this.commit).voters.includes(this.id);
  }

  /** A member before, with another log than this one. */
  get isReturning(): boolean {
    return this.#formerEnd !== null;
  }

  /** What its log says of the members may be as old as its beginning before. */
  get #hasCaughtUp(): boolean {
    const { index = 0, term = 0 } = this.#formerEnd ?? {};
    const { lastIndex, lastTerm } = this.log;
    return lastTerm > term || (lastTerm === term && lastIndex >= index);
  }

  /** This leader's own term has a committed entry: what it calls committed is complete (thesis 6.4). */
  get hasCommittedInTerm(): boolean {
    return (this.log.termAt(this.commit) ?? 0) === this.term;
  }

  // The log, with what hangs on it

  append(entry: Entry): void {
    this.log.append(entry);
    if (entry.kind === "config") this.configs.append(entry.index, decodeConfig(entry.payload));
  }

  truncateFrom(index: number): void {
    assert(index > this.commit, `Committed entries are never truncated: ${index} <= commit ${this.commit}`);
    assert(this.role !== "leader", "A leader never truncates its log (Leader Append-Only)");
    this.log.truncateFrom(index);
    this.configs.truncateFrom(index);
    this.durability.truncatedFrom(index);
  }

  /** Starts over from a durable snapshot that is loaded into the state machine. */
  resetTo(meta: SnapshotMeta): void {
    assert(this.role !== "leader", "A leader holds every committed entry and needs no snapshot");
    assert(meta.index > this.commit, "A snapshot never takes back what is committed");
    this.log.reset(meta.index, meta.term);
    this.configs.reset(meta.index, meta.config);
    this.durability.reset(meta.index);
  }

  setTerm(term: number): void {
    assert(term > this.term, `Terms never shrink: ${term} after ${this.term}`);
    this.term = term;
    this.vote = null;
    this.leader = null;
    this.termLeader = null;
  }

  /** E17: two leaders in one term would mean that election safety is lost. */
  setLeader(leader: MemberId): void {
    assert(
      this.termLeader === null || this.termLeader === leader,
      `Term ${this.term} has two leaders: ${this.termLeader} and ${leader}`,
    );
    this.termLeader = leader;
    this.leader = leader;
  }

  commitTo(index: number): void {
    assert(index <= this.log.lastIndex, `Cannot commit ${index}: the log ends at ${this.log.lastIndex}`);
    if (index > this.commit) this.commit = index;
  }

  /** The state machine holds everything up to `index` already (a snapshot was loaded). */
  skipTo(index: number): void {
    this.#emitted = Math.max(this.#emitted, index);
    this.applied = Math.max(this.applied, index);
  }

  setApplied(index: number): void {
    assert(index <= this.#emitted, `Entry ${index} was applied before it was handed out`);
    // A report that was on its way while a snapshot was loaded is old news.
    this.applied = Math.max(this.applied, index);
  }

  // The outbox

  send(message: Message): void {
    this.#messages.push(message);
  }

  /** For a message that promises our term and vote: at once if they are durable, else with the write. */
  sendWhenVoteDurable(message: Message): void {
    if (this.durability.isVoteStable(this.term, this.vote) && message.to !== this.id) this.#messages.push(message);
    else this.durability.hold(message);
  }

  finishRead(result: ReadResult): void {
    this.#reads.push(result);
  }

  fetchSnapshot(from: MemberId, meta: SnapshotMeta): void {
    this.#fetch = { from, meta };
  }

  /** Ends a step: what it produced, and an empty outbox. */
  flush(statusChanged: boolean, removed: boolean): Effects {
    const effects: Effects = {
      messages: this.#messages.length > 0 ? this.#messages : NONE,
      persist: this.#takePersist(),
      committed: this.#takeCommitted(),
      reads: this.#reads.length > 0 ? this.#reads : NONE,
      fetchSnapshot: this.#fetch,
      statusChanged,
      removed,
    };
    if (this.#messages.length > 0) this.#messages = [];
    if (this.#reads.length > 0) this.#reads = [];
    this.#fetch = null;
    return effects;
  }

  #takePersist(): Persist | null {
    const last = this.#hardState;
    // The commit index alone is not worth a write: it is found again, so it rides along lazily.
    if (last.term !== this.term || last.vote !== this.vote || last.commit !== this.commit) {
      this.#hardState = { term: this.term, vote: this.vote, commit: this.commit };
    }
    return this.durability.take(this.log, this.#hardState);
  }

  #takeCommitted(): readonly Entry[] {
    const from = this.#emitted + 1;
    if (this.commit < from) return NONE;
    this.#emitted = this.commit;
    return this.log.range(from, this.commit);
  }
}

const NONE: readonly never[] = [];
