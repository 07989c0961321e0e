/**
 * How many writes of its log each peer is known to have made durable. Every frame states its
 * sender's count, which never goes back unless the sender's disk does: one that comes back from an
 * old copy (a VM snapshot, a backup) has forgotten votes and acknowledgements that others rely on,
 * and looks sound to itself. So every hello also tells its receiver what was heard of it, and before
 * that is compared nothing that promises anything goes to that peer.
 *
 * Kept on disk lazily: what this memory lacks after a crash is at most the last second's.
 */
import type { MemberId } from "../../raft/types.ts";
import { AppError } from "../../util/errors.ts";
import type { Env, Timer } from "../../util/env.ts";
import type { PromptKv } from "../../util/kv.ts";
import { REJOIN_HINT, named } from "./log-load.ts";
import { PEERS_KEY, decodePeerWrites, encodePeerWrites } from "./log-records.ts";

const KEEP_EVERY_MS = 1_000;
/** Members present and past; the one heard of longest ago is forgotten first. */
const PEERS_MAX = 256;

export class PeerWrites {
  readonly #env: Env;
  readonly #kv: PromptKv;
  readonly #onFatal: (error: Error) => void;
  #seen = new Map<MemberId, number>();
  #isDirty = false;
  #timer: Timer | null = null;
  #writing: PromiseLike<void> | null = null;
  #isDead = false;

  constructor(deps: { env: Env; kv: PromptKv; onFatal: (error: Error) => void }) {
    this.#env = deps.env;
    this.#kv = deps.kv;
    this.#onFatal = deps.onFatal;
  }

  /** @throws AppError `corrupt` */
  async load(location: string): Promise<void> {
    const stored = await this.#kv.get(PEERS_KEY);
    if (stored !== undefined) this.#seen = named(location, null, () => decodePeerWrites(stored));
  }

  /** The highest count that `peer` ever stated; 0: never heard of. */
  of(peer: MemberId): number {
    return this.#seen.get(peer) ?? 0;
  }

  note(peer: MemberId, writes: number): void {
    if (writes <= this.of(peer)) return;
    this.#seen.delete(peer);
    this.#seen.set(peer, writes);
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > PEERS_MAX && oldest !== undefined) this.#seen.delete(oldest);
    this.#isDirty = true;
    this.#timer ??= this.#env.setTimer(KEEP_EVERY_MS, () => {
      this.#timer = null;
      this.#keep();
    });
  }

  #keep(): void {
    if (this.#writing !== null || !this.#isDirty || this.#isDead) return;
    this.#isDirty = false;
    const put = { kind: "put", key: PEERS_KEY, value: encodePeerWrites(this.#seen) } as const;
    this.#writing = this.#kv.batch([put], { sync: false }).then(
      () => {
        this.#writing = null;
      },
      (error: unknown) => {
        this.#writing = null;
        this.#isDead = true;
        this.#onFatal(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }

  /** Before its store is closed. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#writing;
    this.#keep();
    await this.#writing;
  }
}

/** What is known of the ages of disks: ours, and those of the peers. */
export interface DiskAges {
  /** Durable writes of our own log. */
  readonly writes: number;
  /** The highest count that a peer ever stated. */
  seen(peer: MemberId): number;
  note(peer: MemberId, writes: number): void;
}

type Opened = {
  readonly storage: { readonly writes: number };
  readonly writesBefore: number;
  readonly peerWrites: PeerWrites;
};

/** Before the log is open nothing is known; the transport takes nobody in before that. */
export function diskAges(opened: () => Opened | undefined): DiskAges {
  return {
    get writes() {
      const { storage, writesBefore } = opened() ?? { storage: { writes: 0 }, writesBefore: 0 };
      return writesBefore + storage.writes;
    },
    seen: (peer) => opened()?.peerWrites.of(peer) ?? 0,
    note: (peer, writes) => opened()?.peerWrites.note(peer, writes),
  };
}

export function rolledBack(what: { readonly seen: number; readonly writes: number; readonly by: MemberId }): AppError {
  const { seen, writes, by } = what;
  return new AppError(
    "corrupt",
    `disk rolled back: wipe and rejoin (it holds ${writes} writes of its log, manager ${by} knows of ${seen})`,
    { next: REJOIN_HINT },
  );
}
