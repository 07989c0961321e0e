// Workers that run nothing: real identities and real sessions, and every assigned task is reported as running at once.
import { AssignmentStream } from "../../src/agent/assignment-stream.ts";
import type { AssignmentSet, Task } from "../../src/model/index.ts";
import { PROTOCOLS } from "../../src/model/protocol.ts";
import { RotatingCredentials } from "../../src/pki/credentials.ts";
import { joinCluster } from "../../src/pki/join.ts";
import { createKeyPair } from "../../src/pki/x509.ts";
import { openStream } from "../../src/proto/client.ts";
import type { ClientStream } from "../../src/proto/client.ts";
import { GrpcDialer } from "../../src/proto/grpc-client.ts";
import type { Channel } from "../../src/proto/rpc.ts";
import { newId } from "../../src/util/id.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";

const HEARTBEAT_MS = 1000;
const RETRY_MS = 200;
/** Reports of one message, which may be 64 KiB. */
const REPORTS_PER_MESSAGE = 200;

type Status = NonNullable<Task["status"]>;

export class FakeNode {
  readonly name: string;
  readonly #managers: readonly string[];
  readonly #startAt: number;
  readonly #epoch = Date.now();
  readonly #statuses = new Map<string, Status>();
  #dialer: GrpcDialer | null = null;
  #clusterId = "";
  #link: { readonly channel: Channel; readonly stream: ClientStream<"Session.Session"> } | null = null;
  #sequence = 0;
  #tries = 0;
  #isStopped = false;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(at: number, managers: readonly string[]) {
    this.name = `fake${at}`;
    this.#managers = managers;
    this.#startAt = at;
  }

  async join(token: string): Promise<void> {
    const { keyPem } = await createKeyPair();
    const deps = { env: realEnv, log: silentLogger };
    const { identity, files } = await joinCluster(deps, {
      addresses: this.#managers,
      token,
      nodeId: newId(realEnv),
      keyPem,
      address: "127.0.0.1:1",
      name: this.name,
    });
    this.#clusterId = identity.clusterId;
    this.#dialer = new GrpcDialer({ ...deps, credentials: new RotatingCredentials(files) });
    this.#every(HEARTBEAT_MS, () => this.#link?.stream.write({ heartbeat: { engineOk: true, engineMessage: "" } }));
    this.#connect();
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#drop();
  }

  #every(ms: number, fn: () => void): void {
    this.#timers.add(setInterval(fn, ms));
  }

  #connect(): void {
    if (this.#isStopped || this.#dialer === null) return;
    const address = this.#managers[(this.#startAt + this.#tries) % this.#managers.length] ?? "";
    this.#tries += 1;
    const channel = this.#dialer.dial(address, { peer: { kind: "manager" }, profile: "control" });
    const assignments = new AssignmentStream();
    const stream = openStream(channel, "Session.Session", {
      onMessage: (message) => {
        if (message.message !== "assignments" || !message.assignments) return;
        const set = assignments.add(message.assignments);
        if (set !== null) this.#onSet(set);
      },
      onClose: () => {
        if (this.#link?.stream !== stream) return;
        this.#drop();
        setTimeout(() => this.#connect(), RETRY_MS);
      },
    });
    this.#link = { channel, stream };
    stream.write({
      hello: {
        description: {
          hostname: this.name,
          platform: { os: "linux", architecture: "amd64" },
          resources: { nanoCpus: 64e9, memoryBytes: 256 * 2 ** 30 },
          runtimes: ["container", "process"],
          engineId: "",
          engineVersion: "bench",
          shoalVersion: "bench",
          protocolMax: PROTOCOLS.max,
        },
        address: "127.0.0.1:1",
        agentEpoch: this.#epoch,
        clusterId: this.#clusterId,
      },
    });
  }

  #drop(): void {
    const link = this.#link;
    this.#link = null;
    link?.stream.cancel();
    link?.channel.close();
  }

  #onSet(set: AssignmentSet): void {
    for (const id of set.removed) this.#statuses.delete(id);
    const news: { taskId: string; status: Status }[] = [];
    for (const { task } of set.assigned) {
      if (task === null) continue;
      let status = this.#statuses.get(task.id);
      // A manager that asks anew may have missed what was said to the one before.
      if (status !== undefined && !set.complete) continue;
      status ??= this.#running();
      this.#statuses.set(task.id, status);
      news.push({ taskId: task.id, status });
    }
    for (let at = 0; at < news.length; at += REPORTS_PER_MESSAGE)
      this.#link?.stream.write({ statuses: { reports: news.slice(at, at + REPORTS_PER_MESSAGE) } });
  }

  #running(): Status {
    this.#sequence += 1;
    return {
      state: "RUNNING",
      message: "running",
      error: "",
      atMs: 0,
      agentEpoch: this.#epoch,
      sequence: this.#sequence,
      runtimeId: `${newId(realEnv)}${newId(realEnv)}`,
      ports: [],
      startedAtMs: Date.now(),
      finishedAtMs: 0,
      healthy: true,
      ready: true,
      checkMessage: "",
      single: false,
    };
  }
}
