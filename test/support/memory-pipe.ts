/** One direction of a stream of memory-stream.ts: in order, delayed, stopped by a cut, a paused reader or a dead machine. */
import type { Env } from "../../src/util/env.ts";
import type { MemoryNode } from "./memory-rpc.ts";
import type { Connection, End, Item } from "./memory-stream.ts";

/** What one direction of a stream holds before `write` says stop: an HTTP/2 window. */
export const PIPE_BYTES_MAX = 256 * 1024;

type Waiting = { readonly item: Item; readonly readyAt: number };

export class Pipe {
  readonly #connection: Connection;
  readonly #direction: "up" | "down";
  #items: Waiting[] = [];
  #bytes = 0;
  #readyAt = 0;
  #wasFull = false;
  #isPumping = false;
  #isDropped = false;

  constructor(connection: Connection, direction: "up" | "down") {
    this.#connection = connection;
    this.#direction = direction;
  }

  get #from(): string {
    const { client, serverName } = this.#connection;
    return this.#direction === "up" ? client.name : serverName;
  }

  get #to(): string {
    const { client, serverName } = this.#connection;
    return this.#direction === "up" ? serverName : client.name;
  }

  get #target(): End | null {
    const { clientEnd, serverEnd } = this.#connection;
    return this.#direction === "up" ? serverEnd : clientEnd;
  }

  get #source(): End | null {
    const { clientEnd, serverEnd } = this.#connection;
    return this.#direction === "up" ? clientEnd : serverEnd;
  }

  /** Null: nobody answered the dial yet. */
  get #receiver(): MemoryNode | null {
    const { client, server } = this.#connection;
    return this.#direction === "up" ? server : client;
  }

  /** @returns false when the reader is behind. */
  send(item: Item): boolean {
    if (this.#isDropped) return true;
    const { network } = this.#connection.client;
    this.#readyAt = Math.max(this.#readyAt, network.env.now() + network.delay(this.#from, this.#to));
    this.#items.push({ item, readyAt: this.#readyAt });
    if (item.kind === "message") {
      this.#bytes += item.data.byteLength;
      network.noteHeld(this.#connection.path, this.#bytes);
    }
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
    const { env } = this.#connection.client.network;
    env.setTimer(first.readyAt - env.now(), () => this.#arrive());
  }

  /** The receiving process takes what arrived in its own turn; a paused one when it resumes. */
  #arrive(): void {
    const receiver = this.#receiver;
    if (receiver === null || !this.#isOpen(receiver)) {
      this.#isPumping = false;
      return;
    }
    enter(receiver.env, () => {
      this.#isPumping = false;
      this.#deliver();
    });
  }

  #isOpen(receiver: MemoryNode): boolean {
    const isCut = receiver.network.isCut(this.#from, this.#to);
    return !this.#isDropped && !isCut && receiver.isAlive && this.#target !== null;
  }

  #deliver(): void {
    const { network } = this.#connection.client;
    const now = network.env.now();
    const target = this.#target;
    for (let first = this.#items[0]; target !== null && first !== undefined; first = this.#items[0]) {
      const { item } = first;
      if (first.readyAt > now || (item.kind === "message" && target.isPaused)) break;
      this.#items.shift();
      if (item.kind === "message") this.#bytes -= item.data.byteLength;
      network.delivered += 1;
      if (network.onDeliver !== null) this.#tap(item);
      target.receive(item);
    }
    if (this.#wasFull && this.#bytes <= PIPE_BYTES_MAX / 2) {
      this.#wasFull = false;
      this.#source?.drained();
    }
    if (target?.isPaused !== true) this.pump();
  }

  #tap(item: Item): void {
    const { client, path } = this.#connection;
    const data = item.kind === "message" ? item.data : null;
    const { kind } = item;
    const direction = this.#direction;
    client.network.onDeliver?.({ from: this.#from, to: this.#to, path, direction, kind, data, pipe: this });
  }
}

/** A simulated process takes what comes in as soon as it runs; any other Env in its next turn. */
export function enter(env: Env & { enter?(fn: () => void): void }, fn: () => void): void {
  if (env.enter === undefined) env.defer(fn);
  else env.enter(fn);
}
