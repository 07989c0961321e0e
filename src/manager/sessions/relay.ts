/**
 * From the manager that holds sessions to the leader: what nodes report, and which were heard of
 * when. One batch in flight, the next gathers meanwhile. Reports stay here until the leader
 * committed them, so that a change of leader loses none; a new leader is told everything again.
 */
import type { NodeReport } from "../../proto/gen/NodeReport.ts";
import type { NodeSeen } from "../../proto/gen/NodeSeen.ts";
import type { RelayRequest } from "../../proto/gen/RelayRequest.ts";
import type { TaskReport } from "../../model/index.ts";
import { AppError } from "../../util/errors.ts";
import type { Env, Timer } from "../../util/env.ts";
import type { Logger } from "../../util/log.ts";
import type { LeaderInfo, ReplicaApi } from "../replica/types.ts";
import type { ObservedClock } from "./observed-clock.ts";
import { boundedReport } from "./reports.ts";
import type { AgentSession } from "./session.ts";

/**
 * Mere heartbeats are gathered this long; anything else leaves in the same turn. It delays no
 * verdict: what is told is how long ago each node was heard of.
 */
export const HEARD_GATHER_MS = 1000;
export const RETRY_MS = 100;
export const REPORTS_PER_BATCH_MAX = 1000;
/** Encoded. With as many nodes as below, of 20 KiB each, a batch stays below the 8 MiB of a message. */
export const REPORT_BYTES_PER_BATCH_MAX = 2 * 1024 * 1024;
export const SEEN_PER_BATCH_MAX = 250;
/** Reports that wait for a leader; a session that brings more is ended. */
export const REPORTS_MAX = 100_000;
/** A node's last link is remembered this long after it was heard of, for a new leader to inherit. */
export const LINK_KEPT_MS = 10 * 60_000;
/**
 * A manager that could tell the leader nothing for this long is cut off: its agents are better off
 * elsewhere, before their silence at the leader costs them their tasks (6 s).
 */
export const CUT_OFF_MS = 3500;

type LinkKind = "OPEN" | "CLOSED" | "GOODBYE";
type Link = {
  readonly session: AgentSession;
  kind: LinkKind;
  heardAt: number;
  describe: boolean;
  /** Who waits until the leader has committed it. */
  readonly onDelivered: (() => void) | null;
};
/** A link as it was when it was sent. */
type Sent = { readonly link: Link; readonly hello: AgentSession["hello"]; readonly engine: AgentSession["engine"] };
export type Ack = { readonly taskId: string; readonly agentEpoch: number; readonly sequence: number };

/** `bytes`: encoded. */
type Waiting = { readonly item: NodeReport; readonly bytes: number };

export type RelayDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly clock: ObservedClock;
  readonly replica: ReplicaApi;
  readonly managerId: string;
  /** Delivers to the leader, which may be this process; resolves once committed. */
  readonly deliver: (leader: LeaderInfo, request: RelayRequest, signal: AbortSignal) => Promise<void>;
};

export class Relay {
  readonly #deps: RelayDeps;
  readonly #links = new Map<string, Link>();
  readonly #dirty = new Set<string>();
  /** By node and task: a node cannot displace what another one reports. */
  readonly #reports = new Map<string, Waiting>();
  #onAcknowledged: (nodeId: string, acks: readonly Ack[]) => void = () => undefined;
  #timer: Timer | null = null;
  #timerIsUrgent = false;
  #attempt: AbortController | null = null;
  #isStopped = false;
  #leaderKey = "";
  #leaderlessSince: number | null;
  /** Since when something waits to be delivered; null while nothing does. */
  #owedSince: number | null = null;
  #unsubscribe: () => void = () => undefined;

  constructor(deps: RelayDeps) {
    this.#deps = deps;
    this.#leaderlessSince = deps.clock.now();
  }

  start(): void {
    this.#unsubscribe = this.#deps.replica.onStatus(() => this.#onStatus());
    this.#onStatus();
  }

  stop(): void {
    this.#isStopped = true;
    this.#unsubscribe();
    this.#timer?.cancel();
    this.#attempt?.abort();
  }

  onAcknowledged(listener: (nodeId: string, acks: readonly Ack[]) => void): void {
    this.#onAcknowledged = listener;
  }

