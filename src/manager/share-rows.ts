/**
 * Decoding makes a string of its own for every field of every row, although 100,000 tasks name the
 * same thousand services, few nodes and a handful of reasons. Here equal ones become one: that is
 * a third of a task's memory. Rows are changed in place before anyone has seen them, so that fields
 * this file does not know stay as they are.
 */
import type { RequestRecord, Task } from "../model/index.ts";
import type { StoreObject } from "../proto/gen/StoreObject.ts";

/** Beyond this the pool starts over: sharing is lost for a moment, never memory. */
const POOLED_MAX = 32_768;
/** Longer ones are rare and rarely equal. */
const POOLED_LENGTH_MAX = 256;
const NONE: never[] = [];
/** Actor and reason. */
const CAUSE_FIELDS = 2;

type Cause = NonNullable<Task["cause"]>;
type Writable<T> = { -readonly [K in keyof T]: T[K] };

export class RowSharing {
  readonly #pool = new Map<string, string>();
  /** By actor and reason. A key put together of both takes as long as decoding the whole task. */
  readonly #causes = new Map<string, Map<string, Cause>>();
  #causeCount = 0;

  /** Of a row just decoded. */
  share({ task, request }: StoreObject): void {
    if (task !== null && task !== undefined) this.#shareTask(task);
    else if (request !== null && request !== undefined) releaseSlab(request);
  }

  #shareTask(task: Writable<Task>): void {
    task.serviceId = this.#shared(task.serviceId);
    task.serviceName = this.#shared(task.serviceName);
    task.nodeId = this.#shared(task.nodeId);
    task.pinnedNodeId = this.#shared(task.pinnedNodeId);
    task.pendingReason = this.#shared(task.pendingReason);
    if (task.ports.length === 0) task.ports = NONE;
    if (task.generic.length === 0) task.generic = NONE;
    if (task.cause !== null) task.cause = this.#sharedCause(task.cause);
    if (task.status !== null) {
      const status: Writable<NonNullable<Task["status"]>> = task.status;
      status.message = this.#shared(status.message);
      status.error = this.#shared(status.error);
      if (status.ports.length === 0) status.ports = NONE;
    }
  }

  /** Few causes make all tasks. One with fields that this file does not know is left alone. */
  #sharedCause(cause: Cause): Cause {
    if (Object.keys(cause).length !== CAUSE_FIELDS) return cause;
    const { actor, reason } = cause;
    let ofActor = this.#causes.get(actor);
    const known = ofActor?.get(reason);
    if (known !== undefined) return known;
    if (this.#causeCount >= POOLED_MAX) {
      this.#causes.clear();
      this.#causeCount = 0;
      ofActor = undefined;
    }
    if (ofActor === undefined) this.#causes.set(actor, (ofActor = new Map()));
    ofActor.set(reason, cause);
    this.#causeCount += 1;
    return cause;
  }

  #shared(text: string): string {
    if (text.length === 0 || text.length > POOLED_LENGTH_MAX) return text;
    const known = this.#pool.get(text);
    if (known !== undefined) return known;
    if (this.#pool.size >= POOLED_MAX) this.#pool.clear();
    this.#pool.set(text, text);
    return text;
  }
}

/** Bytes are decoded as a view of the whole entry or snapshot piece, which they would keep in memory for an hour. */
function releaseSlab(request: Writable<RequestRecord>): void {
  const { result } = request;
  if (result.byteLength === result.buffer.byteLength) return;
  const own = Buffer.allocUnsafeSlow(result.byteLength);
  own.set(result);
  request.result = own;
}
