/**
 * What those without a certificate of the cluster can hold of a TLS listener. They may ask for a certificate, which is
 * a few KiB and a moment; anybody can connect, so everything they could keep has a bound, and members have the rest.
 */
import { AppError } from "../util/errors.ts";
import type { Env } from "../util/env.ts";
import type { Logger } from "../util/log.ts";

/** Connections that have not said yet who they are. Beyond that the oldest goes: the newest may be a member. */
export const HANDSHAKES_MAX = 256;
/** Connections of strangers. Beyond that the oldest goes. */
export const STRANGERS_MAX = 256;
/** Longer than any join waits for its answer. */
export const STRANGER_MS_MAX = 60_000;
/**
 * What a stranger may send in all: gRPC gathers whole messages of up to 8 MiB before anybody can refuse them, on a
 * thousand streams of a connection. A request for a certificate has some KiB.
 */
export const STRANGER_BYTES_MAX = 512 * 1024;
const LOOK_EVERY_MS = 250;

type Socket = {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly bytesRead: number;
  once(event: "close", listener: () => void): unknown;
  destroy(): unknown;
};

/** A connection of a stranger. */
export type Stranger = { readonly socket: Socket; closedBecause: AppError | null };

export class Strangers {
  readonly #env: Env;
  readonly #log: Logger;
  /** In the order they came, as maps keep it. */
  readonly #handshakes = new Map<string, Socket>();
  readonly #sinceMs = new Map<Stranger, number>();
  #isLooking = false;

  constructor({ env, log }: { readonly env: Env; readonly log: Logger }) {
    this.#env = env;
    this.#log = log;
  }

  /** A TCP connection on which TLS begins. */
  begin(socket: Socket): void {
    const peer = peerOf(socket);
    this.#handshakes.set(peer, socket);
    socket.once("close", () => {
      if (this.#handshakes.get(peer) === socket) this.#handshakes.delete(peer);
    });
    const [oldest] = this.#handshakes;
    if (this.#handshakes.size <= HANDSHAKES_MAX || oldest === undefined) return;
    this.#handshakes.delete(oldest[0]);
    oldest[1].destroy();
  }

  /** Its TLS is done, whoever it is. */
  end(socket: Socket): void {
    this.#handshakes.delete(peerOf(socket));
  }

  add(stranger: Stranger): void {
    this.#sinceMs.set(stranger, this.#env.now());
    stranger.socket.once("close", () => this.#sinceMs.delete(stranger));
    const [oldest] = this.#sinceMs.keys();
    if (this.#sinceMs.size > STRANGERS_MAX && oldest !== undefined) this.#drop(oldest, "others wait");
    if (!this.#isLooking) this.#lookSoon();
  }

  #lookSoon(): void {
    this.#isLooking = this.#sinceMs.size > 0;
    if (this.#isLooking) this.#env.setTimer(LOOK_EVERY_MS, () => this.#look());
  }

  #look(): void {
    const now = this.#env.now();
    for (const [stranger, sinceMs] of this.#sinceMs) {
      if (stranger.socket.bytesRead > STRANGER_BYTES_MAX)
        this.#drop(stranger, `it sent over ${STRANGER_BYTES_MAX} bytes`);
      else if (now - sinceMs > STRANGER_MS_MAX) this.#drop(stranger, `it had ${STRANGER_MS_MAX / 1000} s`);
    }
    this.#lookSoon();
  }

  #drop(stranger: Stranger, why: string): void {
    this.#sinceMs.delete(stranger);
    this.#log.debug("connection without a certificate closed", { peer: peerOf(stranger.socket), why });
    stranger.closedBecause = new AppError(
      "exhausted",
      `This connection has no certificate of this cluster, and ${why}`,
      {
        next: "connect again, with a certificate for anything but joining",
      },
    );
    stranger.socket.destroy();
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}
