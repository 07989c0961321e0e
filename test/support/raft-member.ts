/**
 * One Raft core under the hands of a test: every message goes in and comes out by hand, and the
 * disk completes when the test says so. For properties of one member; histories: raft-script/.
 */
import { encodeConfig, makeConfig } from "../../src/raft/config.ts";
import { RaftCore } from "../../src/raft/core.ts";
import { DEFAULT_RAFT_OPTIONS } from "../../src/raft/types.ts";
import type {
  Config,
  Effects,
  Entry,
  EntryKind,
  Event,
  HardState,
  InitialState,
  Member,
  MemberId,
  Message,
  MessageType,
  RaftOptions,
  ReadResult,
  SnapshotMeta,
} from "../../src/raft/types.ts";

export function voters(...ids: MemberId[]): Config {
  return makeConfig(ids.map((id) => ({ id, address: `${id}:1`, role: "voter" })));
}

/** `current` with one member's role set, added or (null) removed. */
export function changed(current: Config, id: MemberId, role: Member["role"] | null): Config {
  const others = current.members.filter((member) => member.id !== id);
  return makeConfig(role === null ? others : [...others, { id, address: `${id}:1`, role }]);
}

export function entry(
  index: number,
  term: number,
  kind: EntryKind = "normal",
  payload: Uint8Array = new Uint8Array(1),
): Entry {
  return { index, term, kind, payload };
}

export function configEntry(index: number, term: number, config: Config): Entry {
  return entry(index, term, "config", encodeConfig(config));
}

export function snapshotMeta(index: number, term: number, config: Config): SnapshotMeta {
  return { index, term, config, sizeBytes: 1, hash: "00" };
}

export type MemberOptions = {
  readonly config?: Config;
  /** Term of each entry after the founding one: `[1, 1, 2]` is entries 2, 3 and 4. */
  readonly terms?: readonly number[];
  /** Instead of `terms`. */
  readonly entries?: readonly Entry[];
  readonly hardState?: Partial<HardState>;
  readonly snapshot?: SnapshotMeta;
  readonly formerEnd?: InitialState["formerEnd"];
  readonly raft?: Partial<RaftOptions>;
  /** Writes stay under way until `persist()`. */
  readonly slowDisk?: boolean;
};

type Sent<T extends MessageType> = Extract<Message, { type: T }>;

/** `Omit` that keeps a union a union. */
type WithoutEnvelope<T> = T extends unknown ? Omit<T, "to" | "term"> & { readonly term?: number } : never;

export class RaftMember {
  readonly id: MemberId;
  readonly core: RaftCore;
  readonly sent: Message[] = [];
  readonly reads: ReadResult[] = [];
  readonly tokens: number[] = [];
  hardState: HardState;
  readonly #slowDisk: boolean;

  constructor(id: MemberId, options: MemberOptions = {}) {
    this.id = id;
    const config = options.config ?? voters("a", "b", "c");
    const { snapshot = null } = options;
    const founding = snapshot === null ? [configEntry(1, 1, config)] : [];
    const base = snapshot?.index ?? 1;
    const entries = options.entries ?? [
      ...founding,
      ...(options.terms ?? []).map((term, i) => entry(base + 1 + i, term)),
    ];
    const lastTerm = entries.at(-1)?.term ?? snapshot?.term ?? 0;
    this.hardState = { term: Math.max(lastTerm, 1), vote: null, commit: base, ...options.hardState };
    this.#slowDisk = options.slowDisk ?? false;
    this.core = new RaftCore(
      {
        id,
        hardState: this.hardState,
        snapshot,
        entries,
        prevIndex: snapshot?.index ?? 0,
        prevTerm: snapshot?.term ?? 0,
        applied: snapshot?.index ?? 0,
        formerEnd: options.formerEnd ?? null,
      },
      { ...DEFAULT_RAFT_OPTIONS, random: () => 0, ...options.raft },
    );
  }

  get status(): ReturnType<RaftCore["status"]> {
    return this.core.status();
  }

  step(event: Event): Effects {
    const effects = this.core.step(event);
    this.sent.push(...effects.messages);
    this.reads.push(...effects.reads);
    if (effects.persist !== null) {
      this.hardState = effects.persist.hardState;
      this.tokens.push(effects.persist.token);
    }
    const applied = effects.committed.at(-1);
    if (applied !== undefined) this.step({ type: "applied", index: applied.index });
    if (!this.#slowDisk) this.persist();
    return effects;
  }

  /** Completes the writes under way, oldest first. */
  persist(count = Infinity): void {
    for (let done = 0; done < count; done++) {
      const token = this.tokens.shift();
      if (token === undefined) return;
      this.step({ type: "persisted", token });
    }
  }

  /** `term` defaults to the member's own. */
  receive(message: WithoutEnvelope<Message>): Message[] {
    this.sent.length = 0;
    // The caller named everything but the envelope.
    this.step({ type: "message", message: { term: this.status.term, ...message, to: this.id } as Message });
    return [...this.sent];
  }

  tick(count = 1): Message[] {
    this.sent.length = 0;
    for (let i = 0; i < count; i++) this.step({ type: "tick" });
    return [...this.sent];
  }

  /** Messages of a type among the last ones sent. */
  out<T extends MessageType>(type: T, to?: MemberId): Sent<T>[] {
    return this.sent.filter(
      (message): message is Sent<T> => message.type === type && (to === undefined || message.to === to),
    );
  }

  /** Makes it the leader by the votes of `by`, of a term that is free. */
  lead(...by: MemberId[]): this {
    this.tick(60);
    for (const from of by) this.receive({ type: "pre-vote-reply", from, granted: true, term: this.status.term + 1 });
    if (this.status.role === "pre-candidate") throw new Error("The pre-votes do not suffice");
    this.persist();
    for (const from of by) this.receive({ type: "vote-reply", from, granted: true });
    if (this.status.role !== "leader") throw new Error(`It should lead and is ${this.status.role}`);
    return this;
  }

  ack(from: MemberId, index: number): Message[] {
    return this.receive({ type: "append-reply", from, ok: true, index, hintIndex: 0, hintTerm: 0 });
  }

  append(
    from: MemberId,
    prev: readonly [index: number, term: number],
    entries: readonly Entry[],
    commit = 0,
  ): Message[] {
    return this.receive({ type: "append", from, prevIndex: prev[0], prevTerm: prev[1], entries, commit });
  }

  propose(count = 1, bytes = 1): void {
    this.sent.length = 0;
    this.step({ type: "propose", payloads: Array.from({ length: count }, () => new Uint8Array(bytes)) });
  }
}
