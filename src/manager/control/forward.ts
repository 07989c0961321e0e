/**
 * The way from a follower to the leader, once, with the caller's identity. Waits for an election
 * instead of failing into one; never repeats a call that may have been executed.
 */
import type { CallContext, Channel, Dialer } from "../../proto/rpc.ts";
import type { LeaderRoute } from "../../proto/router.ts";
import { call } from "../../proto/client.ts";
import { asForwarderRefused } from "../../proto/grpc-forward.ts";
import { AppError, isAppError } from "../../util/errors.ts";
import { sleep, type Env } from "../../util/env.ts";
import type { LeaderInfo, ReplicaApi } from "../replica/types.ts";

/** Bound on waiting for a leader: longer than any election, below any sensible client's own deadline. */
export const LEADER_WAIT_MS = 3500;
/** Kept back of the caller's deadline, so that it hears "no quorum" and not merely that time is up. */
const ANSWER_RESERVE_MS = 300;
export const FORWARD_DEADLINE_MS = 30_000;
/** A leader that hands over refuses before anyone is told who follows it. */
const LOOK_AGAIN_MS = 50;
const WARM_DEADLINE_MS = 5000;
/** Longer than a change takes, shorter than anybody waits for a stop. */
const DRAIN_MS = 500;
const DRAIN_POLL_MS = 10;

export type ForwardDeps = {
  readonly env: Env;
  readonly dialer: Dialer;
  readonly replica: ReplicaApi;
  /** Serves the call here, for when this manager became the leader while waiting. */
  readonly serveHere: (path: string, request: Uint8Array, context: CallContext) => Promise<Uint8Array>;
};

export class LeaderForwarder implements LeaderRoute {
  readonly #deps: ForwardDeps;
  readonly #channels = new Map<string, { readonly address: string; readonly channel: Channel }>();
  #unsubscribe: () => void = () => undefined;
  #isDraining = false;
  #isClosed = false;
  #underWay = 0;

  constructor(deps: ForwardDeps) {
    this.#deps = deps;
  }

  isLeader(): boolean {
    return this.#deps.replica.isReadyLeader();
  }

  async forward(path: string, request: Uint8Array, context: CallContext): Promise<Uint8Array> {
    if (this.#isDraining) throw stopping();
    this.#underWay += 1;
    try {
      return await this.#untilAnswered(path, request, context);
    } finally {
      this.#underWay -= 1;
    }
  }

  async #untilAnswered(path: string, request: Uint8Array, context: CallContext): Promise<Uint8Array> {
    const { env } = this.#deps;
    const startedAt = env.now();
    const waitMs = Math.min(LEADER_WAIT_MS, (context.deadlineMs ?? Infinity) - ANSWER_RESERVE_MS);
    const until = startedAt + waitMs;
    for (;;) {
      if (this.#isClosed) throw stopping();
      try {
        const leftMs = context.deadlineMs === undefined ? undefined : context.deadlineMs - (env.now() - startedAt);
        const answer = this.#attempt(path, request, { ...context, deadlineMs: leftMs });
        if (answer !== null) return await answer;
      } catch (error) {
        // Demoted or removed without knowing yet: waiting for another leader would not help.
        const refused = asForwarderRefused(error);
        if (refused !== null) throw refused;
        if (!isCertainlyNotExecuted(error)) throw error;
      }
      if (env.now() >= until) throw noLeader();
      await this.#leaderChange(Math.min(LOOK_AGAIN_MS, until - env.now() + 1), context.signal);
    }
  }

  /** @returns null while nobody leads. */
  #attempt(path: string, request: Uint8Array, context: CallContext): Promise<Uint8Array> | null {
    const { replica, serveHere } = this.#deps;
    if (replica.isReadyLeader()) return serveHere(path, request, { ...context, forwarded: true });
    const leader = replica.leader();
    return leader === null || leader.id === replica.status().id ? null : this.#send(leader, path, request, context);
  }