  /** Nothing reached a leader for long: sessions are of no use here. */
  get isCutOff(): boolean {
    const oldest = this.#deps.clock.now() - CUT_OFF_MS;
    const isOwed = this.#owedSince !== null && this.#owedSince <= oldest;
    return isOwed || (this.#leaderlessSince !== null && this.#leaderlessSince <= oldest);
  }

  /** The node said something new of itself. */
  described(session: AgentSession): void {
    this.#touch(session, "OPEN", { describe: true });
    this.#schedule(true);
  }

  heard(session: AgentSession): void {
    this.#touch(session, "OPEN", {});
    this.#schedule(false);
  }

  /** @param onDelivered called once the leader has committed it. */
  saidGoodbye(session: AgentSession, onDelivered: () => void): void {
    this.#touch(session, "GOODBYE", { onDelivered });
    this.#schedule(true);
  }

  /**
   * Its stream ended. `isProof`: by the node's own kernel; otherwise the node is merely silent. The
   * time stays that of its last word, by which managers' news of one node are ordered.
   */
  closed(session: AgentSession, { isProof }: { readonly isProof: boolean }): void {
    const link = this.#links.get(session.nodeId);
    if (link?.session !== session || link.kind !== "OPEN" || !isProof) return;
    link.kind = "CLOSED";
    this.#owe(session.nodeId);
    this.#schedule(true);
  }

  /** The node is no member any more. */
  forget(nodeId: string): void {
    this.#links.delete(nodeId);
    this.#dirty.delete(nodeId);
    for (const [key, { item }] of this.#reports) if (item.nodeId === nodeId) this.#reports.delete(key);
  }

  /** @throws AppError exhausted */
  reports(nodeId: string, reports: readonly TaskReport[]): void {
    for (const sent of reports) {
      const bounded = boundedReport(sent);
      if (bounded === null) continue;
      const { report, bytes } = bounded;
      const key = `${nodeId}/${report.taskId}`;
      if (this.#reports.size >= REPORTS_MAX && !this.#reports.has(key)) {
        throw new AppError("exhausted", `${REPORTS_MAX} reports of tasks wait for a leader`);
      }
      this.#reports.set(key, { item: { nodeId, report }, bytes });
    }
    if (this.#reports.size === 0) return;
    this.#owedSince ??= this.#deps.clock.now();
    this.#schedule(true);
  }

  #touch(
    session: AgentSession,
    kind: LinkKind,
    { describe = false, onDelivered = null }: { describe?: boolean; onDelivered?: (() => void) | null },
  ): void {
    const before = this.#links.get(session.nodeId);
    const isDescriptionOwed = before?.session === session && before.describe;
    this.#links.set(session.nodeId, {
      session,
      kind,
      heardAt: this.#deps.clock.now(),
      describe: describe || isDescriptionOwed,
      onDelivered,
    });
    this.#owe(session.nodeId);
  }

