/**
 * A network of processes in memory behind the Rpc seam: Dialer on one side, Dispatcher on the
 * other. Links delay, cut (either direction: packets wait as TCP would retransmit them, nobody is
 * told) and reset; processes die loudly (their kernel resets connections) or silently (a power
 * cut). Order within a stream is kept. All delays run on the world's Env; deliveries run in the
 * receiving process's Env, so a paused process receives its flood on resume.
 */
import { AppError, cancelled } from "../../src/util/errors.ts";
import type { Env } from "../../src/util/env.ts";
import type {
  ByteStream,
  CallOptions,
  Caller,
  Channel,
  Dialer,
  Dispatcher,
  Listener,
  PeerName,
  StreamOptions,
} from "../../src/proto/rpc.ts";
import { Connection } from "./memory-stream.ts";

export type MemoryNetworkOptions = {
  /** One-way delay of a message. Default 0.5 ms. */
  readonly delayMs?: (from: string, to: string) => number;
  /** After so much silence of a link both its ends give their connections up. Default: never. */
  readonly keepaliveMs?: number | null;
};

/** A message as it reaches its receiver. `pipe` tells streams apart. */
export type Delivery = {
  readonly from: string;
  readonly to: string;
  readonly path: string;
  readonly direction: "up" | "down";
  readonly kind: "message" | "half-close" | "close";
  readonly data: Uint8Array | null;
  readonly pipe: object;
};

/** @internal */
export type OpenListener = { readonly node: MemoryNode; readonly dispatcher: Dispatcher; accepting: boolean };

export class MemoryNetwork {
  readonly env: Env;
  readonly #delayMs: (from: string, to: string) => number;
  readonly #listeners = new Map<string, OpenListener>();
  readonly #nodes = new Map<string, MemoryNode>();
  readonly keepaliveMs: number | null;
  /** "from>to" of links that carry nothing now, and how many cuts there were before. */
  readonly #cuts = new Map<string, number>();
  #cutsMade = 0;
  readonly #connections = new Set<Connection>();
  /** Deliveries, for tests that want to see traffic. */
  delivered = 0;
  /** The most bytes that one direction of a stream ever held, by path. */
  readonly heldMax = new Map<string, number>();
  onDeliver: ((delivery: Delivery) => void) | null = null;

  constructor(env: Env, options: MemoryNetworkOptions = {}) {
    this.env = env;
    this.#delayMs = options.delayMs ?? (() => 0.5);
    this.keepaliveMs = options.keepaliveMs ?? null;
  }

