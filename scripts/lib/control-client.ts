// Control as scripts and end-to-end tests call it: in this process, over a context's certificate, moving on to the next
// manager when one does not answer. For measuring: starting the command line costs hundreds of milliseconds a look.
import type { Context } from "../../src/cli/context.ts";
import { call } from "../../src/proto/client.ts";
import { GrpcDialer } from "../../src/proto/grpc-client.ts";
import type { TlsSource } from "../../src/proto/grpc-tls.ts";
import type { KeysOf, RequestInput, Response } from "../../src/proto/load.ts";
import type { Channel } from "../../src/proto/rpc.ts";
import { AppError, isAppError } from "../../src/util/errors.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";

/** One manager's time for one answer. */
const ATTEMPT_MS = 2_000;
const CALL_MS = 30_000;
const RETRY_PAUSE_MS = 5;
const PAGE = 1_000;

export type Task = NonNullable<Response<"Control.GetTask">["task"]>;
export type NodeSummary = Response<"Control.ListNodes">["nodes"][number];

export type PatienceOptions = {
  /** For one manager's answer. */
  readonly attemptMs?: number;
  /** For all attempts together. */
  readonly timeoutMs?: number;
  /** Just before each is sent. */
  readonly onAttempt?: () => void;
};

export class ControlClient implements Disposable {
  readonly #hosts: readonly string[];
  readonly #dialer: GrpcDialer;
  #channel: Channel | null = null;
  #at: number;

  /** @param first number of the manager to ask first, so that many clients spread */
  constructor(context: Context, first = 0) {
    this.#hosts = context.hosts;
    this.#at = first;
    this.#dialer = new GrpcDialer({ env: realEnv, log: silentLogger, credentials: source(context) });
  }

  /** Asks until it is answered or refused for good. A mutation needs a request id: it may be asked more than once. */
  async call<K extends KeysOf<"unary">>(
    key: K,
    request: RequestInput<K>,
    { attemptMs = ATTEMPT_MS, timeoutMs = CALL_MS, onAttempt }: PatienceOptions = {},
  ): Promise<Response<K>> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      // A request beside this one may have moved on already; then this one follows it.
      const at = this.#at;
      onAttempt?.();
      try {
        return await call(this.channel(), key, request, { deadlineMs: attemptMs });
      } catch (error) {
        // Moving on closes the connection under the requests beside: their end is no answer either.
        const isOvertaken = at !== this.#at && isAppError(error, "cancelled");
        if ((!isRepeatable(error) && !isOvertaken) || performance.now() > end) throw AppError.from(error);
        if (at === this.#at) this.next();
        await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
      }
    }
  }

  /** Tasks by filters ("service=web"), every page of them. */
  async tasks(...filters: string[]): Promise<Task[]> {
    const tasks: Task[] = [];
    let pageToken = "";
    do {
      const page = await this.call("Control.ListTasks", { filters, pageSize: PAGE, pageToken });
      tasks.push(...page.tasks);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return tasks;
  }

  async nodes(): Promise<NodeSummary[]> {
    return (await this.call("Control.ListNodes", { pageSize: PAGE })).nodes;
  }

  /** To the manager that is asked at present. */
  channel(): Channel {
    const host = this.#hosts[this.#at % this.#hosts.length] ?? "";
    this.#channel ??= this.#dialer.dial(host, { peer: { kind: "manager" }, profile: "control" });
    return this.#channel;
  }

  next(): void {
    this.close();
    this.#at += 1;
  }

  close(): void {
    this.#channel?.close();
    this.#channel = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Wanted, and observed running. */
export function isUp(task: Task): boolean {
  return task.desired === "RUNNING" && task.status?.state === "RUNNING";
}

/** A context never changes while a proof runs. */
function source({ rootCertificatePem, certificatePem, keyPem }: Context): TlsSource {
  return { current: () => ({ rootCertificatePem, identity: { certificatePem, keyPem } }), onChange: () => () => {} };
}

export function isRepeatable(error: unknown): boolean {
  return ["not-leader", "unavailable", "unknown-outcome", "deadline", "exhausted"].some(
    (code) => isAppError(error) && error.code === code,
  );
}
