/**
 * One agent's session on this manager: assignments down, statuses and heartbeats up. It holds no
 * truth: everything it knows is relayed, everything it sends is committed state.
 */
import type { AssignmentSet, Node, NodeDescription, NodeSpec } from "../../model/index.ts";
import { codec } from "../../proto/load.ts";
import type { ServerStream } from "../../proto/router.ts";
import type { AppError } from "../../util/errors.ts";
import type { ReadTx } from "../../store/types.ts";
import { AssignmentTracker } from "./assignments.ts";

/** One message of a session, either way. */
export const SESSION_MESSAGE_BYTES_MAX = 64 * 1024;
/** Leaves room for the message's envelope. */
export const CHUNK_BYTES_MAX = 48 * 1024;

export type SessionHello = {
  readonly description: NodeDescription;
  readonly address: string;
  readonly agentEpoch: number;
};

export type EngineHealth = { readonly ok: boolean; readonly message: string };

/** Acknowledgements in one message: each is below 100 bytes. */
const ACKS_PER_MESSAGE_MAX = 500;

const assignmentSetCodec = codec("AssignmentSet");

export class AgentSession {
  readonly nodeId: string;
  readonly sessionId: string;
  readonly #stream: ServerStream<"Session.Session">;
  readonly #tracker: AssignmentTracker;
  #hello: SessionHello;
  #engine: EngineHealth = { ok: true, message: "" };
  #isEngineKnown = false;
  #chunks: { data: Uint8Array; last: boolean }[] = [];
  #isBlocked = false;
  #nodeSpecKey = "";
  #role: Node["role"] | null = null;
  #managersKey = "";
  #isClosed = false;

  constructor(nodeId: string, sessionId: string, stream: ServerStream<"Session.Session">, hello: SessionHello) {
    this.nodeId = nodeId;
    this.sessionId = sessionId;
    this.#stream = stream;
    this.#hello = hello;
    this.#tracker = new AssignmentTracker(nodeId);
  }

  get hello(): SessionHello {
    return this.#hello;
  }

  get engine(): EngineHealth {
    return this.#engine;
  }

  /** The agent beats right after the welcome: before that it is not known whether it can run anything. */
  get isEngineKnown(): boolean {
    return this.#isEngineKnown;
  }

  /** @returns true when the engine's health differs from what was known. */
  updateEngine({ ok, message }: EngineHealth): boolean {
    const isNews = !this.#isEngineKnown || ok !== this.#engine.ok || message !== this.#engine.message;
    this.#isEngineKnown = true;
    if (isNews) this.#engine = { ok, message };
    return isNews;
  }

  updateDescription(description: NodeDescription): void {
    this.#hello = { ...this.#hello, description };
  }

  welcome(heartbeatMs: number, clusterIncarnation: string): void {
    this.#stream.write({ welcome: { sessionId: this.sessionId, heartbeatMs, clusterIncarnation } });
  }

  answerHeartbeat(number: number): void {
    // A blocked stream already proves to the agent that it reads too slowly; more would only queue.
    if (!this.#isBlocked) this.#stream.write({ heartbeat: { number } });
  }

  acknowledge(acks: readonly { taskId: string; agentEpoch: number; sequence: number }[]): void {
    for (let at = 0; at < acks.length; at += ACKS_PER_MESSAGE_MAX) {
      this.#stream.write({ ack: { acks: acks.slice(at, at + ACKS_PER_MESSAGE_MAX) } });
    }
  }

  sendManagers(addresses: readonly string[]): void {
    const key = addresses.join(",");
    if (key === this.#managersKey) return;
    this.#managersKey = key;
    this.#stream.write({ managers: { addresses: [...addresses] } });
  }

  sendNodeSpec(spec: NodeSpec): void {
    const key = JSON.stringify(spec);
    if (key === this.#nodeSpecKey) return;
    this.#nodeSpecKey = key;
    this.#stream.write({ node: spec });
  }

  sendRole(role: Node["role"]): void {
    if (role === this.#role) return;
    this.#role = role;
    this.#stream.write({ role: { role } });
  }

  markDirty(taskId: string): void {
    this.#tracker.markDirty(taskId);
  }

  noteSession(sessionId: string): void {
    this.#tracker.noteSession(sessionId);
  }

  /** Sends what is due; while the agent reads slowly, changes coalesce in the tracker instead of queueing. */
  flush(tx: ReadTx, incarnation: string): void {
    while (!this.#isBlocked && !this.#isClosed) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#isBlocked = !this.#stream.write({ assignments: { data: Buffer.from(chunk.data), last: chunk.last } });
        continue;
      }
      if (!this.#tracker.hasWork) return;
      const set = this.#tracker.next(tx, incarnation);
      if (set === null) continue;
      this.#chunks = chunksOf(set);
    }
  }

  drained(): void {
    this.#isBlocked = false;
  }

  close(): void {
    this.#isClosed = true;
    this.#stream.end();
  }

  /**
   * Tells a node that was removed that nothing is its own any more: its tasks are replaced elsewhere
   * and would run twice, unseen. An agent that has not read the last set is only told why it ends.
   */
  dismiss({ version }: ReadTx, clusterIncarnation: string, error: AppError): void {
    if (!this.#isClosed && !this.#isBlocked && this.#chunks.length === 0) {
      const set = { ...NOTHING_ASSIGNED, clusterIncarnation, version };
      for (const { data, last } of chunksOf(set)) {
        this.#stream.write({ assignments: { data: Buffer.from(data), last } });
      }
    }
    this.refuse(error);
  }

  /** Ends it with a reason, for an agent that is to go elsewhere or to stop. */
  refuse(error: AppError): void {
    this.#isClosed = true;
    this.#stream.cancel(error);
  }
}

/** A complete set stands alone, so it follows whatever was sent before. */
const NOTHING_ASSIGNED = { complete: true, appliesTo: 0, resultsIn: 1, assigned: [], removed: [], sessionId: "" };

function chunksOf(set: AssignmentSet): { data: Uint8Array; last: boolean }[] {
  const bytes = assignmentSetCodec.encode(set);
  const chunks = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES_MAX) {
    const end = at + CHUNK_BYTES_MAX;
    chunks.push({ data: bytes.subarray(at, end), last: end >= bytes.length });
  }
  return chunks;
}
