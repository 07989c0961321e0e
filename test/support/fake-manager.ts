/** A manager's end of sessions, without a cluster behind it: records what agents say, sends what a test wants. */
import type { AssignmentSet, NodeDescription, TaskReport } from "../../src/model/index.ts";
import type { SessionUp } from "../../src/proto/gen/SessionUp.ts";
import { codec } from "../../src/proto/load.ts";
import { Router, type ServerStream } from "../../src/proto/router.ts";
import type { AppError } from "../../src/util/errors.ts";
import { silentLogger } from "../../src/util/log.ts";
import type { MemoryNetwork, MemoryNode } from "./memory-rpc.ts";
import type { Sim, SimEnv } from "./sim-env.ts";

const CHUNK_BYTES = 48 * 1024;

export class FakeManager {
  readonly address: string;
  readonly env: SimEnv;
  readonly node: MemoryNode;
  readonly hellos: NonNullable<SessionUp["hello"]>[] = [];
  readonly reports: TaskReport[] = [];
  readonly heartbeats: NonNullable<SessionUp["heartbeat"]>[] = [];
  readonly descriptions: NodeDescription[] = [];
  readonly goodbyes: string[] = [];
  readonly closes: boolean[] = [];
  heartbeatMs = 1000;
  /** Answer heartbeats; a half-open connection does not. */
  answers = true;
  acknowledges = true;
  /** As one whose leader was told; one that does not reach it waits. */
  endsAtGoodbye = true;
  /** Refuse every hello. */
  refuses: AppError | null = null;
  /** Sent after each welcome. */
  first: AssignmentSet | null = null;
  managers: string[] = [];
  /** Bytes of the largest message that arrived. */
  largest = 0;
  stream: ServerStream<"Session.Session"> | null = null;

  constructor(sim: Sim, network: MemoryNetwork, name: string) {
    this.address = `${name}:7377`;
    this.env = sim.env(name);
    const identity = { kind: "node", nodeId: name, role: "manager", clusterId: "cluster1" } as const;
    this.node = network.node(name, { env: this.env, identity });
    const router = new Router(silentLogger);
    router.stream("Session.Session", (stream) => this.#accept(stream));
    this.node.listen(this.address, router);
  }

  get sessionId(): string {
    return `${this.address}/${this.hellos.length}`;
  }

  kill(silent = false): void {
    this.env.kill();
    this.node.kill({ silent });
  }

  /** Its state knows of the present session, unless the set names another one. */
  send(set: AssignmentSet, stream = this.stream): void {
    const { sessionId = this.sessionId } = set.sessionId === "" ? {} : set;
    const bytes = codec("AssignmentSet").encode({ ...set, sessionId });
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      const data = bytes.subarray(at, at + CHUNK_BYTES);
      stream?.write({ assignments: { data, last: at + CHUNK_BYTES >= bytes.length } });
    }
  }

  /** The last report of each task. */
  latest(taskId: string): TaskReport["status"] | undefined {
    return this.reports.findLast((report) => report.taskId === taskId)?.status;
  }

  #accept(stream: ServerStream<"Session.Session">): void {
    this.stream = stream;
    stream.attach({
      onMessage: (message) => {
        this.largest = Math.max(this.largest, codec("SessionUp").encode(message).length);
        this.#onMessage(stream, message);
      },
      onEnd: () => stream.end(),
      onClose: (end) => this.closes.push(end.reset),
    });
  }

  #onMessage(stream: ServerStream<"Session.Session">, message: SessionUp): void {
    if (message.hello) this.#welcome(stream, message.hello);
    if (message.description) this.descriptions.push(message.description);
    if (message.heartbeat) {
      this.heartbeats.push(message.heartbeat);
      if (this.answers) stream.write({ heartbeat: { number: message.heartbeat.number } });
    }
    if (message.statuses) this.#onReports(stream, message.statuses.reports);
    if (message.goodbye) {
      this.goodbyes.push(message.goodbye.reason);
      if (this.endsAtGoodbye) stream.end();
    }
  }

  #welcome(stream: ServerStream<"Session.Session">, hello: NonNullable<SessionUp["hello"]>): void {
    this.hellos.push(hello);
    if (this.refuses !== null) {
      stream.cancel(this.refuses);
      return;
    }
    stream.write({
      welcome: { sessionId: this.sessionId, heartbeatMs: this.heartbeatMs, clusterIncarnation: "incarnation-1" },
    });
    if (this.managers.length > 0) stream.write({ managers: { addresses: this.managers } });
    if (this.first !== null) this.send(this.first, stream);
  }

  #onReports(stream: ServerStream<"Session.Session">, reports: readonly TaskReport[]): void {
    this.reports.push(...reports);
    if (!this.acknowledges) return;
    const acks = reports.map(({ taskId, status }) => ({
      taskId,
      agentEpoch: status?.agentEpoch ?? 0,
      sequence: status?.sequence ?? 0,
    }));
    stream.write({ ack: { acks } });
  }
}
