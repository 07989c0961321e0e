/**
 * One connection to one address, under one or more Channels: the grpc-js channel, its options for
 * each profile, and a watchdog, because grpc-js waits for ever for a peer that accepts and never
 * answers and reconnects after up to two minutes by default.
 */
import { Channel as GrpcJsChannel, connectivityState, type ChannelOptions, type Metadata } from "@grpc/grpc-js";
import { isIPv4, isIPv6 } from "node:net";
import type { Env, Timer } from "../util/env.ts";
import { AppError } from "../util/errors.ts";
import type { Logger } from "../util/log.ts";
import { MESSAGE_BYTES_MAX } from "./grpc-limits.ts";
import { fromGrpcStatus, SENT_NO } from "./grpc-status.ts";
import {
  certificateName,
  type ContextCache,
  LocalCredentials,
  TlsCredentials,
  type TlsSource,
  type TrackedCredentials,
} from "./grpc-tls.ts";
import type { ChannelProfile, PeerName, StreamEnd } from "./rpc.ts";

/** From the first call that finds no connection to giving that attempt up, when no kernel answered. */
export const CONNECT_TIMEOUT_MS = 1000;
/** It doubles up to here while nothing answers, so that a slow peer gets its chance and a dead one costs little. */
const CONNECT_TIMEOUT_MAX_MS = 4000;
/** With a TCP connection there is a peer, perhaps a busy one: this long for its first byte... */
export const HANDSHAKE_SILENCE_MS = 2000;
/** ... and this long in all for TLS and HTTP/2, as long as something comes. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** A timer that fires this late says that we were busy ourselves, and what has arrived is still unread. */
const LATE_MS = 100;
const LATE_EXTENSIONS_MAX = 5;

const COMMON_OPTIONS: ChannelOptions = {
  // The retry buffer copies every message of a long stream; our callers retry with request ids.
  "grpc.enable_retries": 0,
  "grpc.enable_channelz": 0,
  "grpc.enable_http_proxy": 0,
  // The global pool would share one socket between raft and everything else.
  "grpc.use_local_subchannel_pool": 1,
  // No TXT lookups, and names are resolved again when a container comes back with another address.
  "grpc.service_config_disable_resolution": 1,
  "grpc.dns_min_time_between_resolutions_ms": 1000,
  "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
  "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
};

/**
 * Keepalive is the second line behind the heartbeats of sessions and raft: it must not fire because
 * a loaded event loop was late, so its timeouts are seconds.
 */
const PROFILE_OPTIONS: Readonly<Record<ChannelProfile, ChannelOptions>> = {
  raft: {
    "grpc.initial_reconnect_backoff_ms": 50,
    "grpc.max_reconnect_backoff_ms": 500,
    "grpc.keepalive_time_ms": 2000,
    "grpc.keepalive_timeout_ms": 3000,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc-node.flow_control_window": 1024 * 1024,
  },
  control: {
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
    "grpc.keepalive_time_ms": 5000,
    "grpc.keepalive_timeout_ms": 5000,
    "grpc-node.flow_control_window": 1024 * 1024,
  },
  bulk: {
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
    "grpc.keepalive_time_ms": 5000,
    "grpc.keepalive_timeout_ms": 5000,
    "grpc-node.flow_control_window": 4 * 1024 * 1024,
  },
  // What a stalled reader lets arrive is held as messages of a line each, several times their bytes in memory.
  logs: {
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
    "grpc.keepalive_time_ms": 5000,
    "grpc.keepalive_timeout_ms": 5000,
    "grpc-node.flow_control_window": 256 * 1024,
  },
};

export type GrpcJsCall = ReturnType<GrpcJsChannel["createCall"]>;

export type CallHandlers = { onMessage(bytes: Uint8Array): void; onEnd(end: StreamEnd): void };
export type CallStart = {
  readonly path: string;
  /** Infinity: none. */
  readonly deadlineMs: number;
  readonly metadata: Metadata;
};

export type ConnectionTarget = {
  /** `host:port`, or `unix:/path`. */
  readonly address: string;
  readonly peer: PeerName;
  readonly profile: ChannelProfile;
};
export type ConnectionDeps = {
  readonly credentials: TlsSource;
  readonly contexts: ContextCache;
  readonly env: Env;
  readonly log: Logger;
};

/** One grpc-js channel; replaced when its attempt hangs or its certificate was renewed. */
type Generation = {
  readonly channel: GrpcJsChannel;
  readonly credentials: TrackedCredentials;
  timedOutAfterMs: number;
};

/** One attempt to connect, as watched. */
type Watch = {
  readonly startedAt: number;
  readonly waitMs: number;
  readonly bytesRead: number;
  readonly extensions: number;
};
type Progress = { readonly hasSocket: boolean; readonly bytesRead: number };

function progressOf({ credentials: { hasSocket, bytesRead } }: Generation): Progress {
  return { hasSocket, bytesRead };
}

/** @returns null when nothing speaks for waiting longer. */
function nextLook(watch: Watch, now: Progress & { readonly elapsedMs: number; readonly lateMs: number }): Watch | null {
  const { extensions } = watch;
  if (now.lateMs > LATE_MS && extensions < LATE_EXTENSIONS_MAX) return { ...watch, extensions: extensions + 1 };
  if (!now.hasSocket) return null;
  const { bytesRead, elapsedMs } = now;
  if (elapsedMs < HANDSHAKE_SILENCE_MS) return { ...watch, waitMs: HANDSHAKE_SILENCE_MS - elapsedMs };
  if (bytesRead === watch.bytesRead || elapsedMs >= HANDSHAKE_TIMEOUT_MS) return null;
  return { ...watch, waitMs: CONNECT_TIMEOUT_MS, bytesRead };
}

