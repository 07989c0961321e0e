/**
 * What a leader knows of one peer, and how fast it may send.
 *
 * ```
 *            ack                       window full: nothing until an ack
 *   PROBE ---------> REPLICATE
 *     ^  <---------     |     reject, unreachable: back to match + 1
 *     |    reject       |
 *     |                 v
 *     +----------- SNAPSHOT   next is compacted: silent until the follower has pulled it
 * ```
 */
import { assert } from "../util/assert.ts";
import type { MemberId, SnapshotMeta } from "./types.ts";

export type ProgressState = "probe" | "replicate" | "snapshot";

export class Progress {
  readonly id: MemberId;
  /** Whether it counts in a quorum under the latest configuration. */
  voter: boolean;
  /** Highest index known to be durable at the peer and equal to ours. Never falls within a term. */
  match = 0;
  /** Next index to send. Always > match. */
  next: number;
  state: ProgressState = "probe";
  /** Probe: one message is out; the next answer or heartbeat answer opens it again. */
  paused = false;
  /** Tick at which it was last heard. */
  heardAt: number;
  /** Snapshot: the one it was told to pull. */
  snapshot: SnapshotMeta | null = null;
  /** Snapshot: tick at which it was last told. */
  snapshotToldAt = 0;
  /** Highest read sequence it echoed. */
  readSeq = 0;
  /** Highest commit index it was told. */
  commitSent = 0;
  readonly #inflight: Inflight;

  constructor(id: MemberId, options: { voter: boolean; next: number; now: number; window: Window }) {
    this.id = id;
    this.voter = options.voter;
    this.next = options.next;
    this.heardAt = options.now;
    this.#inflight = new Inflight(options.window);
  }

  get isIdle(): boolean {
    return this.#inflight.count === 0;
  }

  /** Messages that are not acknowledged yet. */
  get inflight(): number {
    return this.#inflight.count;
  }

  canSend(): boolean {
    if (this.state === "snapshot") return false;
    return this.state === "probe" ? !this.paused : !this.#inflight.isFull;
  }

  /** A message with entries up to `lastIndex` left. */
  sent(lastIndex: number, bytes: number): void {
    if (this.state === "probe") {
      this.paused = true;
      return;
    }
    this.#inflight.add(lastIndex, bytes);
    this.next = lastIndex + 1;
  }

  /** @returns whether the peer is known to have more than before. */
  acked(index: number): boolean {
    const grew = index > this.match;
    if (grew) this.match = index;
    this.next = Math.max(this.next, this.match + 1);
    this.#inflight.freeTo(index);
    if (this.state === "snapshot") {
      if (this.match >= (this.snapshot?.index ?? 0)) this.toProbe();
    } else if (this.state === "probe") {
      // Any positive answer ends probing: what the peer has up to `match` is ours.
      this.toReplicate();
    }
    return grew;
  }

  /** @param retry the next index worth trying, from the conflict hints. @returns false if the rejection is stale. */
  rejected(index: number, retry: number): boolean {
    // What it acknowledged it has: the answer is late, or its disk was lost (which a heartbeat shows it).
    if (this.state === "snapshot" || index <= this.match) return false;
    if (this.state === "replicate") {
      this.toProbe();
      return true;
    }
    // An answer to an older probe says nothing about the one that is out.
    if (index !== this.next - 1) return false;
    this.next = Math.max(Math.min(index, retry), this.match + 1);
    this.paused = false;
    return true;
  }

  toProbe(): void {
    this.state = "probe";
    this.paused = false;
    this.next = this.match + 1;
    this.snapshot = null;
    this.#inflight.clear();
  }

  toReplicate(): void {
    this.state = "replicate";
    this.paused = false;
    this.next = this.match + 1;
    this.#inflight.clear();
  }

  toSnapshot(snapshot: SnapshotMeta, now: number): void {
    this.state = "snapshot";
    this.snapshot = snapshot;
    this.snapshotToldAt = now;
    this.#inflight.clear();
  }

  check(lastIndex: number): void {
    assert(this.next > this.match, `Peer ${this.id}: next ${this.next} must be beyond match ${this.match}`);
    assert(this.match <= lastIndex, `Peer ${this.id}: match ${this.match} must not exceed our log (${lastIndex})`);
  }
}

export type Window = { readonly messagesMax: number; readonly bytesMax: number };

/** A ring of the messages that are not acknowledged yet: last index and size of each. */
class Inflight {
  readonly #window: Window;
  readonly #indexes: number[];
  readonly #sizes: number[];
  #start = 0;
  #bytes = 0;
  count = 0;

  constructor(window: Window) {
    assert(window.messagesMax > 0, "A window of no messages would never send");
    this.#window = window;
    this.#indexes = Array.from({ length: window.messagesMax }, () => 0);
    this.#sizes = Array.from({ length: window.messagesMax }, () => 0);
  }

  /** The byte bound is checked before adding, so a lone oversized message still goes. */
  get isFull(): boolean {
    return this.count >= this.#window.messagesMax || this.#bytes >= this.#window.bytesMax;
  }

  add(lastIndex: number, bytes: number): void {
    assert(!this.isFull, "Sending must respect the window");
    const at = (this.#start + this.count) % this.#indexes.length;
    this.#indexes[at] = lastIndex;
    this.#sizes[at] = bytes;
    this.#bytes += bytes;
    this.count++;
  }

  freeTo(index: number): void {
    while (this.count > 0 && (this.#indexes[this.#start] ?? 0) <= index) {
      this.#bytes -= this.#sizes[this.#start] ?? 0;
      this.#start = (this.#start + 1) % this.#indexes.length;
      this.count--;
    }
  }

  clear(): void {
    this.#start = 0;
    this.count = 0;
    this.#bytes = 0;
  }
}
