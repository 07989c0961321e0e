/**
 * The words of the Raft core. Everything here is data: the core is a pure step function
 * `step(event) -> effects`, and the driver (manager/replica) is the only one that does I/O.
 *
 * Indexes, terms and read sequences are JavaScript numbers (2^53 suffices).
 */

/** A member's id is its node id; ids are never reused, a wiped disk comes back under a new one. */
export type MemberId = string;

export type Member = {
  readonly id: MemberId;
  /** gRPC host:port, resolved again at every reconnect. Opaque to the core. */
  readonly address: string;
  readonly role: "voter" | "learner";
};

/** Membership, effective when appended (thesis 4.1), sorted by id. */
export type Config = { readonly members: readonly Member[] };

export type EntryKind = "normal" | "noop" | "config";

export type Entry = {
  readonly index: number;
  readonly term: number;
  readonly kind: EntryKind;
  /** `normal`: the store's transaction, encoded once. `noop`: empty. `config`: the codec of config.ts. */
  readonly payload: Uint8Array;
};

export type HardState = { readonly term: number; readonly vote: MemberId | null; readonly commit: number };

export type SnapshotMeta = {
  readonly index: number;
  readonly term: number;
  readonly config: Config;
  readonly sizeBytes: number;
  /** SHA-256 of the whole body, hex. */
  readonly hash: string;
};

type Envelope = { readonly from: MemberId; readonly to: MemberId; readonly term: number };

export type Message = Envelope &
  (
    | { readonly type: "pre-vote"; readonly lastIndex: number; readonly lastTerm: number }
    | { readonly type: "pre-vote-reply"; readonly granted: boolean }
    /** `transfer`: started by timeout-now, so stickiness does not apply. */
    | { readonly type: "vote"; readonly lastIndex: number; readonly lastTerm: number; readonly transfer: boolean }
    | { readonly type: "vote-reply"; readonly granted: boolean }
    | {
        readonly type: "append";
        readonly prevIndex: number;
        readonly prevTerm: number;
        readonly entries: readonly Entry[];
        readonly commit: number;
      }
    | {
        readonly type: "append-reply";
        readonly ok: boolean;
        /** ok: highest index known to match and be durable. Otherwise the rejected prevIndex. */
        readonly index: number;
        /** Rejections: largest index of the follower whose term is <= the probe's term, and that term. */
        readonly hintIndex: number;
        readonly hintTerm: number;
      }
    /** `readSeq`: highest read sequence issued; its echo confirms leadership for reads up to it. `commit` = min(match, leader's). */
    | { readonly type: "heartbeat"; readonly commit: number; readonly readSeq: number }
    | { readonly type: "heartbeat-reply"; readonly readSeq: number }
    /**
     * What the receiver shares is committed up to here (min(match, leader's)). Not answered, and no
     * harm if lost: the next append or heartbeat says the same. A driver may hold it back a moment.
     */
    | { readonly type: "commit"; readonly commit: number }
    /** "Pull this snapshot from me": the body travels over FetchSnapshot. */
    | { readonly type: "snapshot"; readonly meta: SnapshotMeta }
    | { readonly type: "snapshot-reply"; readonly index: number; readonly ok: boolean }
    | { readonly type: "timeout-now" }
    /** A follower's linearizable read, answered once the leader confirmed itself. */
    | { readonly type: "read-index"; readonly requestId: number }
    | { readonly type: "read-index-reply"; readonly requestId: number; readonly index: number; readonly ok: boolean }
    /** To a peer that is no longer a member: it must stop campaigning. */
    | { readonly type: "removed" }
  );

export type MessageType = Message["type"];

export type Role = "follower" | "pre-candidate" | "candidate" | "leader" | "learner";

/** What the driver tells the core. Time is `tick`: one per TICK_MS, late ticks collapse into one. */
export type Event =
  | { readonly type: "tick" }
  | { readonly type: "message"; readonly message: Message }
  /** Appended in order as one block; the driver checks `canPropose` before. */
  | { readonly type: "propose"; readonly payloads: readonly Uint8Array[] }
  | { readonly type: "propose-config"; readonly config: Config }
  | { readonly type: "read"; readonly requestId: number }
  /** The persist effect with this token is durable (in order, none skipped). */
  | { readonly type: "persisted"; readonly token: number }
  | { readonly type: "applied"; readonly index: number }
  /**
   * A snapshot of our own state machine is durable, and so are the entries up to its index; the log up
   * to `compactTo` may go. Delete below `RaftCore.firstIndex` only: a peer's pull may need more.
   */
  | { readonly type: "snapshot-taken"; readonly meta: SnapshotMeta; readonly compactTo: number }
  /**
   * A pulled snapshot is verified, durable and loaded into the state machine. `RaftCore.beginInstall`
   * must have agreed before the log on disk was replaced; see core.ts.
   */
  | { readonly type: "snapshot-installed"; readonly meta: SnapshotMeta }
  | { readonly type: "snapshot-failed"; readonly from: MemberId; readonly index: number }
  /** The leader's stream was reset and a reconnect did not heal it: campaign soon, drop stickiness. */
  | { readonly type: "leader-lost"; readonly leader: MemberId }
  | { readonly type: "peer-unreachable"; readonly peer: MemberId }
  | { readonly type: "transfer"; readonly to: MemberId | null }
  | { readonly type: "step-down"; readonly why: string };

