/** Control behind a Router, over a store whose log commits every proposal in the next microtask. */
import { ControlService } from "../../../src/manager/control/control.ts";
import type { LeaderInfo, ReplicaApi } from "../../../src/manager/replica/types.ts";
import { protoStoreCodec } from "../../../src/manager/store-codec.ts";
import { rpc, type KeysOf, type RequestInput, type Response } from "../../../src/proto/load.ts";
import type { HeldTask } from "../../../src/model/index.ts";
import type { Stranger } from "../../../src/model/awaits-resume.ts";
import { tasksScaledAway } from "../../../src/manager/orchestrator/plan.ts";
import { forecastMoves } from "../../../src/manager/scheduler/rebalance-forecast.ts";
import { planResume } from "../../../src/manager/orchestrator/resume-plan.ts";
import type { ByteStream, CallContext, Caller, Channel, StreamEnd, StreamHandlers } from "../../../src/proto/rpc.ts";
import { EventHistory } from "../../../src/manager/events/history.ts";
import { memoryKvFactory } from "../memory-kv.ts";
import { Router } from "../../../src/proto/router.ts";
import type { Config, Member, Status } from "../../../src/raft/types.ts";
import { Store, type StoreOptions } from "../../../src/store/store.ts";
import type { Update, WriteTx } from "../../../src/store/types.ts";
import { AppError } from "../../../src/util/errors.ts";
import { silentLogger } from "../../../src/util/log.ts";
import { FakeLog, ManualEnv } from "../store/fake-log.ts";

export const ADMIN: Caller = { kind: "admin", name: "ada", clusterId: "c1" };

export class FakeReplica implements ReplicaApi {
  isLeading = true;
  term = 1;
  leaderInfo: LeaderInfo | null = { id: "m1", address: "10.0.0.1:7377", term: 1 };
  config: Config = { members: [member("m1"), member("m2"), member("m3")] };
  active: readonly string[] = ["m2", "m3"];
  barrierFailure: AppError | null = null;
  readonly barriers: number[] = [];
  readonly removed: string[] = [];
  readonly #listeners = new Set<(status: Status) => void>();

  status(): Status {
    const peers = this.config.members.filter(({ id }) => id !== "m1");
    return {
      id: "m1",
      role: this.isLeading ? "leader" : "follower",
      term: this.term,
      leader: this.leaderInfo?.id ?? null,
      commit: 7,
      applied: 7,
      lastIndex: 7,
      config: this.config,
      ready: this.isLeading,
      transferTarget: null,
      peers: this.isLeading
        ? peers.map(({ id }) => ({ id, match: 7, active: this.active.includes(id), inflight: 0 }))
        : [],
    };
  }

  leader(): LeaderInfo | null {
    return this.leaderInfo;
  }

  isReadyLeader(): boolean {
    return this.isLeading;
  }

