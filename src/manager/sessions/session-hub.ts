/**
 * The sessions this manager holds, leader or not. Sessions survive changes of leader; only this
 * manager's death makes its agents reconnect.
 */
import type { Cluster, NodeDescription } from "../../model/index.ts";
import { clusterProtocol, protocolOf, tooNew } from "../../model/protocol.ts";
import { isRemoved, removedError } from "../../model/removed-nodes.ts";
import { codec } from "../../proto/load.ts";
import type { Router, ServerStream } from "../../proto/router.ts";
import type { CallContext, StreamEnd } from "../../proto/rpc.ts";
import type { SessionUp } from "../../proto/gen/SessionUp.ts";
import type { ChangeSet, StoreApi } from "../../store/types.ts";
import { AppError } from "../../util/errors.ts";
import type { Env } from "../../util/env.ts";
import { newId } from "../../util/id.ts";
import type { Logger } from "../../util/log.ts";
import type { ReplicaApi } from "../replica/types.ts";
import type { ObservedClock } from "./observed-clock.ts";
import type { Relay } from "./relay.ts";
import { STATUS_TEXT_MAX } from "./reports.ts";
import { AgentSession, SESSION_MESSAGE_BYTES_MAX } from "./session.ts";
import { Strangers } from "./strangers.ts";

export const HEARTBEAT_MS = 1000;
/**
 * A close observed after this much silence is no proof that the node's kernel lives: keep-alive may
 * have given the connection up.
 */
export const CLOSE_IS_PROOF_MS = 2500;
/** Sessions admitted per second after a burst: a complete set each is the costly part. */
export const ADMISSIONS_PER_SECOND = 100;
export const ADMISSIONS_BURST = 200;

/** What a node says of itself, encoded: it is in every copy of the node's object. */
export const DESCRIPTION_BYTES_MAX = 16 * 1024;
const ADDRESS_MAX = 300;

const NO_HEARTBEAT = { engineOk: true, engineMessage: "", number: 0 };

type SessionStream = ServerStream<"Session.Session">;
type Held = { readonly session: AgentSession; heardAt: number };

const descriptionCodec = codec("NodeDescription");

export type SessionHubDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly clock: ObservedClock;
  readonly store: StoreApi;
  readonly replica: ReplicaApi;
  readonly relay: Relay;
};

export class SessionHub {
  /** Nodes with a certificate of this cluster that its state does not know: a backup may be older than they are. */
  readonly strangers = new Strangers();
  readonly #deps: SessionHubDeps;
  readonly #held = new Map<string, Held>();
  readonly #dirty = new Set<Held>();
  readonly #unsubscribe: (() => void)[] = [];
  #flushScheduled = false;
  #isStopped = false;
  #tokens = ADMISSIONS_BURST;
  #tokensAt: number;

  constructor(deps: SessionHubDeps) {
    this.#deps = deps;
    this.#tokensAt = deps.clock.now();
  }

