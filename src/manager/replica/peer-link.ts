/**
 * Our stream to one peer: dialled by us, carrying our messages. It reconnects by itself and never
 * blocks or queues without bound: what cannot be sent is dropped, and the core is told.
 *
 * ```
 *          dial, hello              hello back
 *   WAITING -----------> CONNECTING -----------> OPEN
 *      ^                     |                    |
 *      +------ backoff ------+--- closed, silent -+
 * ```
 *
 * A reset says that the peer's kernel lives and its process is gone. Then the dial is repeated at
 * once; if nothing heals it within LOST_AFTER_MS the peer is reported lost.
 */
import type { ByteStream, Channel, Dialer, StreamEnd } from "../../proto/rpc.ts";
import type { MemberId, Message } from "../../raft/types.ts";
import { relate, supersededBy } from "../../model/incarnation.ts";
import { isAppError, type AppError } from "../../util/errors.ts";
import { Backoff } from "../../util/backoff.ts";
import type { Env, Timer } from "../../util/env.ts";
import type { Logger } from "../../util/log.ts";
import {
  PROTOCOL_VERSION,
  decodeFrame,
  encodeHello,
  encodeMessages,
  encodePing,
  messageBytes,
  type Frame,
  type Hello,
} from "./frame-codec.ts";
import { helloFacts, judgeSelf, refuseLife, type Self } from "./hello.ts";

export const STREAM_PATH = "/shoal.v1.Raft/Stream";

/** From the dial to the answered hello. grpc-js itself has no such limit. */
export const CONNECT_WATCHDOG_MS = 1_000;
/** Every third attempt in a row gets this long: a busy machine may need it for a TLS handshake. */
const PATIENT_WATCHDOG_MS = 2_500;
const PATIENT_EVERY = 3;
export const RECONNECT_FIRST_MS = 50;
export const RECONNECT_MAX_MS = 500;
/** Between dials while a reset is not healed: a restarting process gets a few chances. */
const SUSPECT_REDIAL_MS = 25;
export const LOST_AFTER_MS = 100;

/** `beat` is called once a heartbeat interval. Without an answer for this many the stream is half-open. */
export const SILENT_BEATS_MAX = 4;
/**
 * A link is probed every so many beats, idle too: it must be good when a vote needs it. Each ping
 * costs two heartbeats. With the silence above, a half-open stream is given up within a second.
 */
export const PING_BEATS = 2;

/** Messages beyond this are not put into the same frame. */
const FRAME_BYTES_TARGET = 1024 * 1024;
/** Waiting for a peer that reads slowly; beyond it messages are dropped. */
const QUEUE_BYTES_MAX = 4 * 1024 * 1024;

export type PeerLinkEvents = {
  /** Messages that came down our own stream: the peer has no stream of its own to us yet. */
  onMessages(messages: readonly Message[]): void;
  /** Something was dropped, or the stream broke with messages on the way. */
  onUnreachable(): void;
  /** Reset and not healed in time. */
  onLost(): void;
  /** The peer's hello ends this manager. */
  onFatal(error: AppError): void;
};

export type PeerLinkOptions = {
  readonly clusterId: string;
  readonly self: MemberId;
  readonly peer: MemberId;
  /** Asked again at every dial; null: unknown for now. */
  readonly address: () => string | null;
};

type Attempt = { readonly channel: Channel; readonly stream: ByteStream };

export class PeerLink {
  readonly #env: Env;
  readonly #dialer: Dialer;
  readonly #log: Logger;
  readonly #own: Self;
  readonly #options: PeerLinkOptions;
  readonly #events: PeerLinkEvents;
  readonly #backoff: Backoff;
  #state: "waiting" | "connecting" | "open" | "closed" = "waiting";
  #attempt: Attempt | null = null;
  /** Runs out: the backoff while waiting, the watchdog while connecting. */
  #timer: Timer | null = null;
  #suspicion: Timer | null = null;
  /** Dials since the last that succeeded. */
  #attempts = 0;
  #queue: Message[] = [];
  #queueBytes = 0;
  #isWritable = true;
  #pingSeq = 0;
  #pongSeq = 0;
  #beatsSincePing = 0;