/** One durable write. Released messages depend on it (votes, append acks, the leader's own ack). */
export type Persist = {
  readonly token: number;
  /** Contiguous; replaces everything from the first one's index on. May be empty. */
  readonly entries: readonly Entry[];
  readonly hardState: HardState;
};

export type ReadResult =
  | { readonly requestId: number; readonly ok: true; readonly index: number }
  | { readonly requestId: number; readonly ok: false };

export type Status = {
  readonly id: MemberId;
  readonly role: Role;
  readonly term: number;
  readonly leader: MemberId | null;
  readonly commit: number;
  readonly applied: number;
  readonly lastIndex: number;
  readonly config: Config;
  /** The leader has committed its own term's no-op: it may accept writes and config changes. */
  readonly ready: boolean;
  readonly transferTarget: MemberId | null;
  /** Leader only: what it knows of each peer. */
  readonly peers: readonly {
    readonly id: MemberId;
    readonly match: number;
    readonly active: boolean;
    /** Append messages that are not acknowledged yet. */
    readonly inflight: number;
  }[];
};

/** What one step asks of the driver, in this order. */
export type Effects = {
  /** Send at once: these depend on nothing durable (the leader's appends leave before its own sync). */
  readonly messages: readonly Message[];
  /**
   * At most one per step; the driver keeps one sync in flight and merges what arrives meanwhile. What
   * had to wait for it comes as `messages` of the step of its `persisted`.
   */
  readonly persist: Persist | null;
  /** Committed entries to apply, in order, contiguous from applied+1. */
  readonly committed: readonly Entry[];
  readonly reads: readonly ReadResult[];
  /** Pull this snapshot from `from`, then step snapshot-installed or snapshot-failed. A later one replaces it. */
  readonly fetchSnapshot: { readonly from: MemberId; readonly meta: SnapshotMeta } | null;
  /** Role, leader, term, readiness, membership or the transfer's target changed. */
  readonly statusChanged: boolean;
  /** This member was removed from the cluster and must stop. Stays true. */
  readonly removed: boolean;
};

/** What the core starts from: read back from storage by the driver. */
export type InitialState = {
  readonly id: MemberId;
  readonly hardState: HardState;
  readonly snapshot: SnapshotMeta | null;
  /** Entries after the snapshot (or after the compaction point), contiguous. */
  readonly entries: readonly Entry[];
  /** Index before the first of `entries`, and its term. */
  readonly prevIndex: number;
  readonly prevTerm: number;
  /** What the state machine holds already (the snapshot's index, or 0). */
  readonly applied: number;
  /**
   * It was a member before, with a log that is gone and ended here. Configurations without it may be
   * history that it catches up with, so only the word of others ("removed") ends it. Those with it may
   * be history, too, the first of them with it alone: until its log is as long again it never campaigns.
   */
  readonly formerEnd?: { readonly index: number; readonly term: number } | null;
};

export type RaftOptions = {
  readonly heartbeatTicks: number;
  /** Base E of the election timeout; a timeout is uniform in [E, 2E). */
  readonly electionTicks: number;
  readonly appendBytesMax: number;
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  /** Proposals beyond this many uncommitted bytes are refused; no-ops and config changes still pass. */
  readonly uncommittedBytesMax: number;
  /** Uniform in [0, 1): election jitter only. */
  readonly random: () => number;
};

export const TICK_MS = 50;

export const DEFAULT_RAFT_OPTIONS = {
  // Six and more in the shortest election timeout. Each costs an idle leader: at 100 ms it was over 3 % of a core.
  heartbeatTicks: 3,
  electionTicks: 20,
  appendBytesMax: 512 * 1024,
  inflightMessagesMax: 8,
  inflightBytesMax: 8 * 1024 * 1024,
  uncommittedBytesMax: 32 * 1024 * 1024,
} as const;
