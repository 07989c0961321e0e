/**
 * The network between simulated managers, in one of two kinds. Streams: the real Transport over connections that keep
 * order and break, as TCP does. Datagrams: a hostile network that loses, repeats, reorders and delays single frames,
 * also over several terms; the bytes are the real ones. Cuts, one-way or not, are the same for both.
 */
import { encodeMessages, decodeFrame } from "../../../src/manager/replica/frame-codec.ts";
import { ownFacts } from "../../../src/manager/replica/hello.ts";
import { STREAM_PATH } from "../../../src/manager/replica/peer-link.ts";
import type { DiskAges } from "../../../src/manager/replica/peer-writes.ts";
import { Transport, type TransportEvents } from "../../../src/manager/replica/transport.ts";
import type { Outbound } from "../../../src/manager/replica/turns.ts";
import type { Caller, Dispatcher } from "../../../src/proto/rpc.ts";
import type { MemberId, Message } from "../../../src/raft/types.ts";
import { silentLogger } from "../../../src/util/log.ts";
import { MemoryNetwork } from "../../support/memory-rpc.ts";
import type { Dice, Range } from "./dice.ts";
import { Process, type World } from "./world.ts";

export type WireFaults = {
  /** One way, ms. */
  delayMs: Range;
  /** Datagrams only: probabilities that a frame is lost, comes twice, and is late by up to `lateMs`. */
  loss: number;
  duplicate: number;
  late: number;
  lateMs: number;
};

export type PlugOptions = {
  readonly id: MemberId;
  readonly process: Process;
  readonly disks: DiskAges;
  readonly heartbeatMs: number;
  readonly events: TransportEvents;
};

/** One process's end of the network. */
export interface Plug {
  readonly outbound: Outbound;
  start(): void;
  /** `silent`: its machine is gone as well, nobody is told. */
  kill(options: { readonly silent: boolean }): void;
}

export interface Wire {
  plug(options: PlugOptions): Plug;
  cut(from: MemberId, to: MemberId): void;
  isCut(from: MemberId, to: MemberId): boolean;
  heal(): void;
  /** Connections between the two break. */
  reset(a: MemberId, b: MemberId): void;
  /** They carry nothing any more, and nobody is told before `noticeMs`. */
  halfOpen(a: MemberId, b: MemberId, noticeMs: number): void;
  /** What is late by now is lost. */
  calm(): void;
}

/** Sees the bytes of every frame, and where they go. */
export type Tap = (from: MemberId, to: MemberId, bytes: Uint8Array) => void;

export const CLUSTER_ID = "c1";

export function addressOf(id: MemberId): string {
  return `${id}:7377`;
}

type WireDeps = {
  readonly world: World;
  readonly faults: WireFaults;
  readonly tap: Tap;
  readonly count: (what: string) => void;
};

export class StreamWire implements Wire {
  readonly #network: MemoryNetwork;

  constructor({ world, faults, tap }: WireDeps) {
    const dice = world.dice.split();
    const env = new Process(world, { drift: 1, lagMs: 0, skewMs: 0 });
    this.#network = new MemoryNetwork(env, { delayMs: () => dice.within(faults.delayMs), keepaliveMs: KEEPALIVE_MS });
    this.#network.onDeliver = ({ from, to, data }) => {
      if (data !== null) tap(from, to, data);
    };
  }

  plug({ id, process, disks, heartbeatMs, events }: PlugOptions): Plug {
    const identity: Caller = { kind: "node", nodeId: id, role: "manager", clusterId: CLUSTER_ID };
    const node = this.#network.node(id, { env: process, identity });
    const transport = new Transport(
      { env: process, dialer: node, log: silentLogger, own: { ...ownFacts({}), disks } },
      { clusterId: CLUSTER_ID, self: id, heartbeatMs },
      events,
    );
    const dispatcher: Dispatcher = {
      paths: [{ path: STREAM_PATH, kind: "bidi" }],
      dispatchUnary: () => Promise.reject(new Error("Simulated managers have streams only")),
      dispatchStream: (_path, stream, context) => transport.accept(stream, context),
    };
    return {
      outbound: transport,
      start: () => {
        node.listen(addressOf(id), dispatcher);
        transport.start();
      },
      kill: (options) => node.kill(options),
    };
  }

  cut(from: MemberId, to: MemberId): void {
    this.#network.cut(from, to);
  }

  isCut(from: MemberId, to: MemberId): boolean {
    return this.#network.isCut(from, to);
  }

  heal(): void {
    this.#network.heal();
  }

  reset(a: MemberId, b: MemberId): void {
    this.#network.reset(a, b);
  }

  halfOpen(a: MemberId, b: MemberId, noticeMs: number): void {
    this.#network.blackhole(a, b, noticeMs);
  }

  calm(): void {
    // Connections deliver or break.
  }
}