  start(router: Router): void {
    router.stream("Session.Session", (stream, context) => this.#accept(stream, context), {
      messageBytesMax: SESSION_MESSAGE_BYTES_MAX,
    });
    this.#unsubscribe.push(
      this.#deps.store.onCommit((set) => this.#onCommit(set)),
      this.#deps.replica.onStatus(() => this.#sendManagers()),
      this.#deps.clock.onLook(() => this.#sendAwayIfCutOff()),
    );
    this.#deps.relay.onAcknowledged((nodeId, acks) => this.#held.get(nodeId)?.session.acknowledge(acks));
  }

  stop(): void {
    this.#isStopped = true;
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    for (const { session } of this.#held.values()) session.close();
    this.#held.clear();
  }

  /** Nodes whose session is here, for tests and metrics. */
  get nodeIds(): readonly string[] {
    return [...this.#held.keys()];
  }

  #accept(stream: SessionStream, { caller }: CallContext): void {
    let held: Held | null = null;
    stream.attach({
      onMessage: (message) => {
        try {
          if (this.#isStopped || caller.kind !== "node") throw stopping();
          if (held === null) held = this.#open(caller, stream, message);
          else this.#onMessage(held, message);
        } catch (error) {
          stream.cancel(AppError.from(error));
        }
      },
      onEnd: () => stream.end(),
      onDrain: () => {
        if (held === null) return;
        held.session.drained();
        this.#markDirty(held);
      },
      onClose: (end) => {
        if (held !== null) this.#onClose(held, end);
      },
    });
  }

  #open(
    caller: { readonly nodeId: string; readonly clusterId: string },
    stream: SessionStream,
    { hello }: SessionUp,
  ): Held {
    const { env, store, relay, clock } = this.#deps;
    if (hello === null || hello === undefined || hello.description === null) {
      throw new AppError("invalid", "A session begins with hello and a node description", { path: "hello" });
    }
    const cluster = this.#cluster();
    if (hello.clusterId !== cluster.id || caller.clusterId !== cluster.id) {
      throw new AppError("precondition", `This manager belongs to cluster ${cluster.id}`, {
        path: "hello.cluster_id",
        next: "the node's data directory is of another cluster: leave it and join again",
      });
    }
    checkDescription(hello.description, hello.address);
    const node = store.view().get("node", caller.nodeId);
    if (node === undefined) {
      if (isRemoved(cluster, caller.nodeId)) throw removedError(caller.nodeId);
      this.strangers.note({ nodeId: caller.nodeId, name: hello.description.hostname, address: hello.address });
      throw new AppError("denied", `Node ${caller.nodeId} is not a member of this cluster`, {
        next: "join again with a token",
      });
    }
    if (relay.isCutOff) throw cutOff();
    checkProtocol(hello.description, cluster);
    this.#admit();
    const { description, address, agentEpoch } = hello;
    const session = new AgentSession(caller.nodeId, newId(env), stream, { description, address, agentEpoch });
    const held: Held = { session, heardAt: clock.now() };
    this.#held.get(caller.nodeId)?.session.close();
    this.#held.set(caller.nodeId, held);
    session.welcome(HEARTBEAT_MS, cluster.incarnation);
    session.sendManagers(this.#managerAddresses());
    if (node.spec !== null) session.sendNodeSpec(node.spec);
    session.sendRole(node.role);
    this.#markDirty(held);
    return held;
  }

  #onMessage(held: Held, message: SessionUp): void {
    const { relay, clock } = this.#deps;
    const { session } = held;
    // Of a session that another one replaced, or that said goodbye, nothing counts any more.
    if (this.#held.get(session.nodeId) !== held) return;
    held.heardAt = clock.now();
    switch (message.message) {
      case "heartbeat": {
        const { engineOk: ok, engineMessage, number } = message.heartbeat ?? NO_HEARTBEAT;
        session.answerHeartbeat(number);
        if (session.updateEngine({ ok, message: engineMessage.slice(0, STATUS_TEXT_MAX) })) relay.described(session);
        break;
      }
      case "description":
        if (message.description) {
          checkDescription(message.description, "");
          session.updateDescription(message.description);
          if (session.isEngineKnown) relay.described(session);
        }
        break;
      case "statuses":
        relay.reports(session.nodeId, message.statuses?.reports ?? []);
        break;
      case "goodbye":
        this.#held.delete(session.nodeId);
        // The stream stays until the leader knows: its end is what the agent waits for.
        relay.saidGoodbye(session, () => session.close());
        return;
      default:
        throw new AppError("invalid", "Unexpected session message", { path: "message" });
    }
    if (session.isEngineKnown) relay.heard(session);
  }

  #onClose(held: Held, end: StreamEnd): void {
    const { relay, clock } = this.#deps;
    this.#dirty.delete(held);
    // A newer session of the same node, or a goodbye, already took its place.
    if (this.#held.get(held.session.nodeId) !== held) return;
    this.#held.delete(held.session.nodeId);
    if (this.#isStopped) return;
    const isByPeer = end.reset || end.error === null || end.error.code === "cancelled";
    relay.closed(held.session, { isProof: isByPeer && clock.now() - held.heardAt < CLOSE_IS_PROOF_MS });
  }

  /** Agents find a manager that reaches the leader before their silence there costs them their tasks. */
  #sendAwayIfCutOff(): void {
    if (this.#held.size === 0 || !this.#deps.relay.isCutOff) return;
    this.#deps.log.warn("no leader in reach: agents are sent to other managers", { sessions: this.#held.size });
    for (const { session } of this.#held.values()) session.refuse(cutOff());
    this.#held.clear();
  }

  #onCommit(set: ChangeSet): void {
    for (const change of set.changes) {
      // Resumed, or not: what waits is looked at anew.
      if (change.table === "cluster") for (const held of this.#held.values()) this.#markDirty(held);
      if (change.table === "task") {
        for (const nodeId of new Set([change.before?.nodeId ?? "", change.after?.nodeId ?? ""])) {
          const held = this.#held.get(nodeId);
          if (held === undefined) continue;
          held.session.markDirty(change.id);
          this.#markDirty(held);
        }
      } else if (change.table === "node") {
        const held = this.#held.get(change.id);
        if (change.after === undefined) this.#deps.relay.forget(change.id);
        if (held === undefined) continue;
        if (change.after === undefined) {
          this.#held.delete(change.id);
          this.#dirty.delete(held);
          held.session.dismiss(this.#deps.store.view(), this.#cluster().incarnation, removedError(change.id));
        } else {
          if (change.after.spec !== null) held.session.sendNodeSpec(change.after.spec);
          held.session.sendRole(change.after.role);
          held.session.noteSession(change.after.status?.sessionId ?? "");
          this.#markDirty(held);
        }
      }
    }
  }

  #markDirty(held: Held): void {
    this.#dirty.add(held);
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#deps.env.defer(() => this.#flush());
  }

  /** Once a turn, so that the entries applied in one turn make one set per node. */
  #flush(): void {
    this.#flushScheduled = false;
    if (this.#isStopped) return;
    const tx = this.#deps.store.view();
    const { incarnation, awaitsResume } = this.#cluster();
    // A state that nobody has approved yet is no reason to start or stop anything: agents go on as they are.
    if (awaitsResume !== null) return;
    for (const held of this.#dirty) held.session.flush(tx, incarnation);
    this.#dirty.clear();
  }

  #sendManagers(): void {
    const addresses = this.#managerAddresses();
    for (const { session } of this.#held.values()) session.sendManagers(addresses);
  }

  #managerAddresses(): string[] {
    return this.#deps.replica.members().map((member) => member.address);
  }

  #cluster(): Cluster {
    for (const cluster of this.#deps.store.view().all("cluster")) return cluster;
    throw new AppError("unavailable", "This manager has not caught up with the cluster yet");
  }

  #admit(): void {
    const now = this.#deps.clock.now();
    this.#tokens = Math.min(ADMISSIONS_BURST, this.#tokens + ((now - this.#tokensAt) / 1000) * ADMISSIONS_PER_SECOND);
    this.#tokensAt = now;
    if (this.#tokens < 1)
      throw new AppError("exhausted", "Too many nodes connect at once", { next: "try again in a second" });
    this.#tokens -= 1;
  }
}

function checkDescription(description: NodeDescription, address: string): void {
  const bytes = descriptionCodec.encode(description).length;
  if (bytes > DESCRIPTION_BYTES_MAX) {
    throw new AppError("invalid", `The node's description has ${bytes} bytes, at most ${DESCRIPTION_BYTES_MAX} fit`, {
      path: "description",
      next: "give the engine fewer labels",
    });
  }
  if (address.length > ADDRESS_MAX) throw new AppError("invalid", "The address is too long", { path: "hello.address" });
}

/** It would drop what it does not know of a task, silently. */
function checkProtocol({ protocolMax }: NodeDescription, cluster: Cluster): void {
  const [needs, max] = [clusterProtocol([cluster]), protocolOf(protocolMax)];
  if (max < needs) throw tooNew("The cluster", { needs, max });
}

function cutOff(): AppError {
  return new AppError("unavailable", "This manager has lost touch with the leader", { next: "ask another manager" });
}

function stopping(): AppError {
  return new AppError("unavailable", "This manager is stopping", { next: "ask another manager" });
}