  readBarrier({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    this.barriers.push(deadlineMs);
    return this.barrierFailure === null ? Promise.resolve() : Promise.reject(this.barrierFailure);
  }

  addMember(): Promise<Config> {
    return Promise.reject(new Error("not used"));
  }

  removeMember(id: string): Promise<Config> {
    this.removed.push(id);
    this.config = { members: this.config.members.filter((known) => known.id !== id) };
    return Promise.resolve(this.config);
  }

  members(): readonly Member[] {
    return this.config.members;
  }

  isConnected(id: string): boolean {
    return this.active.includes(id);
  }

  transfers = 0;

  transferLeadership(): Promise<void> {
    this.transfers += 1;
    return Promise.resolve();
  }

  onStatus(listener: (status: Status) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  loseLeader(): void {
    this.leaderInfo = null;
    this.isLeading = false;
    this.statusChanged();
  }

  statusChanged(): void {
    for (const listener of this.#listeners) listener(this.status());
  }
}

function member(id: string): Member {
  return { id, address: `${id}:7377`, role: "voter" };
}

/** Commits what is proposed in the next microtask, unless held. */
class QuickLog extends FakeLog {
  isHeld = false;
  store: Store | undefined;

  override propose(payload: Uint8Array): { readonly index: number; readonly term: number } {
    const at = super.propose(payload);
    if (!this.isHeld) queueMicrotask(() => this.release());
    return at;
  }

  release(): void {
    while (this.inFlight.length > 0) this.store?.apply(this.take());
  }
}

/** A server stream's caller: reads what was written, and may stop reading. */
export class FakeStream implements ByteStream {
  readonly written: Uint8Array[] = [];
  /** Messages taken before `write` says to stop. */
  room = Number.POSITIVE_INFINITY;
  end_: StreamEnd | null = null;
  #handlers: StreamHandlers | undefined;

  attach(handlers: StreamHandlers): void {
    this.#handlers = handlers;
  }

  write(data: Uint8Array): boolean {
    if (this.end_ !== null) return true;
    this.written.push(data);
    this.room -= 1;
    return this.room > 0;
  }

  end(): void {
    this.#close(null);
  }

  cancel(error?: AppError): void {
    this.#close(error ?? null);
  }

  pause(): void {}

  resume(): void {}

  request(bytes: Uint8Array): void {
    this.#handlers?.onMessage(bytes);
  }

  drain(room: number): void {
    this.room = room;
    this.#handlers?.onDrain?.();
  }

  hangUp(): void {
    this.#close(null);
  }

  /** The connection under it ends. */
  breaks(end: StreamEnd): void {
    if (this.end_ !== null) return;
    this.end_ = end;
    this.#handlers?.onClose(end);
  }

  #close(error: AppError | null): void {
    if (this.end_ !== null) return;
    this.end_ = { error, reset: false };
    this.#handlers?.onClose(this.end_);
  }
}

export class ControlRig {
  readonly env = new ManualEnv();
  readonly log = new QuickLog();
  readonly replica = new FakeReplica();
  readonly store: Store;
  readonly router = new Router(silentLogger);
  readonly control: ControlService;
  /** By address: the tasks that a node says it holds. Others do not answer. */
  readonly nodes = new Map<string, readonly HeldTask[]>();
  readonly asked: string[] = [];
  strangers: readonly Stranger[] = [];
  /** Of events: to be opened by the tests that read them. */
  readonly history: EventHistory;

  constructor(options: StoreOptions = {}) {
    const { env, replica, router } = this;
    this.store = new Store({ env, codec: protoStoreCodec }, { freezeRows: true, ...options });
    this.store.setProposer(this.log);
    this.log.store = this.store;
    this.store.leadershipGained(this.log.term);
    this.history = new EventHistory({
      env,
      log: silentLogger,
      store: this.store,
      kvFactory: memoryKvFactory(env),
      dialer: { dial: (address) => this.#nodeAt(address) },
      peers: () => [],
      onFatal: (error) => {
        throw error;
      },
    });
    this.control = new ControlService({
      store: this.store,
      replica,
      env,
      log: silentLogger,
      explain: (_tx, id) => ({ kind: "service", id, summary: "because" }),
      forecastMoves,
      joinTokens: () => ({ worker: "worker-token", manager: "manager-token" }),
      dialer: { dial: (address) => this.#nodeAt(address) },
      strangers: () => this.strangers,
      planResume,
      scaledAway: tasksScaledAway,
      events: this.history.ring,
    });
    this.control.register(router);
  }

  #nodeAt(address: string): Channel {
    return {
      unary: (path) => {
        this.asked.push(address);
        const tasks = this.nodes.get(address);
        if (path !== rpc("NodeService.Tasks").path || tasks === undefined) {
          return Promise.reject(new AppError("unavailable", `Cannot reach ${address}`));
        }
        return Promise.resolve(rpc("NodeService.Tasks").encodeResponse({ tasks: [...tasks] }));
      },
      stream: () => {
        throw new Error("not used");
      },
      close: () => undefined,
    };
  }

  async call<K extends KeysOf<"unary">>(
    key: K,
    request: RequestInput<K>,
    context: Partial<CallContext> = {},
  ): Promise<Response<K>> {
    const definition = rpc(key);
    const answer = await this.router.dispatchUnary(definition.path, definition.encodeRequest(request), {
      caller: ADMIN,
      signal: new AbortController().signal,
      deadlineMs: undefined,
      forwarded: false,
      ...context,
    });
    return definition.decodeResponse(answer) as Response<K>;
  }

  async write<T>(change: (tx: WriteTx) => T): Promise<Update<T>> {
    return await this.store.update(change);
  }

  /** The error of a call that must fail. */
  async failure<K extends KeysOf<"unary">>(
    key: K,
    request: RequestInput<K>,
    context: Partial<CallContext> = {},
  ): Promise<AppError> {
    try {
      await this.call(key, request, context);
    } catch (error) {
      if (error instanceof AppError) return error;
      throw error;
    }
    throw new Error(`${key} did not fail`);
  }

  watch(request: RequestInput<"Watch.Watch">): WatchRig {
    return new WatchRig(this, request);
  }
}

export class WatchRig {
  readonly stream = new FakeStream();
  readonly #rig: ControlRig;
  #read = 0;

  constructor(rig: ControlRig, request: RequestInput<"Watch.Watch">, room = Number.POSITIVE_INFINITY) {
    this.#rig = rig;
    this.stream.room = room;
    const definition = rpc("Watch.Watch");
    rig.router.dispatchStream(definition.path, this.stream, {
      caller: ADMIN,
      signal: new AbortController().signal,
      deadlineMs: undefined,
      forwarded: false,
    });
    this.stream.request(definition.encodeRequest(request));
  }

  /** What arrived since the last time. */
  take(): Response<"Watch.Watch">[] {
    this.#rig.env.turn();
    const fresh = this.stream.written.slice(this.#read);
    this.#read = this.stream.written.length;
    return fresh.map((bytes) => rpc("Watch.Watch").decodeResponse(bytes) as Response<"Watch.Watch">);
  }

  /** One line a change: `7 CREATED service s1`. */
  lines(): string[] {
    return this.take().flatMap((message) => {
      if (message.established) return [`${message.version} established`];
      if (message.compacted) return [`${message.version} compacted`];
      if (message.changes.length === 0) return [`${message.version} -`];
      return message.changes.map(({ action, object }) => {
        const kind = object?.object ?? "service";
        return `${message.version} ${action} ${kind} ${object?.[kind]?.id ?? ""}`;
      });
    });
  }
}