  /** A process named `name`, proved to others as `identity`. A former one of that name must be dead. */
  node(name: string, { env, identity }: { env: Env; identity: Caller }): MemoryNode {
    const node = new MemoryNode(this, { name, env, identity });
    this.#nodes.set(name, node);
    // A machine that is back answers packets of forgotten connections with a reset.
    for (const connection of this.#connections) connection.machineIsBack(name);
    return node;
  }

  /** Packets from `from` to `to` vanish until healed. */
  cut(from: string, to: string): void {
    const link = `${from}>${to}`;
    if (this.#cuts.has(link)) return;
    const cut = (this.#cutsMade += 1);
    this.#cuts.set(link, cut);
    if (this.keepaliveMs === null) return;
    this.env.setTimer(this.keepaliveMs, () => {
      if (this.#cuts.get(link) === cut) this.blackhole(from, to, 0);
    });
  }

  /** Connections between the two carry nothing any more, new ones do: both ends notice after `noticeMs`. */
  blackhole(a: string, b: string, noticeMs: number): void {
    for (const connection of this.#connections) {
      if (connection.joins(a, b)) connection.blackhole(noticeMs);
    }
  }

  /** Both directions between any member of `a` and any of `b`. */
  partition(a: readonly string[], b: readonly string[]): void {
    for (const x of a) {
      for (const y of b) {
        this.cut(x, y);
        this.cut(y, x);
      }
    }
  }

  /** @param links default: all of them */
  heal(links?: readonly (readonly [from: string, to: string])[]): void {
    if (links === undefined) this.#cuts.clear();
    for (const [from, to] of links ?? []) this.#cuts.delete(`${from}>${to}`);
    for (const connection of this.#connections) {
      if (links?.some(([from, to]) => connection.joins(from, to)) !== false) connection.pump();
    }
  }

  isCut(from: string, to: string): boolean {
    return this.#cuts.has(`${from}>${to}`);
  }

  /** Every connection between the two breaks; both ends see a reset. */
  reset(a: string, b: string): void {
    for (const connection of this.#connections) {
      if (connection.joins(a, b)) connection.reset("Connection reset by peer");
    }
  }

  delay(from: string, to: string): number {
    return this.#delayMs(from, to);
  }

  /** @internal */
  noteHeld(path: string, bytes: number): void {
    if (bytes > (this.heldMax.get(path) ?? 0)) this.heldMax.set(path, bytes);
  }

  /** @internal */
  register(address: string, listener: OpenListener): void {
    if (this.#listeners.has(address)) throw new AppError("exists", `Address ${address} is in use`);
    this.#listeners.set(address, listener);
  }

  /** @internal */
  unregister(address: string, listener: OpenListener): void {
    if (this.#listeners.get(address) === listener) this.#listeners.delete(address);
  }

  /** @internal */
  listenerAt(address: string): OpenListener | undefined {
    return this.#listeners.get(address);
  }

  /** @internal The machine an address belongs to: by listener, else by the part before the colon. */
  hostOf(address: string): string {
    return this.#listeners.get(address)?.node.name ?? address.replace(/:\d+$/, "");
  }

  /** @internal */
  isUp(name: string): boolean {
    return this.#nodes.get(name)?.isDark === false;
  }

  /** Calls and streams that somebody still holds. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** @internal */
  connect(connection: Connection): void {
    this.#connections.add(connection);
  }

  /** @internal */
  forget(connection: Connection): void {
    this.#connections.delete(connection);
  }

  /** @internal */
  connectionsOf(node: MemoryNode): Connection[] {
    return [...this.#connections].filter((connection) => connection.isEndOf(node));
  }
}

/** One process on the network. */
export class MemoryNode implements Dialer {
  readonly network: MemoryNetwork;
  readonly name: string;
  readonly env: Env;
  /** Another certificate counts from the next call on. */
  identity: Caller;
  readonly #addresses = new Map<string, OpenListener>();
  isAlive = true;
  /** The whole machine is gone: nobody answers, not even with a refusal. */
  isDark = false;

  constructor(network: MemoryNetwork, { name, env, identity }: { name: string; env: Env; identity: Caller }) {
    this.network = network;
    this.name = name;
    this.env = env;
    this.identity = identity;
  }

  get dialer(): Dialer {
    return this;
  }

  listen(address: string, dispatcher: Dispatcher): Listener {
    const listener: OpenListener = { node: this, dispatcher, accepting: true };
    this.network.register(address, listener);
    this.#addresses.set(address, listener);
    return {
      address,
      closeConnectionsOf: (nodeId) => {
        for (const connection of this.network.connectionsOf(this)) {
          if (connection.isServedTo(this, nodeId)) connection.reset("Connection closed: the node was removed");
        }
      },
      close: async () => {
        listener.accepting = false;
        this.network.unregister(address, listener);
        this.#addresses.delete(address);
        for (const connection of this.network.connectionsOf(this)) {
          if (connection.isServer(this)) connection.finish("server", new AppError("unavailable", "Server shuts down"));
        }
      },
    };
  }

  dial(address: string, options: { readonly peer: PeerName }): Channel {
    return new MemoryChannel(this, address, options.peer);
  }

  /**
   * The process is gone. `silent`: its machine too, so peers hear nothing at all; otherwise the
   * kernel resets its connections. Kill its Env as well (SimEnv.kill).
   */
  kill({ silent = false }: { silent?: boolean } = {}): void {
    this.isAlive = false;
    this.isDark = silent;
    for (const [address, listener] of this.#addresses) this.network.unregister(address, listener);
    this.#addresses.clear();
    for (const connection of this.network.connectionsOf(this)) connection.processDied(this, silent);
  }
}

class MemoryChannel implements Channel {
  readonly #node: MemoryNode;
  readonly #address: string;
  readonly #peer: PeerName;
  readonly #open = new Set<Connection>();
  #isClosed = false;

  constructor(node: MemoryNode, address: string, peer: PeerName) {
    this.#node = node;
    this.#address = address;
    this.#peer = peer;
  }

  stream(path: string, options: StreamOptions): ByteStream {
    return this.#connect(path, options).clientEnd;
  }

  unary(path: string, request: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    return new Promise<Uint8Array>((resolve, reject) => {
      let answer: Uint8Array | null = null;
      const { clientEnd } = this.#connect(path, options);
      clientEnd.attach({
        onMessage: (data) => {
          answer = data;
        },
        onClose: ({ error }) => {
          if (error !== null) reject(error);
          else if (answer === null) reject(new AppError("internal", `${path} ended without an answer`));
          else resolve(answer);
        },
      });
      clientEnd.write(request);
      clientEnd.end();
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const connection of this.#open) connection.finish("client", cancelled("Call on a closed channel"));
  }

  #connect(path: string, options: StreamOptions): Connection {
    const { onBehalfOf, deadlineMs, signal } = options;
    const connection = new Connection(this.#node, this.#address, {
      path,
      peer: this.#peer,
      caller: onBehalfOf ?? this.#node.identity,
      forwarded: onBehalfOf !== undefined,
      deadlineMs,
      onGone: () => {
        this.#open.delete(connection);
        signal?.removeEventListener("abort", onAbort);
      },
    });
    const onAbort = (): void => connection.finish("client", cancelled(path));
    this.#open.add(connection);
    if (this.#isClosed) connection.finish("client", cancelled("Call on a closed channel"));
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
    connection.start();
    return connection;
  }
}