  constructor(
    deps: { env: Env; dialer: Dialer; log: Logger; own: Self },
    options: PeerLinkOptions,
    events: PeerLinkEvents,
  ) {
    this.#env = deps.env;
    this.#dialer = deps.dialer;
    this.#log = deps.log.child({ peer: options.peer });
    this.#own = deps.own;
    this.#options = options;
    this.#events = events;
    this.#backoff = new Backoff(deps.env, { firstMs: RECONNECT_FIRST_MS, maxMs: RECONNECT_MAX_MS });
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  get isWaiting(): boolean {
    return this.#state === "waiting";
  }

  start(): void {
    this.#dial();
  }

  close(): void {
    this.#state = "closed";
    this.#drop();
    this.#suspicion?.cancel();
  }

  /** One turn's messages, in order. */
  send(messages: readonly Message[]): void {
    if (this.#state !== "open") {
      this.#events.onUnreachable();
      return;
    }
    if (!this.#isWritable) {
      this.#enqueue(messages);
      return;
    }
    this.#write(messages);
  }

  #enqueue(messages: readonly Message[]): void {
    for (const message of messages) {
      const bytes = messageBytes(message);
      if (this.#queueBytes + bytes > QUEUE_BYTES_MAX) {
        this.#events.onUnreachable();
        return;
      }
      this.#queue.push(message);
      this.#queueBytes += bytes;
    }
  }

