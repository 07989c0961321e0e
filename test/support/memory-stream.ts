/** The streams of memory-rpc.ts: a call is two ends and a pipe each way. */
import { AppError, cancelled } from "../../src/util/errors.ts";
import type { Env } from "../../src/util/env.ts";
import type {
  ByteStream,
  CallContext,
  Caller,
  Dispatcher,
  PeerName,
  StreamEnd,
  StreamHandlers,
} from "../../src/proto/rpc.ts";
import type { MemoryNetwork, MemoryNode, OpenListener } from "./memory-rpc.ts";

/** What one direction of a stream holds before `write` says stop: an HTTP/2 window. */
export const PIPE_BYTES_MAX = 256 * 1024;

type Side = "client" | "server";

type Item =
  | { readonly kind: "message"; readonly data: Uint8Array }
  | { readonly kind: "half-close" }
  | { readonly kind: "close"; readonly end: StreamEnd };

export type ConnectionOptions = {
  readonly path: string;
  readonly peer: PeerName;
  readonly caller: Caller;
  readonly forwarded: boolean;
  readonly deadlineMs: number | undefined;
  readonly onGone: () => void;
};

/** One call: two ends and a pipe each way. (One call a connection; sharing changes nothing above the seam.) */
export class Connection {
  readonly clientEnd: End;
  readonly #client: MemoryNode;
  readonly #address: string;
  readonly #options: ConnectionOptions;
  #server: MemoryNode | null = null;
  #serverEnd: End | null = null;
  readonly #aborter = new AbortController();
  readonly #up: Pipe;
  readonly #down: Pipe;
  #isAnswered = false;

  constructor(client: MemoryNode, address: string, options: ConnectionOptions) {
    this.#client = client;
    this.#address = address;
    this.#options = options;
    const { network } = client;
    network.connect(this);
    this.clientEnd = new End(client.env, {
      side: "client",
      send: (item) => this.#up.send(item),
      onResume: () => this.#down.pump(),
    });
    this.#up = new Pipe(network, {
      path: options.path,
      direction: "up",
      route: () => ({ from: client.name, to: this.#serverName() }),
      target: () => this.#serverEnd,
      env: () => this.#server?.env ?? network.env,
      isUp: () => this.#isServerUp(),
      onDrained: () => this.clientEnd.drained(),
    });
    this.#down = new Pipe(network, {
      path: options.path,
      direction: "down",
      route: () => ({ from: this.#serverName(), to: client.name }),
      target: () => this.clientEnd,
      env: () => client.env,
      isUp: () => client.isAlive,
      onDrained: () => this.#serverEnd?.drained(),
    });
  }