  /** Keeps a connection to every other manager open from now on. */
  start(): void {
    let leader = "";
    this.#unsubscribe = this.#deps.replica.onStatus((status) => {
      // With every new leader again: a manager that was restarted meanwhile has lost its connections.
      const key = `${status.leader ?? ""}/${status.config.members.length}`;
      if (status.leader === null || key === leader) return;
      leader = key;
      this.#warm();
    });
    this.#warm();
  }

  /** The connection to the leader, or to another manager, shared by everything that calls it. */
  channel(leader: { readonly id: string; readonly address: string }): Channel {
    return this.#dial(leader.id, leader.address);
  }

  #dial(id: string, address: string): Channel {
    const known = this.#channels.get(id);
    if (known?.address === address) return known.channel;
    known?.channel.close();
    const channel = this.#deps.dialer.dial(address, { peer: { kind: "node", nodeId: id }, profile: "control" });
    this.#channels.set(id, { address, channel });
    return channel;
  }

  /**
   * Any of them may lead in a moment, and a handshake then would be part of the outage: the first
   * call makes the connection, the channel's keepalive holds it.
   */
  #warm(): void {
    const { replica } = this.#deps;
    const self = replica.status().id;
    const members = replica.members().filter((member) => member.id !== self);
    for (const id of this.#channels.keys()) {
      if (members.some((member) => member.id === id)) continue;
      this.#channels.get(id)?.channel.close();
      this.#channels.delete(id);
    }
    for (const { id, address } of members) {
      call(
        this.#dial(id, address),
        "CertificateAuthority.GetRootCertificate",
        {},
        { deadlineMs: WARM_DEADLINE_MS },
      ).catch(
        // A manager that is down is dialled again by the first call that needs it.
        () => undefined,
      );
    }
  }

  /**
   * What is under way still gets its answer: others may be doing for it what ends this manager, or it waits for whoever
   * leads next. What comes from now on is for another manager.
   */
  async drain(): Promise<void> {
    const { env } = this.#deps;
    this.#isDraining = true;
    const until = env.now() + DRAIN_MS;
    while (this.#underWay > 0 && env.now() < until) await sleep(env, DRAIN_POLL_MS);
  }

  /** Calls that wait for a leader end with `unavailable`. */
  close(): void {
    this.#isClosed = true;
    this.#unsubscribe();
    for (const { channel } of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  async #send(leader: LeaderInfo, path: string, request: Uint8Array, context: CallContext): Promise<Uint8Array> {
    try {
      return await this.channel(leader).unary(path, request, {
        deadlineMs: Math.min(FORWARD_DEADLINE_MS, context.deadlineMs ?? FORWARD_DEADLINE_MS),
        signal: context.signal,
        onBehalfOf: context.caller,
      });
    } catch (error) {
      // Closing a channel cancels what is under way on it; the caller cancelled nothing and must hear what that means.
      if (!isAppError(error, "cancelled") || context.signal.aborted) throw error;
      throw new AppError("unknown-outcome", "This manager let go of the leader before its answer came", {
        next: "ask again with the same request id",
      });
    }
  }

  /** The next change of leadership, or `ms`, whichever comes first. */
  async #leaderChange(ms: number, signal: AbortSignal): Promise<void> {
    const wake = new AbortController();
    const stopListening = this.#deps.replica.onStatus(() => wake.abort());
    try {
      await sleep(this.#deps.env, ms, AbortSignal.any([wake.signal, signal]));
    } catch (error) {
      if (signal.aborted) throw error;
    } finally {
      stopListening();
    }
  }
}

function stopping(): AppError {
  return new AppError("unavailable", "This manager is stopping", { next: "ask another manager" });
}

/** Whoever was asked does not lead, or no byte of the call left. Anything else is the caller's to see. */
function isCertainlyNotExecuted(error: unknown): boolean {
  return isAppError(error, "not-leader") || (isAppError(error, "unavailable") && error.details["sent"] === "no");
}

export function noLeader(): AppError {
  return new AppError("unavailable", "No quorum: the managers have no leader", {
    next: "bring a majority of the managers back, or read what one of them knows: --stale (consistency STALE)",
  });
}
