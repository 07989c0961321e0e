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
import type { AgentSession } from "./session.ts";

/** Mere heartbeats are gathered this long; anything else leaves in the same turn. */
export const HEARD_GATHER_MS = 250;
export const RETRY_MS = 100;
export const REPORTS_PER_BATCH_MAX = 2000;
/** A node's last link is remembered this long after it closed, for a new leader to inherit. */
export const LINK_KEPT_MS = 10 * 60_000;

type LinkKind = "OPEN" | "CLOSED" | "GOODBYE";
type Link = { session: AgentSession; kind: LinkKind; heardAt: number; describe: boolean };
export type Ack = { readonly taskId: string; readonly agentEpoch: number; readonly sequence: number };

export type RelayDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly replica: ReplicaApi;
  readonly managerId: string;
  /** Delivers to the leader, which may be this process; resolves once committed. */
  readonly deliver: (leader: LeaderInfo, request: RelayRequest) => Promise<void>;
};

export class Relay {
  readonly #deps: RelayDeps;
  readonly #links = new Map<string, Link>();
  readonly #dirty = new Set<string>();
  readonly #reports = new Map<string, NodeReport>();
  #onAcknowledged: (nodeId: string, acks: readonly Ack[]) => void = () => undefined;
  #timer: Timer | null = null;
  #timerIsUrgent = false;
  #inFlight = false;
  #isStopped = false;
  #leaderKey = "";
  #unsubscribe: () => void = () => undefined;

  constructor(deps: RelayDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#unsubscribe = this.#deps.replica.onStatus(() => this.#onStatus());
  }

  stop(): void {
    this.#isStopped = true;
    this.#unsubscribe();
    this.#timer?.cancel();
  }

  onAcknowledged(listener: (nodeId: string, acks: readonly Ack[]) => void): void {
    this.#onAcknowledged = listener;
  }

  opened(session: AgentSession): void {
    this.#touch(session, "OPEN", true);
    this.#schedule(true);
  }

  described(session: AgentSession): void {
    this.#touch(session, "OPEN", true);
    this.#schedule(true);
  }

  heard(session: AgentSession): void {
    this.#touch(session, "OPEN", false);
    this.#schedule(false);
  }

  /** `OPEN` here: the stream ended, but silence before it makes that no proof of anything. */
  closed(session: AgentSession, kind: LinkKind): void {
    const link = this.#links.get(session.nodeId);
    if (link === undefined || link.session !== session) return;
    link.kind = kind;
    if (kind !== "OPEN") link.heardAt = this.#deps.env.now();
    this.#dirty.add(session.nodeId);
    this.#schedule(true);
  }

  reports(nodeId: string, reports: readonly TaskReport[]): void {
    for (const report of reports) this.#reports.set(report.taskId, { nodeId, report });
    if (reports.length > 0) this.#schedule(true);
  }

  #touch(session: AgentSession, kind: LinkKind, describe: boolean): void {
    const before = this.#links.get(session.nodeId);
    const owed = before?.session === session && before.describe;
    this.#links.set(session.nodeId, { session, kind, heardAt: this.#deps.env.now(), describe: describe || owed });
    this.#dirty.add(session.nodeId);
  }

  #onStatus(): void {
    const leader = this.#deps.replica.leader();
    const key = leader === null ? "" : `${leader.id}/${leader.term}`;
    if (key === this.#leaderKey) return;
    this.#leaderKey = key;
    if (leader === null) return;
    this.#forgetOldLinks();
    for (const [nodeId, link] of this.#links) {
      link.describe = true;
      this.#dirty.add(nodeId);
    }
    this.#schedule(true);
  }

  #forgetOldLinks(): void {
    const oldest = this.#deps.env.now() - LINK_KEPT_MS;
    for (const [nodeId, link] of this.#links) if (link.heardAt < oldest) this.#links.delete(nodeId);
  }

  #schedule(urgent: boolean, afterMs = urgent ? 0 : HEARD_GATHER_MS): void {
    if (this.#isStopped || this.#inFlight) return;
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
    if (this.#isStopped || this.#inFlight) return;
    const leader = this.#deps.replica.leader();
    // Without a leader everything waits for #onStatus.
    if (leader === null || (this.#dirty.size === 0 && this.#reports.size === 0)) return;
    void this.#send(leader);
  }

  async #send(leader: LeaderInfo): Promise<void> {
    const seen = [...this.#dirty];
    this.#dirty.clear();
    const reports = [...this.#reports.values()].slice(0, REPORTS_PER_BATCH_MAX);
    const request: RelayRequest = {
      managerId: this.#deps.managerId,
      term: leader.term,
      seen: seen.flatMap((nodeId) => this.#toSeen(nodeId)),
      reports,
    };
    this.#inFlight = true;
    let retry = false;
    try {
      await this.#deps.deliver(leader, request);
      this.#delivered(seen, reports);
    } catch (error) {
      for (const nodeId of seen) this.#dirty.add(nodeId);
      retry = true;
      this.#deps.log.debug("relay failed", { leader: leader.id, code: AppError.from(error).code });
    } finally {
      this.#inFlight = false;
    }
    if (retry) this.#schedule(true, RETRY_MS);
    else if (this.#reports.size > 0) this.#schedule(true);
    else if (this.#dirty.size > 0) this.#schedule(false);
  }

  #toSeen(nodeId: string): NodeSeen[] {
    const link = this.#links.get(nodeId);
    if (link === undefined) return [];
    const { session } = link;
    return [
      {
        nodeId,
        silentMs: Math.max(0, Math.round(this.#deps.env.now() - link.heardAt)),
        link: link.kind,
        sessionId: session.sessionId,
        description: link.describe ? session.hello.description : null,
        address: session.hello.address,
        agentEpoch: session.hello.agentEpoch,
        engineOk: session.engine.ok,
        engineMessage: session.engine.message,
      },
    ];
  }

  #delivered(seen: readonly string[], reports: readonly NodeReport[]): void {
    for (const nodeId of seen) {
      const link = this.#links.get(nodeId);
      if (link !== undefined && !this.#dirty.has(nodeId)) link.describe = false;
    }
    const acks = new Map<string, Ack[]>();
    for (const { nodeId, report } of reports) {
      if (report === null || report.status === null) continue;
      if (this.#reports.get(report.taskId)?.report === report) this.#reports.delete(report.taskId);
      const list = acks.get(nodeId) ?? [];
      list.push({ taskId: report.taskId, agentEpoch: report.status.agentEpoch, sequence: report.status.sequence });
      acks.set(nodeId, list);
    }
    for (const [nodeId, list] of acks) this.#onAcknowledged(nodeId, list);
  }
}