  #serverName(): string {
    return this.#server?.name ?? this.#client.network.hostOf(this.#address);
  }

  start(): void {
    const { deadlineMs, path } = this.#options;
    if (deadlineMs !== undefined) {
      const timer = this.#client.env.setTimer(deadlineMs, () =>
        this.finish("client", new AppError("deadline", `${path} took longer than ${deadlineMs} ms`)),
      );
      this.clientEnd.onGone(() => timer.cancel());
    }
    this.clientEnd.onGone(() => {
      this.#options.onGone();
      if (this.#serverEnd?.isClosed !== false || !this.#isServerUp()) this.#client.network.forget(this);
    });
    this.#dial();
  }

  #isServerUp(): boolean {
    return this.#server?.isAlive === true;
  }

  /** The handshake: the first packet arrives after one delay, or when the link heals. */
  #dial(): void {
    const { network } = this.#client;
    const to = this.#serverName();
    network.env.setTimer(network.delay(this.#client.name, to), () => this.#arrive());
  }

  #arrive(): void {
    if (this.#isAnswered || this.clientEnd.isClosed || !this.#client.isAlive) return;
    const { network } = this.#client;
    const to = this.#serverName();
    if (network.isCut(this.#client.name, to) || network.isCut(to, this.#client.name)) return;
    const listener = network.listenerAt(this.#address);
    if (listener === undefined) {
      // Nobody listens: the machine refuses if it is there, else the dial stays unanswered.
      if (network.isUp(to)) {
        this.#isAnswered = true;
        this.#closeClientLater(new AppError("unavailable", `Connection to ${this.#address} refused`), false);
      }
      return;
    }
    this.#isAnswered = true;
    const wrong = this.#wrongPeer(listener.node.identity);
    if (wrong !== null) {
      this.#closeClientLater(wrong, false);
      return;
    }
    this.#server = listener.node;
    listener.node.env.defer(() => this.#accept(listener));
  }

  #accept(listener: OpenListener): void {
    if (!listener.accepting || !listener.node.isAlive || this.clientEnd.isClosed) return;
    const { path, caller, forwarded, deadlineMs } = this.#options;
    const context: CallContext = { caller, forwarded, deadlineMs, signal: this.#aborter.signal };
    const kind = listener.dispatcher.paths.find((known) => known.path === path)?.kind;
    this.#serverEnd = new End(listener.node.env, {
      side: "server",
      send: (item) => this.#down.send(item),
      onResume: () => this.#up.pump(),
    });
    this.#serverEnd.onGone(() => {
      this.#aborter.abort();
      if (this.clientEnd.isClosed) this.#client.network.forget(this);
    });
    if (kind === undefined) this.#serverEnd.cancel(new AppError("unsupported", `${path} is not served here`));
    else if (kind === "unary") serveUnary(listener.dispatcher, path, this.#serverEnd, context);
    else listener.dispatcher.dispatchStream(path, this.#serverEnd, context);
    this.#up.pump();
  }

  #wrongPeer(identity: Caller): AppError | null {
    const { peer } = this.#options;
    const isRight =
      identity.kind === "node" &&
      (peer.kind === "manager" ? identity.role === "manager" : identity.nodeId === peer.nodeId);
    return isRight ? null : new AppError("unavailable", `${this.#address} proves another identity than was dialled`);
  }

  #closeClientLater(error: AppError, reset: boolean): void {
    const { network } = this.#client;
    network.env.setTimer(network.delay(this.#serverName(), this.#client.name), () =>
      this.#client.env.defer(() => this.clientEnd.closed({ error, reset })),
    );
  }

  /** One side ends the call: itself at once, the other when the news arrives. */
  finish(side: Side, error: AppError): void {
    const end = side === "client" ? this.clientEnd : this.#serverEnd;
    end?.cancel(error);
    if (end === null) this.clientEnd.cancel(error);
  }

  /** Both kernels know: whatever was under way is lost. */
  reset(why: string): void {
    this.#drop();
    const end: StreamEnd = { error: new AppError("unavailable", why), reset: true };
    if (this.#client.isAlive) this.#client.env.defer(() => this.clientEnd.closed(end));
    if (this.#server?.isAlive === true) this.#server.env.defer(() => this.#serverEnd?.closed(end));
  }

  /** Nothing passes any more and nobody is told; keep-alive notices after `noticeMs`. */
  blackhole(noticeMs: number): void {
    this.#up.drop();
    this.#down.drop();
    this.#isAnswered = true;
    this.#giveUpAfter(noticeMs, this.#client);
    if (this.#server !== null) this.#giveUpAfter(noticeMs, this.#server);
  }

  /** Keep-alive of one end: what it says is no proof that the peer's kernel lives. */
  #giveUpAfter(ms: number, node: MemoryNode): void {
    const end: StreamEnd = { error: new AppError("unavailable", "Keep-alive timed out"), reset: false };
    this.#client.network.env.setTimer(ms, () => {
      if (!node.isAlive) return;
      if (node === this.#server) this.#aborter.abort();
      node.env.defer(() => (node === this.#client ? this.clientEnd : this.#serverEnd)?.closed(end));
    });
  }

  processDied(node: MemoryNode, silent: boolean): void {
    const { keepaliveMs } = node.network;
    if (silent) {
      const peer = node === this.#client ? this.#server : this.#client;
      if (keepaliveMs !== null && peer !== null && peer !== node && peer.isAlive) this.#giveUpAfter(keepaliveMs, peer);
      return;
    }
    const other = node === this.#client ? this.#server : this.#client;
    this.#drop();
    if (other === null || other === node || !other.isAlive) return;
    const { network } = node;
    const tell = (): void => {
      if (network.isCut(node.name, other.name)) {
        if (keepaliveMs !== null) this.#giveUpAfter(keepaliveMs, other);
        return;
      }
      const end: StreamEnd = { error: new AppError("unavailable", "Connection reset by peer"), reset: true };
      other.env.defer(() => (other === this.#client ? this.clientEnd : this.#serverEnd)?.closed(end));
    };
    network.env.setTimer(network.delay(node.name, other.name), tell);
  }

  /** The name answers again under a new process: connections to its former one are reset. */
  machineIsBack(name: string): void {
    if (this.#server?.name === name && !this.#server.isAlive) this.reset("Connection reset by peer");
    else if (this.#client.name === name && !this.#client.isAlive) this.reset("Connection reset by peer");
    else this.pump();
  }

  #drop(): void {
    this.#up.drop();
    this.#down.drop();
    this.#aborter.abort();
    this.#client.network.forget(this);
  }

  pump(): void {
    if (!this.#isAnswered) this.#dial();
    // A packet resent to a machine whose process died meanwhile is answered with a reset.
    for (const [dead, other] of [
      [this.#server, this.#client],
      [this.#client, this.#server],
    ] as const) {
      if (dead !== null && other !== null && !dead.isAlive && !dead.isDark) this.processDied(dead, false);
    }
    this.#up.pump();
    this.#down.pump();
  }

  joins(a: string, b: string): boolean {
    const ends = [this.#client.name, this.#serverName()];
    return ends.includes(a) && ends.includes(b);
  }

  isEndOf(node: MemoryNode): boolean {
    return this.#client === node || this.#server === node;
  }

  isServer(node: MemoryNode): boolean {
    return this.#server === node;
  }

  isServedTo(server: MemoryNode, nodeId: string): boolean {
    const { identity } = this.#client;
    return this.#server === server && identity.kind === "node" && identity.nodeId === nodeId;
  }
}

type PipeOptions = {
  readonly path: string;
  readonly direction: "up" | "down";
  readonly route: () => { from: string; to: string };
  readonly target: () => End | null;
  readonly env: () => Env;
  readonly isUp: () => boolean;
  readonly onDrained: () => void;
};

/** One direction: in order, delayed, stopped by a cut, a paused reader or a dead machine. */
class Pipe {
  readonly #network: MemoryNetwork;
  readonly #options: PipeOptions;
  #items: { readonly item: Item; readonly readyAt: number }[] = [];
  #bytes = 0;
  #readyAt = 0;
  #wasFull = false;
  #isPumping = false;
  #isDropped = false;

  constructor(network: MemoryNetwork, options: PipeOptions) {
    this.#network = network;
    this.#options = options;
  }

  send(item: Item): boolean {
    if (this.#isDropped) return true;
    const { from, to } = this.#options.route();
    const now = this.#network.env.now();
    this.#readyAt = Math.max(this.#readyAt, now + this.#network.delay(from, to));
    this.#items.push({ item, readyAt: this.#readyAt });
    if (item.kind === "message") this.#bytes += item.data.byteLength;
    this.pump();
    this.#wasFull ||= this.#bytes > PIPE_BYTES_MAX;
    return this.#bytes <= PIPE_BYTES_MAX;
  }

  drop(): void {
    this.#isDropped = true;
    this.#items = [];
  }

  pump(): void {
    const first = this.#items[0];
    if (first === undefined || this.#isPumping) return;
    this.#isPumping = true;
    this.#network.env.setTimer(first.readyAt - this.#network.env.now(), () => {
      this.#isPumping = false;
      if (!this.#isOpen()) return;
      // The receiving process takes what arrived in its own turn; a paused one when it resumes.
      this.#isPumping = true;
      this.#options.env().defer(() => {
        this.#isPumping = false;
        this.#deliver();
      });
    });
  }

  #tap(item: Item): void {
    const { path, direction } = this.#options;
    const data = item.kind === "message" ? item.data : null;
    this.#network.onDeliver?.({ ...this.#options.route(), path, direction, kind: item.kind, data, pipe: this });
  }

  #isOpen(): boolean {
    const { from, to } = this.#options.route();
    return (
      !this.#isDropped && !this.#network.isCut(from, to) && this.#options.isUp() && this.#options.target() !== null
    );
  }

  #deliver(): void {
    const now = this.#network.env.now();
    for (;;) {
      const target = this.#options.target();
      const first = this.#items[0];
      if (target === null || first === undefined || first.readyAt > now) break;
      if (first.item.kind === "message" && target.isPaused) break;
      this.#items.shift();
      if (first.item.kind === "message") this.#bytes -= first.item.data.byteLength;
      this.#network.delivered += 1;
      if (this.#network.onDeliver !== null) this.#tap(first.item);
      target.receive(first.item);
    }
    if (this.#wasFull && this.#bytes <= PIPE_BYTES_MAX / 2) {
      this.#wasFull = false;
      this.#options.onDrained();
    }
    if (this.#options.target()?.isPaused !== true) this.pump();
  }
}

/** One end of a stream. */
class End implements ByteStream {
  readonly #env: Env;
  readonly #side: Side;
  readonly #send: (item: Item) => boolean;
  readonly #onResume: () => void;
  #handlers: StreamHandlers | null = null;
  #onGone: (() => void)[] = [];
  #isDone = false;
  #hasEnded = false;
  isPaused = false;

  constructor(env: Env, { side, send, onResume }: { side: Side; send: (item: Item) => boolean; onResume: () => void }) {
    this.#env = env;
    this.#side = side;
    this.#send = send;
    this.#onResume = onResume;
  }

  get isClosed(): boolean {
    return this.#isDone;
  }

  onGone(fn: () => void): void {
    this.#onGone.push(fn);
  }

  attach(handlers: StreamHandlers): void {
    this.#handlers = handlers;
  }

  write(data: Uint8Array): boolean {
    if (this.#isDone || this.#hasEnded) return true;
    return this.#send({ kind: "message", data: Uint8Array.from(data) });
  }

  end(): void {
    if (this.#isDone || this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#side === "client") this.#send({ kind: "half-close" });
    else this.#leave({ error: null, reset: false });
  }

  cancel(error: AppError = cancelled("Stream")): void {
    if (!this.#isDone) this.#leave({ error, reset: false });
  }

  #leave(end: StreamEnd): void {
    this.#send({ kind: "close", end });
    // Not from inside the caller's own call: as on a real transport the end is an event.
    this.#isDone = true;
    this.#env.defer(() => this.#finish(end));
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.#onResume();
  }

  drained(): void {
    if (!this.#isDone) this.#handlers?.onDrain?.();
  }

  receive(item: Item): void {
    if (this.#isDone) return;
    if (item.kind === "message") this.#handlers?.onMessage(item.data);
    else if (item.kind === "half-close") this.#handlers?.onEnd?.();
    else this.closed(item.end);
  }

  closed(end: StreamEnd): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#finish(end);
  }

  #finish(end: StreamEnd): void {
    for (const fn of this.#onGone.splice(0)) fn();
    this.#handlers?.onClose(end);
  }
}

function serveUnary(dispatcher: Dispatcher, path: string, end: End, context: CallContext): void {
  end.attach({
    onMessage: (request) => {
      dispatcher.dispatchUnary(path, request, context).then(
        (answer) => {
          end.write(answer);
          end.end();
        },
        (error: unknown) => end.cancel(AppError.from(error)),
      );
    },
    onClose: () => undefined,
  });
}
