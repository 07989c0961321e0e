/** A manager's sessions with a leader behind them that records and answers as the test says. */
import type { RelayRequest } from "../../../src/proto/gen/RelayRequest.ts";
import type { SessionDown } from "../../../src/proto/gen/SessionDown.ts";
import type { SessionUpInput } from "../../../src/proto/gen/SessionUp.ts";
import { codec, rpc } from "../../../src/proto/load.ts";
import type { Caller, StreamEnd } from "../../../src/proto/rpc.ts";
import { Router } from "../../../src/proto/router.ts";
import type { AssignmentSet } from "../../../src/model/index.ts";
import { ObservedClock } from "../../../src/manager/sessions/observed-clock.ts";
import { Relay } from "../../../src/manager/sessions/relay.ts";
import { SessionHub } from "../../../src/manager/sessions/session-hub.ts";
import type { Store } from "../../../src/store/store.ts";
import type { AppError } from "../../../src/util/errors.ts";
import { silentLogger } from "../../../src/util/log.ts";
import { FakeReplica, FakeStream } from "../control/control-rig.ts";
import { leadingStore } from "../leading-store.ts";
import { node } from "../loops/objects.ts";
import { aCluster } from "../store/objects.ts";
import { Sim, type SimEnv } from "../sim-env.ts";

export const CLUSTER = "cluster1";
const DOWN = rpc("Session.Session");

export class SessionRig {
  readonly sim = new Sim(1);
  readonly env: SimEnv = this.sim.env("m9");
  readonly clock = new ObservedClock(this.env);
  readonly store: Store = leadingStore(this.env, { protocolMax: 2 });
  readonly replica = new FakeReplica();
  readonly router = new Router(silentLogger);
  readonly relay: Relay;
  readonly hub: SessionHub;
  /** What reached the leader, oldest first; `deliver` decides how each ends. */
  readonly relayed: RelayRequest[] = [];
  deliver: (request: RelayRequest, signal: AbortSignal) => Promise<void> = () => Promise.resolve();

  constructor() {
    const { env, clock, store, replica } = this;
    this.relay = new Relay({
      env,
      clock,
      replica,
      log: silentLogger,
      managerId: "m9",
      deliver: (_leader, request, signal) => {
        this.relayed.push(request);
        return this.deliver(request, signal);
      },
    });
    this.hub = new SessionHub({ env, clock, store, replica, log: silentLogger, relay: this.relay });
  }

  async start(nodeIds: readonly string[] = ["n1", "n2"]): Promise<this> {
    await this.store.update((tx) => {
      tx.put("cluster", aCluster({ id: CLUSTER, incarnation: "inc-1" }));
      for (const id of nodeIds) tx.put("node", node(id));
    });
    this.clock.start();
    this.relay.start();
    this.hub.start(this.router);
    return this;
  }

  /** A stream of this node, silent so far. */
  dial(nodeId: string, clusterId = CLUSTER): TestAgent {
    return new TestAgent(this, { kind: "node", nodeId, role: "worker", clusterId });
  }

  /** A session as an agent opens it, with its first heartbeat. */
  async open(nodeId: string, agentEpoch = 1): Promise<TestAgent> {
    const agent = this.dial(nodeId);
    agent.hello({ agentEpoch });
    agent.beat();
    await this.sim.run(1);
    return agent;
  }

  /** Everything told of a node, as `OPEN 0`. */
  told(nodeId: string): string[] {
    return this.relayed.flatMap(({ seen }) =>
      seen.filter((one) => one.nodeId === nodeId).map(({ link, silentMs }) => `${link} ${silentMs}`),
    );
  }

  leaderIs(id: string | null, term = 2): void {
    this.replica.leaderInfo = id === null ? null : { id, address: `${id}:7377`, term };
    this.replica.isLeading = false;
    this.replica.statusChanged();
  }
}

/** The other end of one session, spoken by hand. */
export class TestAgent {
  readonly stream = new FakeStream();
  readonly #rig: SessionRig;
  readonly #caller: Caller;
  #read = 0;

  constructor(rig: SessionRig, caller: Caller) {
    this.#rig = rig;
    this.#caller = caller;
    rig.router.dispatchStream(DOWN.path, this.stream, {
      caller,
      signal: new AbortController().signal,
      deadlineMs: undefined,
      forwarded: false,
    });
  }

  send(message: SessionUpInput): void {
    this.stream.request(codec("SessionUp").encode(message));
  }

  hello(part: NonNullable<SessionUpInput["hello"]> = {}): void {
    const nodeId = this.#caller.kind === "node" ? this.#caller.nodeId : "";
    const { description } = node(nodeId);
    this.send({ hello: { description, address: "10.9.9.9:7377", agentEpoch: 1, clusterId: CLUSTER, ...part } });
  }

  beat(engineOk = true, engineMessage = ""): void {
    this.send({ heartbeat: { engineOk, engineMessage } });
  }

  /** Its messages since the last time, by kind. */
  take(): SessionDown[] {
    const fresh = this.stream.written.slice(this.#read);
    this.#read = this.stream.written.length;
    return fresh.map((bytes) => DOWN.decodeResponse(bytes) as SessionDown);
  }

  kinds(): string[] {
    return this.take().map(({ message }) => message ?? "");
  }

  /** The assignment sets since the last time, put together again. */
  sets(): AssignmentSet[] {
    const sets: AssignmentSet[] = [];
    let parts: Uint8Array[] = [];
    for (const { assignments } of this.take()) {
      if (!assignments) continue;
      parts.push(assignments.data);
      if (!assignments.last) continue;
      sets.push(codec("AssignmentSet").decode(Buffer.concat(parts)));
      parts = [];
    }
    if (parts.length > 0) throw new Error("an assignment set without its last chunk");
    return sets;
  }

  get end(): StreamEnd | null {
    return this.stream.end_;
  }

  get error(): AppError | null {
    return this.stream.end_?.error ?? null;
  }

  /** `reset`: by the node's kernel. Otherwise this side found it lost. */
  async breaks(reset: boolean, error: AppError | null): Promise<void> {
    this.stream.breaks({ reset, error });
    await this.#rig.sim.run(1);
  }
}
