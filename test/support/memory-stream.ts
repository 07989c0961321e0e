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
import type { MemoryNode, OpenListener } from "./memory-rpc.ts";
import { enter, Pipe } from "./memory-pipe.ts";

export { PIPE_BYTES_MAX } from "./memory-pipe.ts";

export type Side = "client" | "server";

export type Item =
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
  readonly path: string;
  readonly client: MemoryNode;
  readonly clientEnd: End;
  readonly #address: string;
  readonly #options: ConnectionOptions;
  #server: MemoryNode | null = null;
  #serverEnd: End | null = null;
  /** Made when somebody asks for it: most calls end before anybody does. */
  #aborter: AbortController | null = null;
  #isAborted = false;
  readonly #up: Pipe;
  readonly #down: Pipe;
  #isAnswered = false;

  constructor(client: MemoryNode, address: string, options: ConnectionOptions) {
    this.path = options.path;
    this.client = client;
    this.#address = address;
    this.#options = options;
    client.network.connect(this);
    this.#up = new Pipe(this, "up");
    this.#down = new Pipe(this, "down");
    this.clientEnd = new End(client.env, "client", { out: this.#up, in: this.#down });
  }

  get server(): MemoryNode | null {
    return this.#server;
  }

  get serverName(): string {
    return this.#server?.name ?? this.client.network.hostOf(this.#address);
  }

  get serverEnd(): End | null {
    return this.#serverEnd;
  }

  start(): void {
    const { deadlineMs, path } = this.#options;
    if (deadlineMs !== undefined) {
      const timer = this.client.env.setTimer(deadlineMs, () =>
        this.finish("client", new AppError("deadline", `${path} took longer than ${deadlineMs} ms`)),
      );
      this.clientEnd.onGone(() => timer.cancel());
    }
    this.clientEnd.onGone(() => {
      this.#options.onGone();
      if (this.#serverEnd?.isClosed !== false || !this.#isServerUp()) this.client.network.forget(this);
    });
    this.#dial();
  }

  #isServerUp(): boolean {
    return this.#server?.isAlive === true;
  }

  /** The handshake: the first packet arrives after one delay, or when the link heals. */
  #dial(): void {
    const { network } = this.client;
    const ms = network.delay(this.client.name, this.serverName);
    network.env.setTimer(ms, () => this.#arrive());
  }

  #arrive(): void {
    if (this.#isAnswered || this.clientEnd.isClosed || !this.client.isAlive) return;
    const { network } = this.client;
    const to = this.serverName;
    if (network.isCut(this.client.name, to) || network.isCut(to, this.client.name)) return;
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
    enter(listener.node.env, () => this.#accept(listener));
  }

  #accept(listener: OpenListener): void {
    if (!listener.accepting || !listener.node.isAlive || this.clientEnd.isClosed) return;
    const { path } = this.#options;
    const { dispatcher, node } = listener;
    const context = this.#context();
    const kind = dispatcher.paths.find((known) => known.path === path)?.kind;
    const end = new End(node.env, "server", { out: this.#down, in: this.#up });
    this.#serverEnd = end;
    end.onGone(() => {
      this.#abort();
      if (this.clientEnd.isClosed) this.client.network.forget(this);
    });
    if (kind === undefined) end.cancel(new AppError("unsupported", `${path} is not served here`));
    else if (kind === "unary") serveUnary(dispatcher, path, end, context);
    else dispatcher.dispatchStream(path, end, context);
    this.#up.pump();
  }

  #context(): CallContext {
    const { caller, forwarded, deadlineMs } = this.#options;
    const signal = (): AbortSignal => {
      this.#aborter ??= new AbortController();
      if (this.#isAborted) this.#aborter.abort(GONE);
      return this.#aborter.signal;
    };
    return {
      caller,
      forwarded,
      deadlineMs,
      get signal() {
        return signal();
      },
    };
  }

  #abort(): void {
    this.#isAborted = true;
    this.#aborter?.abort(GONE);
  }

  #wrongPeer(identity: Caller): AppError | null {
    const { peer } = this.#options;
    const isRight =
      identity.kind === "node" &&
      (peer.kind === "manager" ? identity.role === "manager" : identity.nodeId === peer.nodeId);
    return isRight ? null : new AppError("unavailable", `${this.#address} proves another identity than was dialled`);
  }

  #closeClientLater(error: AppError, reset: boolean): void {
    const { network } = this.client;
    network.env.setTimer(network.delay(this.serverName, this.client.name), () =>
      enter(this.client.env, () => this.clientEnd.closed({ error, reset })),
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
    if (this.client.isAlive) this.client.env.defer(() => this.clientEnd.closed(end));
    if (this.#server?.isAlive === true) this.#server.env.defer(() => this.#serverEnd?.closed(end));
  }

  /** Nothing passes any more and nobody is told; keep-alive notices after `noticeMs`. */
  blackhole(noticeMs: number): void {
    this.#up.drop();
    this.#down.drop();
    this.#isAnswered = true;
    this.#giveUpAfter(noticeMs, this.client);
    if (this.#server !== null) this.#giveUpAfter(noticeMs, this.#server);
  }

  /** Keep-alive of one end: what it says is no proof that the peer's kernel lives. */
  #giveUpAfter(ms: number, node: MemoryNode): void {
    const end: StreamEnd = { error: new AppError("unavailable", "Keep-alive timed out"), reset: false };
    this.client.network.env.setTimer(ms, () => {
      if (!node.isAlive) return;
      if (node === this.#server) this.#abort();
      node.env.defer(() => (node === this.client ? this.clientEnd : this.#serverEnd)?.closed(end));
    });
  }

  processDied(node: MemoryNode, silent: boolean): void {
    const { keepaliveMs } = node.network;
    if (silent) {
      const peer = node === this.client ? this.#server : this.client;
      if (keepaliveMs !== null && peer !== null && peer !== node && peer.isAlive) this.#giveUpAfter(keepaliveMs, peer);
      return;
    }
    const other = node === this.client ? this.#server : this.client;
    this.#drop();
    if (other === null || other === node || !other.isAlive) return;
    const { network } = node;
    const tell = (): void => {
      if (network.isCut(node.name, other.name)) {
        if (keepaliveMs !== null) this.#giveUpAfter(keepaliveMs, other);
        return;
      }
      const end: StreamEnd = { error: new AppError("unavailable", "Connection reset by peer"), reset: true };
      other.env.defer(() => (other === this.client ? this.clientEnd : this.#serverEnd)?.closed(end));
    };
    network.env.setTimer(network.delay(node.name, other.name), tell);
  }

  /** The name answers again under a new process: connections to its former one are reset. */
  machineIsBack(name: string): void {
    if (this.#server?.name === name && !this.#server.isAlive) this.reset("Connection reset by peer");
    else if (this.client.name === name && !this.client.isAlive) this.reset("Connection reset by peer");
    else this.pump();
  }

  #drop(): void {
    this.#up.drop();
    this.#down.drop();
    this.#abort();
    this.client.network.forget(this);
  }

  pump(): void {
    if (!this.#isAnswered) this.#dial();
    // A packet resent to a machine whose process died meanwhile is answered with a reset.
    for (const [dead, other] of [
      [this.#server, this.client],
      [this.client, this.#server],
    ] as const) {
      if (dead !== null && other !== null && !dead.isAlive && !dead.isDark) this.processDied(dead, false);
    }
    this.#up.pump();
    this.#down.pump();
  }

  joins(a: string, b: string): boolean {
    const { name } = this.client;
    return (name === a && this.serverName === b) || (name === b && this.serverName === a);
  }

  isEndOf(node: MemoryNode): boolean {
    return this.client === node || this.#server === node;
  }

  isServer(node: MemoryNode): boolean {
    return this.#server === node;
  }

  isServedTo(server: MemoryNode, nodeId: string): boolean {
    const { identity } = this.client;
    return this.#server === server && identity.kind === "node" && identity.nodeId === nodeId;
  }
}

/** Made once: an abort without a reason makes an exception with a stack each time. */
const GONE = cancelled("The caller's call");

/** One end of a stream. */
export class End implements ByteStream {
  readonly #env: Env;
  readonly #side: Side;
  readonly #out: Pipe;
  readonly #in: Pipe;
  #handlers: StreamHandlers | null = null;
  #onGone: (() => void)[] = [];
  #isDone = false;
  #hasEnded = false;
  isPaused = false;

  constructor(env: Env, side: Side, pipes: { readonly out: Pipe; readonly in: Pipe }) {
    this.#env = env;
    this.#side = side;
    this.#out = pipes.out;
    this.#in = pipes.in;
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
    // A copy: a caller may reuse its buffer.
    return this.#out.send({ kind: "message", data: new Uint8Array(data) });
  }

  end(): void {
    if (this.#isDone || this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#side === "client") this.#out.send({ kind: "half-close" });
    else this.#leave({ error: null, reset: false });
  }

  cancel(error: AppError = cancelled("Stream")): void {
    if (!this.#isDone) this.#leave({ error, reset: false });
  }

  #leave(end: StreamEnd): void {
    this.#out.send({ kind: "close", end });
    // Not from inside the caller's own call: as on a real transport the end is an event.
    this.#isDone = true;
    this.#env.defer(() => this.#finish(end));
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.#in.pump();
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
