/**
 * Mutations, once each. A request id names a change of its caller: its repetition joins the one in
 * flight or returns the replicated result, and the same id with other content is a conflict.
 */
import { createHash } from "node:crypto";
import { describeCaller } from "../../proto/router.ts";
import { rpc, type KeysOf, type Request, type ResponseInput } from "../../proto/load.ts";
import type { CallContext } from "../../proto/rpc.ts";
import { REQUEST_TTL_MS } from "../../store/actions.ts";
import type { ReadTx, StoreApi, Tables, WriteTx } from "../../store/types.ts";
import { withDeadline, type Env } from "../../util/env.ts";
import { AppError, invalid, isAppError } from "../../util/errors.ts";
import type { ReplicaApi } from "../replica/types.ts";
import { waitMs } from "./reads.ts";

export const MUTATION_WAIT_MS = 10_000;
export const REQUEST_ID_LENGTH_MAX = 128;
const REQUEST_ID_PATH = "requestId";

export type MutationKey = Extract<KeysOf<"unary">, `Control.${string}`>;
type Mutation<K extends MutationKey> = {
  readonly key: K;
  readonly request: Request<K> & { readonly requestId: string };
  readonly context: CallContext;
  /** What must be done before the change and outside the store. Not done for a repetition; may itself be repeated. */
  readonly before?: () => Promise<void>;
  /** Runs inside one store transaction. Everything it reads is speculative. */
  readonly change: (tx: WriteTx) => ResponseInput<K>;
  /**
   * For answers that repeat what was asked: leaves that out of the record, which is kept for an
   * hour, and puts it back from the repeated request, which has the same content.
   */
  readonly compact?: (response: ResponseInput<K>) => ResponseInput<K>;
  readonly expand?: (response: ResponseInput<K>) => ResponseInput<K>;
};

type Running = { readonly hash: string; readonly done: Promise<object> };

export type RequestDeps = {
  readonly store: StoreApi;
  readonly env: Env;
  /** Says whether this manager still led when it refused. */
  readonly replica: Pick<ReplicaApi, "readBarrier">;
};

export class Requests {
  readonly #store: StoreApi;
  readonly #env: Env;
  readonly #replica: Pick<ReplicaApi, "readBarrier">;
  readonly #running = new Map<string, Running>();

  constructor({ store, env, replica }: RequestDeps) {
    this.#store = store;
    this.#env = env;
    this.#replica = replica;
  }

  /** @throws AppError whatever `change` throws, or `unknown-outcome` when the caller's time is up. */
  async run<K extends MutationKey>(mutation: Mutation<K>): Promise<ResponseInput<K>> {
    const ms = waitMs(mutation.context, MUTATION_WAIT_MS);
    try {
      return await withDeadline(this.#env, { ms, what: mutation.key }, async () => await this.#answer(mutation, ms));
    } catch (error) {
      if (!isAppError(error, "deadline")) throw error;
      throw new AppError(
        "unknown-outcome",
        `${mutation.key} was not confirmed within ${Math.round(ms)} ms: it may still take effect`,
        {
          next: "repeat it with the same request id, or look whether it is there",
        },
      );
    }
  }

  /**
   * A refusal is an answer, too. It was judged by speculative state, of which the part in flight may be lost, and by a
   * manager that may not lead any more: it leaves only when that part is committed and a majority still followed.
   */
  async #answer<K extends MutationKey>(mutation: Mutation<K>, deadlineMs: number): Promise<ResponseInput<K>> {
    try {
      return await this.#once(mutation);
    } catch (error) {
      if (!isJudgement(error)) throw error;
      try {
        await this.#store.update(() => undefined);
        await this.#replica.readBarrier({ deadlineMs });
      } catch (doubt) {
        throw isAppError(doubt, "exhausted") ? doubt : notJudged(doubt);
      }
      throw error;
    }
  }

  async #once<K extends MutationKey>(mutation: Mutation<K>): Promise<ResponseInput<K>> {
    const { requestId } = mutation.request;
    if (requestId === "") {
      await mutation.before?.();
      return (await this.#store.update(mutation.change)).value;
    }
    checkRequestId(requestId);
    const id = `${describeCaller(mutation.context.caller)}/${requestId}`;
    const hash = hashOf(mutation.key, mutation.request);
    const running = this.#running.get(id);
    if (running !== undefined) {
      if (running.hash !== hash) throw otherContent(requestId);
      // The same hash covers the same RPC, so the answer is of its type.
      return (await running.done) as ResponseInput<K>;
    }
    const done = this.#record(mutation, id, hash);
    this.#running.set(id, { hash, done });
    try {
      return await done;
    } finally {
      this.#running.delete(id);
    }
  }

  async #record<K extends MutationKey>(mutation: Mutation<K>, id: string, hash: string): Promise<ResponseInput<K>> {
    const { key, change, compact = same, expand = same } = mutation;
    const definition = rpc(key);
    const recorded = (tx: ReadTx): Tables["request"] | undefined => {
      const record = tx.get("request", id);
      if (record === undefined || record.expiresAtMs <= tx.timeMs) return undefined;
      if (record.hash !== hash) throw otherContent(mutation.request.requestId);
      return record;
    };
    if (mutation.before !== undefined && recorded(this.#store.speculative()) === undefined) await mutation.before();
    const { value } = await this.#store.update((tx): ResponseInput<K> => {
      const record = recorded(tx);
      if (record !== undefined) return expand(definition.decodeResponse(record.result) as ResponseInput<K>);
      const response = change(tx);
      const result = definition.encodeResponse(compact(response));
      tx.put("request", { id, meta: null, hash, result, expiresAtMs: tx.timeMs + REQUEST_TTL_MS });
      return response;
    });
    return value;
  }
}

/** What a change says of the state it would have changed; a misused request id is the caller's own affair. */
function isJudgement(error: unknown): boolean {
  const isRefusal = (["exists", "not-found", "conflict", "precondition"] as const).some((code) =>
    isAppError(error, code),
  );
  return isRefusal && isAppError(error) && error.details.path !== REQUEST_ID_PATH;
}

/** `not-leader`: certainly not executed, so the next leader may be asked. */
function notJudged(cause: unknown): AppError {
  const message = "The change was not made, and whether it can be is for another manager to say";
  return new AppError("not-leader", message, { next: "repeat it" }, cause);
}

function same<T>(value: T): T {
  return value;
}

function checkRequestId(requestId: string): void {
  if (requestId.length <= REQUEST_ID_LENGTH_MAX && /^[\x21-\x7e]+$/.test(requestId)) return;
  throw invalid(
    REQUEST_ID_PATH,
    "is not a request id",
    `use 1 to ${REQUEST_ID_LENGTH_MAX} printable characters without spaces, for example a new id for every change`,
  );
}

function otherContent(requestId: string): AppError {
  return new AppError("conflict", `requestId: ${requestId} was used for another change within the last hour`, {
    path: REQUEST_ID_PATH,
    next: "use a new request id for each change",
  });
}

/** The same for every version of the program that may serve the repetition: what is empty is not written, maps are in order. */
function hashOf(key: MutationKey, request: object): string {
  return createHash("sha256")
    .update(`${key}\n`)
    .update(rpc(key).encodeRequest({ ...request, requestId: "" }))
    .digest("hex");
}
