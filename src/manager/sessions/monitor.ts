/**
 * On the leader: turns what managers relay into node and task state. Only time under a serving
 * leader counts against a node, and time this process did not observe does not.
 */
import type { Node, NodeStatus } from "../../model/index.ts";
import { clusterLossTimes, UNREACHABLE_AFTER_MS } from "../../model/node-loss.ts";
import { tiedLossTimes } from "../../model/ties.ts";
import type { NodeSeen } from "../../proto/gen/NodeSeen.ts";
import type { RelayRequest } from "../../proto/gen/RelayRequest.ts";
import { codec } from "../../proto/load.ts";
import { clusterOf } from "../../store/cluster.ts";
import type { ReadTx, StoreApi, WriteTx } from "../../store/types.ts";
import { AppError } from "../../util/errors.ts";
import type { Env } from "../../util/env.ts";
import type { Logger } from "../../util/log.ts";
import { updateInParts } from "./in-parts.ts";
import { livenessOf, QUORUM_LOSS_GRACE_MS, type Liveness, type NodeLink } from "./liveness.ts";
import { MASS_HOLD_MS, massSilence } from "./mass-silence.ts";
import type { ObservedClock } from "./observed-clock.ts";
import { applyReport } from "./reports.ts";

/** Objects changed by one entry. */
export const NODES_PER_UPDATE_MAX = 50;
export const REPORTS_PER_UPDATE_MAX = 150;
/** After a check that could not be written. */
const RETRY_MS = 1000;

const seenCodec = codec("NodeSeen");
const reportCodec = codec("NodeReport");

type Known = {
  readonly link: NodeLink;
  /** As `link.at`, but with the time nobody led: what orders one session's news against another's. */
  readonly heardAt: number;
  readonly sessionId: string;
  readonly agentEpoch: number;
  /** Nothing was heard since this leader began. */
  readonly isInherited: boolean;
};

export type MonitorDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly store: StoreApi;
  readonly clock: ObservedClock;
};

export type MonitorOptions = {
  /** Nobody led for this long before this leadership: it counts against no node. */
  readonly leaderlessMs: number;
  /**
   * After a loss of quorum, as far as this manager knows by itself: until then (observed time) no node is given up that
   * was not heard of since this leader began.
   */
  readonly graceUntil: number;
};

export class NodeMonitor {
  readonly #deps: MonitorDeps;
  readonly #options: MonitorOptions;
  readonly #known = new Map<string, Known>();
  readonly #startedAt: number;
  /** How long nodes had been silent when this leader began; what it tells itself must not be counted twice. */
  readonly #inheritedMs = new Map<string, number>();
  readonly #unsubscribe: (() => void)[] = [];
  #nextCheckAt = 0;
  /** Observed time until which nothing is replaced: too many nodes fell silent at once. */
  #heldUntil = 0;
  /** As the option, or what an earlier leader wrote. */
  #graceUntil: number;
  #hasBegun = false;
  #isChecking = false;
  #isStopped = false;

  constructor(deps: MonitorDeps, options: MonitorOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#startedAt = deps.clock.now();
    this.#graceUntil = options.graceUntil;
  }

  start(): void {
    const { store, clock } = this.#deps;
    for (const { id, status } of store.speculative().all("node")) {
      if (status?.silence) this.#inheritedMs.set(id, status.silence.ms);
    }
    this.#unsubscribe.push(
      store.onSpeculative((changes) => {
        for (const change of changes) {
          if (change.table !== "node") continue;
          if (change.after === undefined) this.#known.delete(change.id);
          else if (change.before === undefined) this.#expect(change.id);
        }
      }),
      clock.onLook(() => this.#onLook()),
    );
    // The first change of the leader's own: who applies a later one knows how long nodes have.
    store.update((tx) => this.#begin(tx)).catch((error: unknown) => this.#onFailure(error));
  }

  /** Here it is known what time it is. Leaders after this one have to keep what nodes were given. */
  #begin(tx: WriteTx): void {
    this.#hasBegun = true;
    const cluster = clusterOf(tx);
    if (cluster === undefined) return;
    const now = this.#deps.clock.now();
    const { massSilence, quorumGraceUntilMs } = cluster;
    this.#heldUntil = now + Math.max(0, (massSilence?.untilMs ?? 0) - tx.timeMs);
    const ownUntilMs = tx.timeMs + Math.ceil(this.#options.graceUntil - now);
    if (ownUntilMs > Math.max(tx.timeMs, quorumGraceUntilMs)) {
      tx.put("cluster", { ...cluster, quorumGraceUntilMs: ownUntilMs });
    }
    const toldMs = Math.min(QUORUM_LOSS_GRACE_MS, quorumGraceUntilMs - tx.timeMs);
    this.#graceUntil = Math.max(this.#options.graceUntil, now + toldMs);
  }

  stop(): void {
    this.#isStopped = true;
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
  }

  /** A node that has just joined: its time begins now. */
  #expect(nodeId: string): void {
    const now = this.#deps.clock.now();
    const link: NodeLink = { kind: "UNHEARD", at: now };
    this.#known.set(nodeId, { link, heardAt: now, sessionId: "", agentEpoch: 0, isInherited: false });
    this.#checkAt(now);
  }

