/**
 * What an agent must know after its own restart: its assignments, the last status of each, who the
 * managers are. Memory is the truth while it runs: a disk that is full or broken stops neither
 * tasks nor heartbeats. What could not be written is kept and tried again on a reopened store.
 *
 * Keys: `meta` | `a/<task id>` (an AssignmentSet of one, with its incarnation) | `s/<task id>`
 * (TaskStatus). Every value begins with the CRC-32 of the rest.
 */
import { crc32 } from "node:zlib";
import type { Assignment, TaskStatus } from "../model/index.ts";
import { codec } from "../proto/load.ts";
import type { NodeIdentity } from "../pki/types.ts";
import { Backoff } from "../util/backoff.ts";
import { AppError } from "../util/errors.ts";
import { sleep, withDeadline, type Env } from "../util/env.ts";
import type { Kv, KvFactory, KvOp } from "../util/kv.ts";
import type { Logger } from "../util/log.ts";

export const TASK_DB_NAME = "agent";
/** A write that takes longer counts as failed: a hung disk must show on the node. */
export const WRITE_DEADLINE_MS = 30_000;
/** A stop, or closing a store that failed, waits no longer for the disk. */
export const CLOSE_DEADLINE_MS = 3000;
const RETRY = { firstMs: 1000, maxMs: 15_000 };
const PAGE = 256;
const META_KEY = "meta";

export type AgentMeta = {
  readonly clusterId: string;
  readonly nodeId: string;
  /** Rises with every start of the agent; statuses are ordered by it. */
  readonly epoch: number;
  /** The newest that a manager named. */
  readonly incarnation: string;
  /** Raft index of the newest state this agent acted on, within `incarnation`. */
  readonly version: number;
  readonly managers: readonly string[];
  /** The agent said goodbye and stopped its tasks, and no manager has told it since which are still its own. */
  readonly saidGoodbye: boolean;
  /** Of the machine (or container) in which the agent ran. */
  readonly bootId: string;
  /** The engine did not answer, and not every task was looked at since. */
  readonly engineIsAway: boolean;
};

export type TaskRecord = {
  readonly assignment: Assignment;
  readonly incarnation: string;
  readonly status: TaskStatus | null;
};

const assignmentCodec = codec("AssignmentSet");
const statusCodec = codec("TaskStatus");

export class TaskDb {
  readonly #env: Env;
  readonly #log: Logger;
  readonly #kvFactory: KvFactory;
  readonly #backoff: Backoff;
  readonly #aborter = new AbortController();
  #kv: Kv | null = null;
  #meta: AgentMeta | null = null;
  /** Not yet durable; null deletes. Bounded by the number of tasks held: the latest per key. */
  #pending = new Map<string, Uint8Array | null>();
  /** CRC-32 of each assignment as it was put. */
  readonly #assignmentSums = new Map<string, number>();
  #writing: Promise<void> | null = null;
  #isScheduled = false;
  #problem = "";
  #onProblem: () => void = () => undefined;

  constructor({ env, log, kvFactory }: { env: Env; log: Logger; kvFactory: KvFactory }) {
    this.#env = env;
    this.#log = log;
    this.#kvFactory = kvFactory;
    this.#backoff = new Backoff(env, RETRY);
  }

