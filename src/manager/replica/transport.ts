/**
 * Messages between managers: a PeerLink to every member, and the streams that members dialled to
 * us. A message goes on our own link; where there is none (a leader that our configuration does not
 * know yet, a removed peer), it goes down the stream its receiver dialled.
 */
import type { ByteStream, CallContext, Dialer, StreamEnd } from "../../proto/rpc.ts";
import type { Config, MemberId, Message } from "../../raft/types.ts";
import { AppError, isAppError } from "../../util/errors.ts";
import type { Env, Timer } from "../../util/env.ts";
import type { Logger } from "../../util/log.ts";
import {
  PROTOCOL_VERSION,
  decodeFrame,
  encodeHello,
  encodeMessages,
  encodePong,
  type Frame,
  type Hello,
} from "./frame-codec.ts";
import { CONNECT_WATCHDOG_MS, PeerLink } from "./peer-link.ts";
import { helloFacts, judgeSelf, refuseLife, type Self } from "./hello.ts";

/** A link to a peer that left the configuration stays for so long: its last messages tell it so. */
const LINGER_MS = 3_000;

export type TransportEvents = {
  onMessages(messages: readonly Message[]): void;
  onUnreachable(peer: MemberId): void;
  /** The peer's stream was reset and not healed. */
  onLost(peer: MemberId): void;
  /**
   * Our disk was rolled back, the cluster is beyond this program, or it goes on in another life
   * without us: nothing may be promised any more.
   */
  onFatal(error: AppError): void;
};

export type TransportOptions = {
  readonly clusterId: string;
  readonly self: MemberId;
  /** Between two calls of every link's `beat`. */
  readonly heartbeatMs: number;
};

export class Transport {
  readonly #env: Env;
  readonly #dialer: Dialer;
  readonly #log: Logger;
  readonly #own: Self;
  readonly #options: TransportOptions;
  readonly #events: TransportEvents;
  readonly #links = new Map<MemberId, PeerLink>();
  readonly #lingering = new Map<MemberId, Timer>();
  readonly #inbound = new Map<MemberId, Inbound>();
  #addresses = new Map<MemberId, string>();
  #beat: Timer | null = null;
  #isStarted = false;
  #isClosed = false;

  constructor(
    deps: { env: Env; dialer: Dialer; log: Logger; own: Self },
    options: TransportOptions,
    events: TransportEvents,
  ) {
    this.#env = deps.env;
    this.#dialer = deps.dialer;
    this.#log = deps.log;
    this.#own = deps.own;
    this.#options = options;
    this.#events = events;
  }