  /** One relayed batch; resolves when what it changed is committed. */
  async ingest({ managerId, seen, reports }: RelayRequest): Promise<void> {
    if (this.#isStopped) throw new AppError("not-leader", "This manager is not the leader any more");
    const { store } = this.#deps;
    const changed = seen.filter((one) => this.#learn(managerId, one));
    const nodes = updateInParts(store, changed, {
      max: NODES_PER_UPDATE_MAX,
      bytesOf: (one) => seenCodec.encode(one).length,
      write: (tx, part) => {
        for (const one of part) this.#describe(tx, managerId, one);
        for (const one of part) this.#evaluate(tx, one.nodeId);
      },
      giveUp: ({ nodeId }) => this.#giveUp("what a node says of itself", { nodeId }),
    });
    const tasks = updateInParts(store, reports, {
      max: REPORTS_PER_UPDATE_MAX,
      bytesOf: (one) => reportCodec.encode(one).length,
      write: (tx, part) => {
        for (const report of part) applyReport(tx, report);
      },
      giveUp: ({ nodeId, report }) => this.#giveUp("a task's status", { nodeId, taskId: report?.taskId ?? "" }),
    });
    await Promise.all([nodes, tasks]);
  }

  #giveUp(what: string, ids: { readonly nodeId: string; readonly taskId?: string }): void {
    this.#deps.log.error("too large for one change, dropped", { what, ...ids });
  }

  /** @returns true when the store may have to change for it. */
  #learn(managerId: string, seen: NodeSeen): boolean {
    const { clock, store } = this.#deps;
    const node = store.speculative().get("node", seen.nodeId);
    if (node === undefined) return false;
    const before = this.#known.get(seen.nodeId);
    const at = clock.now() - seen.silentMs;
    const isSame = before?.sessionId === seen.sessionId;
    if (!isSame && !this.#isNewer({ managerId, seen, at, before, node })) return false;
    const isInherited = at < this.#startedAt;
    // The time between the leaders is nobody's silence.
    const countedAt = isInherited ? Math.min(this.#startedAt, at + this.#options.leaderlessMs) : at;
    this.#known.set(seen.nodeId, {
      link: { kind: seen.link, at: countedAt },
      heardAt: at,
      sessionId: seen.sessionId,
      agentEpoch: seen.agentEpoch,
      isInherited,
    });
    const isHeartbeat = isSame && before.link.kind === "OPEN" && seen.link === "OPEN" && seen.description === null;
    // The common case: only a node that was given up needs a write.
    return !isHeartbeat || node.status?.state !== "READY";
  }