  get meta(): AgentMeta {
    if (this.#meta === null) throw new AppError("precondition", "The task database is not open");
    return this.#meta;
  }

  /** What people should know of the disk; empty while all is well. */
  get problem(): string {
    return this.#problem;
  }

  onProblem(listener: () => void): void {
    this.#onProblem = listener;
  }

  /**
   * Opens, counts this start, and gives what the last one held.
   * @throws precondition when the database is another node's.
   */
  async start(
    identity: NodeIdentity,
    bootId: string,
  ): Promise<{ records: Map<string, TaskRecord>; before: AgentMeta | null }> {
    this.#kv = await this.#kvFactory.open(TASK_DB_NAME);
    const before = parseMeta(await this.#read(META_KEY));
    if (before !== null && (before.clusterId !== identity.clusterId || before.nodeId !== identity.nodeId)) {
      await this.#kv.close();
      throw new AppError(
        "precondition",
        `The task database is of node ${before.nodeId} in cluster ${before.clusterId}`,
        {
          next: "use the data directory of this node, or leave and join again",
        },
      );
    }
    const records = await this.#load();
    // The wall clock covers a database that was lost: the managers still know the epochs before.
    const epoch = Math.max((before?.epoch ?? 0) + 1, Math.floor(this.#env.wallNow() / 1000));
    const carried = before ?? { incarnation: "", version: 0, managers: [], saidGoodbye: false, engineIsAway: false };
    const { clusterId, nodeId } = identity;
    this.#meta = { ...carried, clusterId, nodeId, epoch, bootId };
    this.#put(META_KEY, encodeMeta(this.#meta));
    await this.flush();
    return { records, before };
  }

  update(change: Partial<AgentMeta>): void {
    const next = { ...this.meta, ...change };
    if (JSON.stringify(next) === JSON.stringify(this.meta)) return;
    this.#meta = next;
    this.#put(META_KEY, encodeMeta(next));
  }

  /** Without what is the managers' own (status, version): a repeated assignment costs no write. */
  putAssignment({ task, spec }: Assignment, incarnation: string): void {
    if (task === null) return;
    const assigned = [{ task: { ...task, status: null, meta: null }, spec }];
    const payload = assignmentCodec.encode({ clusterIncarnation: incarnation, assigned });
    const sum = crc32(payload);
    if (this.#assignmentSums.get(task.id) === sum) return;
    this.#assignmentSums.set(task.id, sum);
    this.#put(`a/${task.id}`, payload);
  }

  putStatus(taskId: string, status: TaskStatus): void {
    this.#put(`s/${taskId}`, statusCodec.encode(status));
  }

  remove(taskId: string): void {
    this.#assignmentSums.delete(taskId);
    this.#put(`a/${taskId}`, null);
    this.#put(`s/${taskId}`, null);
  }

  /** Resolves when everything up to here is durable or has failed once. */
  async flush(): Promise<void> {
    if (this.#writing === null && this.#pending.size > 0) this.#write();
    while (this.#writing !== null && this.#problem === "") await this.#writing;
  }

  async stop(): Promise<void> {
    await this.#bounded("Writing the task database", () => this.flush());
    this.#aborter.abort();
    await this.#writing;
    await this.#close();
  }

  /** Everything of one turn goes into one synced batch. */
  #put(key: string, payload: Uint8Array | null): void {
    this.#pending.set(key, payload === null ? null : seal(payload));
    if (this.#isScheduled || this.#writing !== null) return;
    this.#isScheduled = true;
    this.#env.defer(() => {
      this.#isScheduled = false;
      if (this.#writing === null) this.#write();
    });
  }

  #write(): void {
    if (this.#aborter.signal.aborted) return;
    this.#writing = this.#writeAll().finally(() => {
      this.#writing = null;
    });
  }

  /** Until nothing is pending. Never rejects: a failure is shown, and everything stays pending. */
  async #writeAll(): Promise<void> {
    const { signal } = this.#aborter;
    while (this.#pending.size > 0 && !signal.aborted) {
      const taken = this.#pending;
      this.#pending = new Map();
      try {
        const kv = (this.#kv ??= await this.#kvFactory.open(TASK_DB_NAME));
        const deadline = { ms: WRITE_DEADLINE_MS, what: "Writing the task database", parent: signal };
        await withDeadline(this.#env, deadline, () => kv.batch([...taken].map(toOp), { sync: true }));
        this.#setProblem("");
        this.#backoff.reset();
      } catch (error) {
        // What was put meanwhile is newer.
        this.#pending = new Map([...taken, ...this.#pending]);
        if (signal.aborted) return;
        this.#setProblem(`The task database cannot be written: ${AppError.from(error).message}`);
        // A store that refused a batch is unusable: the next try opens it anew.
        await this.#close();
        await sleep(this.#env, this.#backoff.next(), signal).catch(() => undefined);
      }
    }
  }

  async #close(): Promise<void> {
    const kv = this.#kv;
    this.#kv = null;
    if (kv !== null) await this.#bounded("Closing the task database", () => kv.close());
  }

  async #bounded(what: string, work: () => Promise<void>): Promise<void> {
    await withDeadline(this.#env, { ms: CLOSE_DEADLINE_MS, what }, work).catch((error: unknown) =>
      this.#log.warn("task database does not close", { error }),
    );
  }

  #setProblem(problem: string): void {
    if (problem === this.#problem) return;
    if (problem === "") this.#log.info("task database is written again");
    else this.#log.error("task database cannot be written", { problem });
    this.#problem = problem;
    this.#onProblem();
  }

  async #read(key: string): Promise<Uint8Array | null> {
    const value = await this.#kv?.get(bytes(key));
    return value === undefined ? null : this.#unseal(key, value);
  }

  async #load(): Promise<Map<string, TaskRecord>> {
    const statuses = new Map<string, TaskStatus>();
    for await (const [id, payload] of this.#scan("s/")) statuses.set(id, statusCodec.decode(payload));
    const records = new Map<string, TaskRecord>();
    for await (const [id, payload] of this.#scan("a/")) {
      const set = assignmentCodec.decode(payload);
      const assignment = set.assigned[0];
      if (assignment === undefined || assignment.task === null) continue;
      this.#assignmentSums.set(id, crc32(payload));
      records.set(id, { assignment, incarnation: set.clusterIncarnation, status: statuses.get(id) ?? null });
    }
    return records;
  }

  async *#scan(prefix: string): AsyncGenerator<[id: string, payload: Uint8Array]> {
    let gte = bytes(prefix);
    const lt = bytes(prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1));
    for (;;) {
      const page = (await this.#kv?.range({ gte, lt, limit: PAGE })) ?? [];
      for (const { key, value } of page) {
        const name = Buffer.from(key).toString("latin1");
        const payload = this.#unseal(name, value);
        if (payload !== null) yield [name.slice(prefix.length), payload];
      }
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      gte = Buffer.concat([last.key, Buffer.alloc(1)]);
    }
  }

  /** A record that rotted is as one that was never there: the managers send the assignment again. */
  #unseal(key: string, value: Uint8Array): Uint8Array | null {
    const buffer = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    const payload = buffer.subarray(4);
    if (buffer.length >= 4 && crc32(payload) === buffer.readUInt32BE(0)) return payload;
    this.#log.error("task database record is corrupt and ignored", { key });
    return null;
  }
}

function seal(payload: Uint8Array): Uint8Array {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(crc32(payload));
  return Buffer.concat([head, payload]);
}

function toOp([key, value]: [string, Uint8Array | null]): KvOp {
  return value === null ? { kind: "delete", key: bytes(key) } : { kind: "put", key: bytes(key), value };
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

function encodeMeta(meta: AgentMeta): Uint8Array {
  return Buffer.from(JSON.stringify(meta), "utf8");
}

function parseMeta(payload: Uint8Array | null): AgentMeta | null {
  if (payload === null) return null;
  const raw: unknown = JSON.parse(Buffer.from(payload).toString("utf8"));
  if (typeof raw !== "object" || raw === null) return null;
  const fields = new Map<string, unknown>(Object.entries(raw));
  const text = (name: string): string => {
    const value = fields.get(name);
    return typeof value === "string" ? value : "";
  };
  const count = (name: string): number => {
    const value = fields.get(name);
    return typeof value === "number" ? value : 0;
  };
  const managers = fields.get("managers");
  return {
    clusterId: text("clusterId"),
    nodeId: text("nodeId"),
    epoch: count("epoch"),
    incarnation: text("incarnation"),
    version: count("version"),
    managers: Array.isArray(managers) ? managers.filter((value) => typeof value === "string") : [],
    saidGoodbye: fields.get("saidGoodbye") === true,
    bootId: text("bootId"),
    engineIsAway: fields.get("engineIsAway") === true,
  };
}