/** Of connections: as the real channels have it. */
const KEEPALIVE_MS = 4_000;

type Port = { readonly process: Process; readonly events: TransportEvents };

export class DatagramWire implements Wire {
  readonly #world: World;
  readonly #dice: Dice;
  readonly #faults: WireFaults;
  readonly #tap: Tap;
  readonly #count: (what: string) => void;
  readonly #ports = new Map<MemberId, Port>();
  readonly #cuts = new Set<string>();
  #epoch = 0;

  constructor({ world, faults, tap, count }: WireDeps) {
    this.#count = count;
    this.#world = world;
    this.#dice = world.dice.split();
    this.#faults = faults;
    this.#tap = tap;
  }

  plug({ id, process, disks, events }: PlugOptions): Plug {
    const port: Port = { process, events };
    return {
      outbound: {
        send: (to, messages) => this.#send(id, to, encodeMessages(messages, disks.writes)),
        setPeers: () => undefined,
      },
      start: () => void this.#ports.set(id, port),
      kill: ({ silent }) => {
        this.#ports.delete(id);
        if (!silent) this.#tellAll(id);
      },
    };
  }

  /** Its kernel resets whatever its peers have of it. */
  #tellAll(lost: MemberId): void {
    for (const [id, { process, events }] of this.#ports) {
      if (this.isCut(lost, id)) continue;
      this.#world.after(this.#dice.within([1, 120]), () => process.enter(() => events.onLost(lost)));
    }
  }

  #send(from: MemberId, to: MemberId, bytes: Uint8Array): void {
    this.#tap(from, to, bytes);
    const { loss, duplicate } = this.#faults;
    if (this.isCut(from, to) || this.#dice.chance(loss)) this.#count("framesLost");
    else this.#deliver(from, to, bytes);
    if (!this.#dice.chance(duplicate) || this.isCut(from, to)) return;
    this.#count("framesDuplicated");
    this.#deliver(from, to, bytes);
  }

  #deliver(from: MemberId, to: MemberId, bytes: Uint8Array): void {
    const { delayMs, late, lateMs } = this.#faults;
    let ms = this.#dice.within(delayMs);
    if (this.#dice.chance(late)) {
      this.#count("framesLate");
      ms += this.#dice.next() * lateMs;
    }
    const epoch = this.#epoch;
    this.#world.after(ms, () => {
      if (epoch !== this.#epoch) return;
      const port = this.#ports.get(to);
      port?.process.enter(() => port.events.onMessages(messagesIn(bytes, from, to)));
    });
  }

  cut(from: MemberId, to: MemberId): void {
    this.#cuts.add(`${from}>${to}`);
  }

  isCut(from: MemberId, to: MemberId): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from}>${to}`);
  }

  heal(): void {
    this.#cuts.clear();
  }

  reset(a: MemberId, b: MemberId): void {
    for (const [id, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      const port = this.#ports.get(id);
      port?.process.enter(() => port.events.onUnreachable(peer));
    }
  }

  halfOpen(): void {
    throw new Error("Datagrams know no connections");
  }

  calm(): void {
    this.#epoch += 1;
  }
}

function messagesIn(bytes: Uint8Array, from: MemberId, to: MemberId): readonly Message[] {
  const frame = decodeFrame(bytes, { from, to });
  return frame.kind === "messages" ? frame.messages : [];
}