export class GrpcConnection {
  readonly address: string;
  readonly #target: ConnectionTarget;
  readonly #deps: ConnectionDeps;
  readonly #unsubscribe: () => void;
  #generation: Generation | null = null;
  #watchdog: Timer | null = null;
  #timeoutMs = CONNECT_TIMEOUT_MS;
  #isClosed = false;

  constructor(deps: ConnectionDeps, target: ConnectionTarget) {
    this.address = target.address;
    this.#deps = deps;
    this.#target = target;
    this.#unsubscribe = deps.credentials.onChange(() => this.#onRenewal());
  }

  /** Starts a call; `onEnd` comes exactly once, never in this turn. @throws AppError `cancelled` after close */
  start({ path, deadlineMs, metadata }: CallStart, handlers: CallHandlers): GrpcJsCall {
    const generation = this.#open();
    const deadline = deadlineMs === Infinity ? Infinity : this.#deps.env.wallNow() + deadlineMs;
    const call = generation.channel.createCall(path, deadline, null, null, null);
    call.start(metadata, {
      onReceiveMetadata: () => undefined,
      onReceiveMessage: (bytes: Uint8Array) => handlers.onMessage(bytes),
      onReceiveStatus: (status) => {
        if (generation.timedOutAfterMs > 0 && status.details.includes("before call started")) {
          handlers.onEnd({ error: this.#timeoutError(generation.timedOutAfterMs), reset: false });
          return;
        }
        const isPeerClosed = generation.credentials.fate?.isPeerClosed === true;
        handlers.onEnd(fromGrpcStatus(status, { address: this.address, isPeerClosed }));
      },
    });
    this.#watch(generation);
    return call;
  }

  /** Calls under way are the caller's to cancel; those that never got a connection end now. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unsubscribe();
    this.#watchdog?.cancel();
    const generation = this.#generation;
    this.#generation = null;
    if (generation === null) return;
    const isConnected = generation.channel.getConnectivityState(false) === connectivityState.READY;
    generation.channel.close();
    if (!isConnected) generation.credentials.abandon();
  }

  #open(): Generation {
    if (this.#isClosed) throw new AppError("cancelled", `The channel to ${this.address} is closed`);
    if (this.#generation === null) {
      const { address, peer, profile } = this.#target;
      const isLocal = address.startsWith("unix:");
      const credentials = isLocal ? new LocalCredentials() : new TlsCredentials(this.#deps.contexts, peer);
      const channel = new GrpcJsChannel(channelTarget(address), credentials, {
        ...COMMON_OPTIONS,
        ...PROFILE_OPTIONS[profile],
        "grpc.default_authority": isLocal ? "localhost" : certificateName(peer),
      });
      this.#generation = { channel, credentials, timedOutAfterMs: 0 };
    }
    return this.#generation;
  }

  /** A connection made with the old certificate would be refused at its expiry: streams stay, calls move. */
  #onRenewal(): void {
    const old = this.#generation;
    if (old?.channel.getConnectivityState(false) !== connectivityState.READY) return;
    this.#generation = null;
    // grpc-js lets the streams of a closed channel finish.
    old.channel.close();
  }

  #watch(generation: Generation): void {
    if (generation.channel.getConnectivityState(false) === connectivityState.READY) {
      this.#timeoutMs = CONNECT_TIMEOUT_MS;
    } else if (this.#watchdog === null) {
      const startedAt = this.#deps.env.now();
      this.#arm(generation, { startedAt, waitMs: this.#timeoutMs, bytesRead: 0, extensions: 0 });
    }
  }

  /** Looks again and again while there is reason to wait, then gives the attempt up. */
  #arm(generation: Generation, watch: Watch): void {
    const { env } = this.#deps;
    const dueAt = env.now() + watch.waitMs;
    this.#watchdog = env.setTimer(watch.waitMs, () => {
      this.#watchdog = null;
      const state = generation.channel.getConnectivityState(false);
      if (this.#generation !== generation || state === connectivityState.READY || state === connectivityState.IDLE) {
        return;
      }
      const lateMs = env.now() - dueAt;
      const again = nextLook(watch, { elapsedMs: env.now() - watch.startedAt, lateMs, ...progressOf(generation) });
      if (again === null) this.#giveUp(generation, Math.round(env.now() - watch.startedAt));
      else this.#arm(generation, again);
    });
  }

  #giveUp(generation: Generation, afterMs: number): void {
    this.#deps.log.debug("connection attempt given up", { address: this.address, afterMs });
    this.#timeoutMs = Math.min(CONNECT_TIMEOUT_MAX_MS, this.#timeoutMs * 2);
    generation.timedOutAfterMs = afterMs;
    this.#generation = null;
    generation.channel.close();
    generation.credentials.abandon();
  }

  #timeoutError(timeoutMs: number): AppError {
    const message = `Cannot reach ${this.address}: no connection within ${timeoutMs} ms`;
    return new AppError("unavailable", message, {
      sent: SENT_NO,
      next: "check the address and the network in between",
    });
  }
}

/** Literal addresses skip the resolver; a name goes through it. */
function channelTarget(address: string): string {
  if (address.startsWith("unix:")) return address;
  const host = address.slice(0, address.lastIndexOf(":")).replace(/^\[(.*)\]$/, "$1");
  const port = address.slice(address.lastIndexOf(":") + 1);
  if (isIPv4(host)) return `ipv4:${host}:${port}`;
  if (isIPv6(host)) return `ipv6:[${host}]:${port}`;
  return `dns:${address}`;
}