  #write(messages: readonly Message[]): void {
    let start = 0;
    let bytes = 0;
    for (let at = 0; at <= messages.length; at++) {
      const message = messages[at];
      const more = message === undefined ? 0 : messageBytes(message);
      if (at > start && (message === undefined || bytes + more > FRAME_BYTES_TARGET)) {
        if (!this.#isWritable) {
          this.#enqueue(messages.slice(start));
          return;
        }
        const frame = start === 0 && at === messages.length ? messages : messages.slice(start, at);
        this.#isWritable = this.#attempt?.stream.write(encodeMessages(frame, this.#own.disks.writes)) ?? false;
        start = at;
        bytes = 0;
      }
      bytes += more;
    }
  }

  #onDrain(): void {
    this.#isWritable = true;
    if (this.#state !== "open" || this.#queue.length === 0) return;
    const queued = this.#queue;
    this.#queue = [];
    this.#queueBytes = 0;
    this.#write(queued);
  }

  // Connecting

  /** Evidence that the peer is there (it dialled us): do not sit out a backoff. */
  poke(): void {
    if (this.#state !== "waiting") return;
    this.#backoff.reset();
    this.#dial();
  }

  #dial(): void {
    this.#timer?.cancel();
    const address = this.#options.address();
    if (address === null) {
      this.#wait(this.#backoff.next());
      return;
    }
    this.#state = "connecting";
    const { peer, clusterId, self } = this.#options;
    const channel = this.#dialer.dial(address, { peer: { kind: "node", nodeId: peer }, profile: "raft" });
    const attempt: Attempt = { channel, stream: channel.stream(STREAM_PATH, {}) };
    this.#attempt = attempt;
    this.#isWritable = true;
    this.#attempts += 1;
    const watchdogMs = this.#attempts % PATIENT_EVERY === 0 ? PATIENT_WATCHDOG_MS : CONNECT_WATCHDOG_MS;
    this.#timer = this.#env.setTimer(watchdogMs, () =>
      this.#afterReading(() => {
        if (this.#attempt === attempt && this.#state === "connecting") this.#recycle("no answer to hello", false);
      }),
    );
    attempt.stream.attach({
      onMessage: (data) => {
        if (this.#attempt === attempt) this.#onFrame(data);
      },
      onDrain: () => {
        if (this.#attempt === attempt) this.#onDrain();
      },
      onClose: (end) => {
        if (this.#attempt === attempt) this.#onClose(end);
      },
    });
    const facts = helloFacts(this.#own, peer);
    attempt.stream.write(encodeHello({ protocolVersion: PROTOCOL_VERSION, clusterId, from: self, to: peer, ...facts }));
  }

  #wait(ms: number): void {
    this.#state = "waiting";
    this.#timer = this.#env.setTimer(ms, () => this.#dial());
  }

  #onClose({ error, reset }: StreamEnd): void {
    const theirs = error?.details["incarnation"] ?? "";
    if (relate(theirs, this.#own.incarnation()) === "newer") {
      this.#events.onFatal(supersededBy(theirs));
      return;
    }
    if (this.#state === "open") this.#log.info("raft stream closed", { reset, reason: error?.message });
    this.#recycle(error?.message ?? "closed by the peer", reset);
  }

  /** Gives the present attempt up and plans the next one. */
  #recycle(why: string, reset: boolean): void {
    const wasOpen = this.#state === "open";
    this.#log.debug("raft stream given up", { why });
    this.#drop();
    if (wasOpen) {
      this.#backoff.reset();
      this.#events.onUnreachable();
    }
    this.#state = "waiting";
    if (reset && wasOpen) {
      // Dials at once, unless the other direction's reset has made it do so already.
      this.suspect();
      if (this.isWaiting) this.#dial();
    } else {
      this.#wait(this.#suspicion === null ? this.#backoff.next() : SUSPECT_REDIAL_MS);
    }
  }

  #drop(): void {
    this.#timer?.cancel();
    const attempt = this.#attempt;
    this.#attempt = null;
    this.#queue = [];
    this.#queueBytes = 0;
    this.#pongSeq = this.#pingSeq;
    this.#beatsSincePing = 0;
    // A channel that never connected may sit in a backoff of its own: a new dial takes a new one.
    attempt?.stream.cancel();
    attempt?.channel.close();
  }

  // Frames that come back

  #onFrame(data: Uint8Array): void {
    const { peer, self } = this.#options;
    let frame: Frame;
    try {
      frame = decodeFrame(data, { from: peer, to: self });
    } catch (error) {
      if (isAppError(error, "unsupported")) this.#events.onFatal(error);
      this.#log.warn("malformed frame", { error });
      this.#recycle("malformed frame", false);
      return;
    }
    switch (frame.kind) {
      case "hello":
        this.#onHello(frame.hello);
        return;
      case "pong":
        this.#own.disks.note(peer, frame.writes);
        this.#pongSeq = Math.max(this.#pongSeq, frame.seq);
        this.#healed();
        return;
      case "messages":
        this.#own.disks.note(peer, frame.writes);
        this.#events.onMessages(frame.messages);
        return;
      case "ping":
    }
  }

  #onHello(hello: Hello): void {
    const verdict = judgeSelf(hello, this.#options.peer, this.#own);
    const refusal = refuseLife(hello, this.#own);
    if (verdict !== null) this.#events.onFatal(verdict);
    else if (refusal === null) this.#opened();
    else this.#recycle(refusal.message, false);
  }

  #opened(): void {
    if (this.#state !== "connecting") return;
    this.#timer?.cancel();
    this.#state = "open";
    this.#attempts = 0;
    this.#backoff.reset();
    this.#healed();
    this.#log.info("raft stream open");
  }

  // Liveness

  /** Once a heartbeat interval. Counts beats, not time: our own stall must not condemn the peer. */
  beat(): void {
    if (this.#state !== "open") return;
    this.#beatsSincePing += 1;
    if (this.#pongSeq < this.#pingSeq) {
      if (this.#beatsSincePing >= SILENT_BEATS_MAX) this.#recycle("half-open: no answer", false);
      return;
    }
    if (this.#beatsSincePing >= PING_BEATS) this.#ping();
  }

  #ping(): void {
    this.#beatsSincePing = 0;
    this.#pingSeq += 1;
    this.#attempt?.stream.write(encodePing(this.#pingSeq, this.#own.disks.writes));
  }

  /** A stream of this peer, ours or its own, was reset: it heals within LOST_AFTER_MS or the peer is lost. */
  suspect(): void {
    if (this.#suspicion !== null || this.#state === "closed") return;
    if (this.#state === "open") this.#ping();
    else if (this.#state === "waiting") this.#dial();
    this.#suspicion = this.#env.setTimer(LOST_AFTER_MS, () => this.#afterReading(() => this.#condemn()));
  }

  /** After a stall of our own the answer may be in the socket already: timers fire before it is read. */
  #afterReading(fn: () => void): void {
    this.#env.defer(() => this.#env.defer(fn));
  }

  #healed(): void {
    if (this.#pongSeq < this.#pingSeq && this.#state === "open" && this.#suspicion !== null) return;
    this.#suspicion?.cancel();
    this.#suspicion = null;
  }

  #condemn(): void {
    if (this.#suspicion === null || this.#state === "closed") return;
    this.#suspicion = null;
    this.#log.info("peer lost");
    this.#events.onLost();
  }
}