  #owe(nodeId: string): void {
    this.#dirty.add(nodeId);
    this.#owedSince ??= this.#deps.clock.now();
  }

  #onStatus(): void {
    const leader = this.#deps.replica.leader();
    const key = leader === null ? "" : `${leader.id}/${leader.term}`;
    if (key === this.#leaderKey) return;
    this.#leaderKey = key;
    // Whoever was asked last may never answer.
    this.#attempt?.abort();
    if (leader === null) {
      this.#leaderlessSince = this.#deps.clock.now();
      return;
    }
    this.#leaderlessSince = null;
    this.#forgetOldLinks();
    for (const [nodeId, link] of this.#links) {
      link.describe = true;
      this.#owe(nodeId);
    }
    this.#schedule(true);
  }

  #forgetOldLinks(): void {
    const oldest = this.#deps.clock.now() - LINK_KEPT_MS;
    for (const [nodeId, link] of this.#links) if (link.heardAt < oldest) this.#links.delete(nodeId);
  }

  #schedule(urgent: boolean, afterMs = urgent ? 0 : HEARD_GATHER_MS): void {
    if (this.#isStopped || this.#attempt !== null) return;
    if (this.#timer !== null && (this.#timerIsUrgent || !urgent)) return;
    this.#timer?.cancel();
    this.#timerIsUrgent = urgent;
    if (afterMs > 0) {
      this.#timer = this.#deps.env.setTimer(afterMs, () => this.#fire());
      return;
    }
    let isCancelled = false;
    this.#timer = { cancel: () => (isCancelled = true) };
    this.#deps.env.defer(() => {
      if (!isCancelled) this.#fire();
    });
  }

  #fire(): void {
    this.#timer = null;
    this.#timerIsUrgent = false;
    if (this.#isStopped || this.#attempt !== null) return;
    const leader = this.#deps.replica.leader();
    // Without a leader everything waits for #onStatus.
    if (leader === null || (this.#dirty.size === 0 && this.#reports.size === 0)) return;
    void this.#send(leader);
  }

  async #send(leader: LeaderInfo): Promise<void> {
    const ids = first(this.#dirty, SEEN_PER_BATCH_MAX);
    const reports = this.#nextReports();
    const sent = new Map<string, Sent>();
    for (const nodeId of ids) {
      this.#dirty.delete(nodeId);
      const link = this.#links.get(nodeId);
      if (link !== undefined) sent.set(nodeId, { link, hello: link.session.hello, engine: link.session.engine });
    }
    const seen = [...sent].map(([nodeId, { link }]) => this.#toSeen(nodeId, link));
    const request: RelayRequest = { managerId: this.#deps.managerId, term: leader.term, seen, reports };
    const attempt = new AbortController();
    this.#attempt = attempt;
    let isDelivered = false;
    try {
      await this.#deps.deliver(leader, request, attempt.signal);
      isDelivered = true;
    } catch (error) {
      this.#deps.log.debug("relay failed", { leader: leader.id, code: AppError.from(error).code });
    } finally {
      this.#attempt = null;
    }
    if (isDelivered) this.#delivered(sent, reports);
    else for (const nodeId of sent.keys()) if (this.#links.has(nodeId)) this.#dirty.add(nodeId);
    this.#sendNext(isDelivered, attempt.signal.aborted);
  }

  #nextReports(): NodeReport[] {
    const taken: NodeReport[] = [];
    let room = REPORT_BYTES_PER_BATCH_MAX;
    for (const { item, bytes } of this.#reports.values()) {
      room -= bytes;
      if (taken.length >= REPORTS_PER_BATCH_MAX || room < 0) break;
      taken.push(item);
    }
    return taken;
  }

  #sendNext(isDelivered: boolean, isAborted: boolean): void {
    // Aborted: another leader is known already, or will be told of by #onStatus.
    if (!isDelivered) this.#schedule(true, isAborted ? 0 : RETRY_MS);
    else if (this.#reports.size > 0 || this.#dirty.size >= SEEN_PER_BATCH_MAX || this.#isNewsOwed()) {
      this.#schedule(true);
    } else if (this.#dirty.size > 0) this.#schedule(false);
  }

  /** Something other than heartbeats came while a batch was in flight. */
  #isNewsOwed(): boolean {
    for (const nodeId of this.#dirty) {
      const link = this.#links.get(nodeId);
      if (link !== undefined && (link.describe || link.kind !== "OPEN")) return true;
    }
    return false;
  }

  #toSeen(nodeId: string, { session, heardAt, kind, describe }: Link): NodeSeen {
    return {
      nodeId,
      silentMs: Math.max(0, Math.round(this.#deps.clock.now() - heardAt)),
      link: kind,
      sessionId: session.sessionId,
      description: describe ? session.hello.description : null,
      address: session.hello.address,
      agentEpoch: session.hello.agentEpoch,
      engineOk: session.engine.ok,
      engineMessage: session.engine.message,
    };
  }

  #delivered(sent: ReadonlyMap<string, Sent>, reports: readonly NodeReport[]): void {
    this.#owedSince = null;
    for (const [nodeId, { link, hello, engine }] of sent) {
      link.onDelivered?.();
      const now = this.#links.get(nodeId);
      if (now?.session !== link.session || now.session.hello !== hello || now.session.engine !== engine) continue;
      now.describe = false;
    }
    const acks = new Map<string, Ack[]>();
    for (const item of reports) {
      const { nodeId, report } = item;
      if (report === null || report.status === null) continue;
      const key = `${nodeId}/${report.taskId}`;
      if (this.#reports.get(key)?.item === item) this.#reports.delete(key);
      const list = acks.get(nodeId) ?? [];
      list.push({ taskId: report.taskId, agentEpoch: report.status.agentEpoch, sequence: report.status.sequence });
      acks.set(nodeId, list);
    }
    if (this.#dirty.size > 0 || this.#reports.size > 0) this.#owedSince = this.#deps.clock.now();
    for (const [nodeId, list] of acks) this.#onAcknowledged(nodeId, list);
  }
}

function first<T>(items: Iterable<T>, max: number): T[] {
  const taken: T[] = [];
  for (const item of items) {
    if (taken.length >= max) break;
    taken.push(item);
  }
  return taken;
}