  /** Managers remember sessions that ended long ago, and tell a new leader in any order. */
  #isNewer(news: {
    readonly managerId: string;
    readonly seen: NodeSeen;
    readonly at: number;
    readonly before: Known | undefined;
    readonly node: Node;
  }): boolean {
    const { managerId, seen, at, before, node } = news;
    if (before !== undefined) {
      if (seen.agentEpoch !== before.agentEpoch) return seen.agentEpoch > before.agentEpoch;
      return at > before.heardAt;
    }
    if (seen.link === "OPEN" && seen.silentMs < UNREACHABLE_AFTER_MS) return true;
    // The last session that was made known is the manager's who is named in the store.
    return node.status?.sessionManagerId === managerId && node.status.agentEpoch === seen.agentEpoch;
  }

  #describe(tx: WriteTx, managerId: string, seen: NodeSeen): void {
    const node = tx.get("node", seen.nodeId);
    if (node === undefined || seen.link !== "OPEN") return;
    if (this.#known.get(seen.nodeId)?.sessionId !== seen.sessionId) return;
    const before = node.status ?? EMPTY_STATUS;
    const status: NodeStatus = {
      ...before,
      engineOk: seen.engineOk,
      engineSinceMs: seen.engineOk === before.engineOk ? before.engineSinceMs : tx.timeMs,
      engineMessage: seen.engineMessage,
      sessionManagerId: managerId,
      sessionId: seen.sessionId,
      agentEpoch: seen.agentEpoch,
    };
    const description = seen.description ?? node.description;
    const address = seen.address === "" ? node.address : seen.address;
    putIfChanged(tx, node, { ...node, description, address, status });
  }

  #livenessOf(tx: ReadTx, node: Node): Liveness {
    const { id, status } = node;
    const known = this.#known.get(id);
    const link = this.#linkOf(node);
    const now = this.#deps.clock.now();
    const graceUntil = known === undefined || known.isInherited ? this.#graceUntil : 0;
    return livenessOf({
      link,
      now,
      holdUntil: Math.max(graceUntil, this.#heldUntil),
      current: status?.state ?? "UNKNOWN",
      known: status?.silence ?? null,
      times: clusterLossTimes(clusterOf(tx)?.spec ?? null),
      others: now - link.at < UNREACHABLE_AFTER_MS ? [] : otherTimes(tx, id, link),
    });
  }

  /** Of a node nobody has told of yet, silence goes on from what the leader before had counted. */
  #linkOf({ id }: Node): NodeLink {
    return this.#known.get(id)?.link ?? { kind: "UNHEARD", at: this.#startedAt - (this.#inheritedMs.get(id) ?? 0) };
  }

  #evaluate(tx: WriteTx, nodeId: string): void {
    const node = tx.get("node", nodeId);
    if (node === undefined) return;
    const status = node.status ?? EMPTY_STATUS;
    const liveness = this.#livenessOf(tx, node);
    const { state, message, silence, nextCheckAt } = liveness;
    if (nextCheckAt !== null) this.#checkAt(nextCheckAt);
    if (!isNews(status, liveness)) return;
    if (state === status.state) {
      tx.put("node", { ...node, status: { ...status, silence } });
      return;
    }
    this.#deps.log.info("node state changed", { nodeId, from: status.state, to: state, message });
    tx.put("node", { ...node, status: { ...status, state, message, silence, sinceMs: tx.timeMs } });
  }

  #checkAt(at: number): void {
    this.#nextCheckAt = Math.min(this.#nextCheckAt, at);
  }

  #onLook(): void {
    if (this.#isStopped || this.#isChecking || this.#deps.clock.now() < this.#nextCheckAt) return;
    this.#isChecking = true;
    this.#check()
      .catch((error: unknown) => this.#onFailure(error))
      .finally(() => {
        this.#isChecking = false;
      });
  }

  #onFailure(error: unknown): void {
    this.#deps.log.debug("node check failed", { code: AppError.from(error).code });
    this.#checkAt(this.#deps.clock.now() + RETRY_MS);
  }

  /** Looks at every node; writes only for those whose state is another now. */
  async #check(): Promise<void> {
    const { store } = this.#deps;
    const state = store.speculative();
    // Looked at first: it keeps what follows from giving anybody up.
    const updates: Promise<unknown>[] = [this.#noteMassSilence(state)];
    if (!this.#hasBegun) updates.push(store.update((tx) => this.#begin(tx)));
    this.#nextCheckAt = Infinity;
    const due: string[] = [];
    for (const node of state.all("node")) {
      const liveness = this.#livenessOf(state, node);
      if (liveness.nextCheckAt !== null) this.#checkAt(liveness.nextCheckAt);
      if (isNews(node.status ?? EMPTY_STATUS, liveness)) due.push(node.id);
    }
    updates.push(
      updateInParts(store, due, {
        max: NODES_PER_UPDATE_MAX,
        bytesOf: () => 0,
        write: (tx, ids) => {
          for (const id of ids) this.#evaluate(tx, id);
        },
        giveUp: (nodeId) => this.#giveUp("a node's state", { nodeId }),
      }),
    );
    await Promise.all(updates);
  }

  async #noteMassSilence(state: ReadTx): Promise<void> {
    const { clock, log, store } = this.#deps;
    const now = clock.now();
    if (now < this.#heldUntil) return;
    const listened = [...state.all("node")].map((node) => ({
      link: this.#linkOf(node),
      state: node.status?.state ?? ("UNKNOWN" as const),
    }));
    const mass = massSilence(listened, now);
    if (mass === null) return;
    this.#heldUntil = now + MASS_HOLD_MS;
    log.warn("many nodes fell silent at once: nothing is replaced for a while", { ...mass, holdMs: MASS_HOLD_MS });
    await store.update((tx) => {
      const cluster = clusterOf(tx);
      if (cluster === undefined) return;
      const untilMs = tx.timeMs + MASS_HOLD_MS;
      tx.put("cluster", { ...cluster, massSilence: { ...mass, sinceMs: tx.timeMs, untilMs } });
    });
  }
}

/** Silences after which services that run here, and say so themselves, are replaced. */
function otherTimes(tx: ReadTx, nodeId: string, { kind }: NodeLink): number[] {
  const cluster = clusterLossTimes(clusterOf(tx)?.spec ?? null);
  const times = new Set<number>();
  for (const { serviceId } of tx.find("task", "node", nodeId)) {
    const { silentMs, closedMs } = tiedLossTimes(tx.get("service", serviceId)?.spec ?? null, cluster);
    const ms = kind === "CLOSED" ? closedMs : silentMs;
    if (Number.isFinite(ms)) times.add(ms);
  }
  return [...times];
}

function isNews(status: NodeStatus, { state, silence }: Liveness): boolean {
  return state !== status.state || silence?.ms !== status.silence?.ms || silence?.closed !== status.silence?.closed;
}

export const EMPTY_STATUS: NodeStatus = {
  state: "UNKNOWN",
  message: "",
  sinceMs: 0,
  engineOk: true,
  engineMessage: "",
  sessionManagerId: "",
  agentEpoch: 0,
  silence: null,
  engineSinceMs: 0,
  drainSinceMs: 0,
  drainOverdueMs: 0,
  sessionId: "",
};

function putIfChanged(tx: WriteTx, before: Node, after: Node): void {
  if (JSON.stringify(before) !== JSON.stringify(after)) tx.put("node", after);
}
