/**
 * The sessions this manager holds, leader or not. Sessions survive changes of leader; only this
 * manager's death makes its agents reconnect.
 */
import type { ServerStream } from "../../proto/router.ts";
import type { Router } from "../../proto/router.ts";
import type { CallContext, StreamEnd } from "../../proto/rpc.ts";
import type { SessionUp } from "../../proto/gen/SessionUp.ts";
import type { ChangeSet, StoreApi } from "../../store/types.ts";
import { AppError } from "../../util/errors.ts";
import type { Env } from "../../util/env.ts";
import { newId } from "../../util/id.ts";
import type { Logger } from "../../util/log.ts";
import type { ReplicaApi } from "../replica/types.ts";
import type { Relay } from "./relay.ts";
import { AgentSession } from "./session.ts";

export const HEARTBEAT_MS = 1000;
/**
 * A close observed after this much silence is no proof that the node's kernel lives: keep-alive may
 * have given the connection up.
 */
export const CLOSE_IS_PROOF_MS = 2500;
/** Sessions admitted per second after a burst: a complete set each is the costly part. */
export const ADMISSIONS_PER_SECOND = 100;
export const ADMISSIONS_BURST = 200;

type Held = { readonly session: AgentSession; readonly stream: ServerStream<"Session.Session">; heardAt: number };

export type SessionHubDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly store: StoreApi;
  readonly replica: ReplicaApi;
  readonly relay: Relay;
};

export class SessionHub {
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
    this.#tokensAt = deps.env.now();
  }

  start(router: Router): void {
    router.stream("Session.Session", (stream, context) => this.#accept(stream, context));
    this.#unsubscribe.push(
      this.#deps.store.onCommit((set) => this.#onCommit(set)),
      this.#deps.replica.onStatus(() => this.#sendManagers()),
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

  #accept(stream: ServerStream<"Session.Session">, context: CallContext): void {
    const { caller } = context;
    let held: Held | null = null;
    stream.attach({
      onMessage: (message) => {
        if (this.#isStopped || caller.kind !== "node") {
          stream.cancel(new AppError("unavailable", "This manager is stopping"));
          return;
        }
        try {
          if (held === null) held = this.#open(caller.nodeId, caller.clusterId, stream, message);
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

  #open(nodeId: string, clusterId: string, stream: ServerStream<"Session.Session">, message: SessionUp): Held {
    const { env, store, relay } = this.#deps;
    const { hello } = message;
    if (hello === null || hello === undefined || hello.description === null) {
      throw new AppError("invalid", "A session begins with hello and a node description", { path: "hello" });
    }
    const cluster = this.#cluster();
    if (hello.clusterId !== cluster.id || clusterId !== cluster.id) {
      throw new AppError("precondition", `This manager belongs to cluster ${cluster.id}`, {
        path: "hello.cluster_id",
        next: "the node's data directory is of another cluster: leave it and join again",
      });
    }
    if (store.view().get("node", nodeId) === undefined) {
      throw new AppError("denied", `Node ${nodeId} is not a member of this cluster`, {
        next: "join again with a token",
      });
    }
    this.#admit();
    const session = new AgentSession(nodeId, newId(env), stream, {
      description: hello.description,
      address: hello.address,
      agentEpoch: hello.agentEpoch,
    });
    const held: Held = { session, stream, heardAt: env.now() };
    this.#held.get(nodeId)?.session.close();
    this.#held.set(nodeId, held);
    session.welcome(HEARTBEAT_MS, cluster.incarnation);
    session.sendManagers(this.#managerAddresses());
    this.#markDirty(held);
    relay.opened(session);
    return held;
  }

  #onMessage(held: Held, message: SessionUp): void {
    const { relay, env } = this.#deps;
    if (this.#held.get(held.session.nodeId) !== held) return;
    held.heardAt = env.now();
    switch (message.message) {
      case "heartbeat":
        held.session.answerHeartbeat();
        if (
          message.heartbeat &&
          held.session.updateEngine({ ok: message.heartbeat.engineOk, message: message.heartbeat.engineMessage })
        ) {
          relay.described(held.session);
        }
        break;
      case "description":
        if (message.description) held.session.updateDescription(message.description);
        relay.described(held.session);
        break;
      case "statuses":
        relay.reports(held.session.nodeId, message.statuses?.reports ?? []);
        break;
      case "goodbye":
        this.#held.delete(held.session.nodeId);
        relay.closed(held.session, "GOODBYE");
        held.session.close();
        return;
      default:
        throw new AppError("invalid", "Unexpected session message", { path: "message" });
    }
    relay.heard(held.session);
  }

  #onClose(held: Held, _end: StreamEnd): void {
    const { relay, env } = this.#deps;
    this.#dirty.delete(held);
    // A newer session of the same node, or a goodbye, already took its place.
    if (this.#held.get(held.session.nodeId) !== held) return;
    this.#held.delete(held.session.nodeId);
    if (this.#isStopped) return;
    const isProof = env.now() - held.heardAt < CLOSE_IS_PROOF_MS;
    relay.closed(held.session, isProof ? "CLOSED" : "OPEN");
  }

  #onCommit(set: ChangeSet): void {
    for (const change of set.changes) {
      if (change.table === "task") {
        for (const nodeId of new Set([change.before?.nodeId ?? "", change.after?.nodeId ?? ""])) {
          const held = this.#held.get(nodeId);
          if (held === undefined) continue;
          held.session.markDirty(change.id);
          this.#markDirty(held);
        }
      } else if (change.table === "node") {
        const held = this.#held.get(change.id);
        if (held === undefined) continue;
        if (change.after === undefined) {
          held.stream.cancel(
            new AppError("denied", `Node ${change.id} was removed from the cluster`, {
              next: "join again with a token",
            }),
          );
        } else if (change.after.spec !== null) held.session.sendNodeSpec(change.after.spec);
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
    const { incarnation } = this.#cluster();
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

  #cluster(): { readonly id: string; readonly incarnation: string } {
    for (const cluster of this.#deps.store.view().all("cluster")) return cluster;
    throw new AppError("unavailable", "This manager has not caught up with the cluster yet");
  }

  #admit(): void {
    const now = this.#deps.env.now();
    this.#tokens = Math.min(ADMISSIONS_BURST, this.#tokens + ((now - this.#tokensAt) / 1000) * ADMISSIONS_PER_SECOND);
    this.#tokensAt = now;
    if (this.#tokens < 1)
      throw new AppError("exhausted", "Too many nodes connect at once", { next: "try again in a second" });
    this.#tokens -= 1;
  }
}