  start(): void {
    this.#isStarted = true;
    const beat = (): void => {
      for (const link of this.#links.values()) link.beat();
      this.#beat = this.#env.setTimer(this.#options.heartbeatMs, beat);
    };
    this.#beat = this.#env.setTimer(this.#options.heartbeatMs, beat);
  }

  /** Called whenever the configuration changed; addresses take effect at the next dial. */
  setPeers(config: Config): void {
    if (this.#isClosed) return;
    this.#addresses = new Map(config.members.map(({ id, address }) => [id, address]));
    for (const { id } of config.members) {
      if (id === this.#options.self) continue;
      this.#lingering.get(id)?.cancel();
      this.#lingering.delete(id);
      if (!this.#links.has(id)) this.#open(id);
    }
    for (const [id, link] of this.#links) {
      if (this.#addresses.has(id) || this.#lingering.has(id)) continue;
      const timer = this.#env.setTimer(LINGER_MS, () => {
        this.#lingering.delete(id);
        this.#links.delete(id);
        link.close();
      });
      this.#lingering.set(id, timer);
    }
  }

  #open(peer: MemberId): void {
    const { clusterId, self } = this.#options;
    const link = new PeerLink(
      { env: this.#env, dialer: this.#dialer, log: this.#log, own: this.#own },
      { clusterId, self, peer, address: () => this.#addresses.get(peer) ?? null },
      {
        onMessages: (messages) => this.#events.onMessages(messages),
        onUnreachable: () => this.#events.onUnreachable(peer),
        onLost: () => this.#events.onLost(peer),
        onFatal: (error) => this.#events.onFatal(error),
      },
    );
    this.#links.set(peer, link);
    link.start();
  }

  /** One turn's messages to one peer, in order. */
  send(to: MemberId, messages: readonly Message[]): void {
    const link = this.#links.get(to);
    if (link?.isOpen === true) {
      link.send(messages);
      return;
    }
    const inbound = this.#inbound.get(to);
    if (inbound === undefined) this.#events.onUnreachable(to);
    else inbound.stream.write(encodeMessages(messages, this.#own.disks.writes));
  }

  isConnected(peer: MemberId): boolean {
    return this.#links.get(peer)?.isOpen === true;
  }

  /** A stream that another manager dialled. It says hello first, and is who its certificate says. */
  accept(stream: ByteStream, context: CallContext): void {
    const { caller } = context;
    const inbound = new Inbound(stream, { peer: caller.kind === "node" && !context.forwarded ? caller.nodeId : null });
    const timer = this.#env.setTimer(CONNECT_WATCHDOG_MS, () => {
      if (!inbound.isWelcome) stream.cancel(new AppError("deadline", "A raft stream begins with hello"));
    });
    stream.attach({
      onMessage: (data) => this.#onFrame(inbound, data),
      onEnd: () => stream.end(),
      onClose: (end) => {
        timer.cancel();
        this.#onClose(inbound, end);
      },
    });
  }

  #onFrame(inbound: Inbound, data: Uint8Array): void {
    const { peer, stream } = inbound;
    if (this.#isClosed || !this.#isStarted) {
      stream.cancel(new AppError("unavailable", `This manager ${this.#isClosed ? "stops" : "is starting"}`));
      return;
    }
    if (peer === null) {
      stream.cancel(new AppError("denied", "Only a manager in its own name may open a raft stream"));
      return;
    }
    if (inbound.isWelcome && this.#inbound.get(peer) !== inbound) return;
    let frame: Frame;
    try {
      frame = decodeFrame(data, { from: peer, to: this.#options.self });
    } catch (error) {
      if (isAppError(error, "unsupported")) this.#events.onFatal(error);
      this.#log.warn("malformed frame", { peer, error });
      stream.cancel(AppError.from(error));
      return;
    }
    if (frame.kind === "hello") {
      this.#onHello(inbound, peer, frame.hello);
      return;
    }
    if (!inbound.isWelcome) {
      stream.cancel(new AppError("invalid", "A raft stream begins with hello"));
      return;
    }
    this.#own.disks.note(peer, frame.writes);
    if (frame.kind === "messages") this.#events.onMessages(frame.messages);
    else if (frame.kind === "ping") stream.write(encodePong(frame.seq, this.#own.disks.writes));
  }

  #onHello(inbound: Inbound, peer: MemberId, hello: Hello): void {
    const refusal = this.#refuse(hello, peer) ?? this.#judge(hello, peer) ?? refuseLife(hello, this.#own);
    if (refusal !== null) {
      this.#log.warn("raft stream refused", { peer, reason: refusal.message });
      inbound.stream.cancel(refusal);
      return;
    }
    const former = this.#inbound.get(peer);
    this.#inbound.set(peer, inbound);
    inbound.isWelcome = true;
    if (former !== undefined && former !== inbound) {
      former.stream.cancel(new AppError("cancelled", "Replaced by a newer stream of the same peer"));
    }
    const { clusterId, self } = this.#options;
    const facts = helloFacts(this.#own, peer);
    inbound.stream.write(encodeHello({ protocolVersion: PROTOCOL_VERSION, clusterId, from: self, to: peer, ...facts }));
    this.#links.get(peer)?.poke();
  }

  #refuse({ protocolVersion, clusterId, from, to }: Hello, peer: MemberId): AppError | null {
    if (protocolVersion !== PROTOCOL_VERSION) {
      return new AppError(
        "unsupported",
        `Raft protocol ${protocolVersion} is not spoken here, only ${PROTOCOL_VERSION}`,
      );
    }
    if (clusterId !== this.#options.clusterId) {
      return new AppError("denied", `This manager belongs to cluster ${this.#options.clusterId}, not ${clusterId}`);
    }
    if (to !== this.#options.self) {
      return new AppError("denied", `This is node ${this.#options.self}, not ${to}`);
    }
    return from === peer ? null : new AppError("denied", `Node ${peer} may not speak as ${from}`);
  }

  #judge(hello: Hello, peer: MemberId): AppError | null {
    const verdict = judgeSelf(hello, peer, this.#own);
    if (verdict === null) return null;
    this.#events.onFatal(verdict);
    return new AppError("unavailable", `This manager stops: ${verdict.message}`);
  }

  #onClose(inbound: Inbound, { reset }: StreamEnd): void {
    const { peer } = inbound;
    if (peer === null || this.#inbound.get(peer) !== inbound) return;
    this.#inbound.delete(peer);
    if (reset) this.#links.get(peer)?.suspect();
  }

  close(): void {
    this.#isClosed = true;
    this.#beat?.cancel();
    for (const timer of this.#lingering.values()) timer.cancel();
    for (const link of this.#links.values()) link.close();
    for (const { stream } of this.#inbound.values()) stream.cancel(new AppError("unavailable", "This manager stops"));
    this.#links.clear();
    this.#lingering.clear();
    this.#inbound.clear();
  }
}

/** A stream somebody dialled to us. */
class Inbound {
  readonly stream: ByteStream;
  /** As proved by its certificate; null: nobody who may be here. */
  readonly peer: MemberId | null;
  /** Said hello and was let in. */
  isWelcome = false;

  constructor(stream: ByteStream, { peer }: { peer: MemberId | null }) {
    this.stream = stream;
    this.peer = peer;
  }
}
