/**
 * Mutations, once each. A request id names a change of its caller: its repetition joins the one in
 * flight or returns the replicated result, and the same id with other content is a conflict.
 */
import { createHash } from "node:crypto";
import { awaitsResume, waitingError } from "../../model/awaits-resume.ts";
import { describeCaller } from "../../proto/router.ts";
import { rpc, type KeysOf, type Request, type ResponseInput } from "../../proto/load.ts";
import type { CallContext } from "../../proto/rpc.ts";
import { once, otherContent, recordId, requestRecord, type AnswerCodec, type RequestName } from "../../store/once.ts";
import type { ReadTx, StoreApi, WriteTx } from "../../store/types.ts";
import { withDeadline, type Env } from "../../util/env.ts";
import { AppError, invalid, isAppError, rethrowBug, type ErrorCode } from "../../util/errors.ts";
import type { ReplicaApi } from "../replica/types.ts";
import { READ_WAIT_MS, waitMs } from "./reads.ts";

export const MUTATION_WAIT_MS = 10_000;
export const REQUEST_ID_LENGTH_MAX = 128;

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
  /** What is known of a change that was not confirmed in time; empty for nothing. */
  readonly doubt?: () => string;
};

/**
 * Made while the cluster waits for `shoal cluster resume`, too: they stop nothing on a node. Every
 * other change would have to be reconciled with a state that nobody has approved yet.
 */
const WHILE_WAITING: ReadonlySet<MutationKey> = new Set<MutationKey>([
  "Control.ResumeCluster",
  "Control.UpdateNode",
  "Control.SetNodeRole",
  "Control.UpdateCluster",
  "Control.FinalizeUpgrade",
]);

type Running = { readonly hash: string; readonly done: Promise<object> };

export type RequestDeps = {
  readonly store: StoreApi;
  readonly env: Env;
  readonly replica: Pick<ReplicaApi, "status" | "readBarrier">;
};

export class Requests {
  readonly #store: StoreApi;
  readonly #env: Env;
  readonly #replica: RequestDeps["replica"];
  readonly #running = new Map<string, Running>();

  constructor({ store, env, replica }: RequestDeps) {
    this.#store = store;
    this.#env = env;
    this.#replica = replica;
  }

  /** @throws AppError whatever `change` throws, or `unknown-outcome` when the caller's time is up. */
  async run<K extends MutationKey>(mutation: Mutation<K>): Promise<ResponseInput<K>> {
    const ms = waitMs(mutation.context, MUTATION_WAIT_MS);
    const signed = signedBy(describeCaller(mutation.context.caller), mutation);
    const gated = WHILE_WAITING.has(mutation.key) ? signed : this.#gated(signed);
    try {
      return await withDeadline(this.#env, { ms, what: mutation.key }, async () => await this.#once(gated));
    } catch (error) {
      if (!isAppError(error, "deadline")) throw error;
      const doubt = mutation.doubt?.() ?? "";
      throw new AppError(
        "unknown-outcome",
        `${mutation.key} was not confirmed within ${Math.round(ms)} ms: it may still take effect${doubt && `. ${doubt}`}`,
        {
          next: "repeat it with the same request id, or look whether it is there",
        },
      );
    }
  }

  /** A repetition of what was done before is answered all the same. */
  #gated<K extends MutationKey>(mutation: Mutation<K>): Mutation<K> {
    const { before, change } = mutation;
    return {
      ...mutation,
      ...(before === undefined
        ? {}
        : {
            before: async () => {
              refuseWhileWaiting(this.#store.speculative());
              await before();
            },
          }),
      change: (tx) => {
        refuseWhileWaiting(tx);
        return change(tx);
      },
    };
  }

  async #once<K extends MutationKey>(mutation: Mutation<K>): Promise<ResponseInput<K>> {
    const { requestId } = mutation.request;
    if (requestId === "") {
      return await this.#confirmed(mutation.context, async (refusals) => {
        if (mutation.before !== undefined) await refusals.note(mutation.before);
        return (await this.#store.update((tx) => refusals.noteNow(() => mutation.change(tx)))).value;
      });
    }
    checkRequestId(requestId);
    const caller = describeCaller(mutation.context.caller);
    const name = { caller, requestId, hash: hashOf(mutation.key, mutation.request) };
    const id = recordId(name);
    const running = this.#running.get(id);
    if (running !== undefined) {
      if (running.hash !== name.hash) throw otherContent(name);
      // The same hash covers the same RPC, so the answer is of its type.
      return (await running.done) as ResponseInput<K>;
    }
    const done = this.#confirmed(mutation.context, async (refusals) => await this.#record(mutation, name, refusals));
    this.#running.set(id, { hash: name.hash, done });
    try {
      return await done;
    } finally {
      this.#running.delete(id);
    }
  }

  /**
   * A refusal is an answer too, and this manager may have been deposed unheard, or have refused for a
   * change that it still proposes: it holds once all that is proposed is committed, in a term that has
   * not ended. @throws AppError `not-leader` otherwise: nothing was done, and another one may do it
   */
  async #confirmed<T>(context: CallContext, attempt: (refusals: Refusals) => Promise<T>): Promise<T> {
    const refusals = new Refusals();
    try {
      return await attempt(refusals);
    } catch (error) {
      if (!refusals.has(error)) throw error;
      const { term } = this.#replica.status();
      const deadlineMs = waitMs(context, READ_WAIT_MS);
      try {
        await Promise.all([
          this.#store.update(() => undefined),
          this.#replica.readBarrier({ deadlineMs, signal: context.signal }),
        ]);
      } catch (failure) {
        rethrowBug(failure);
        throw unconfirmed();
      }
      const now = this.#replica.status();
      if (now.role !== "leader" || now.term !== term) throw unconfirmed();
      throw error;
    }
  }

  async #record<K extends MutationKey>(
    mutation: Mutation<K>,
    name: RequestName,
    refusals: Refusals,
  ): Promise<ResponseInput<K>> {
    const { key, change, before, compact = same, expand = same } = mutation;
    const definition = rpc(key);
    const codec: AnswerCodec<ResponseInput<K>> = {
      encode: (answer) => definition.encodeResponse(compact(answer)),
      decode: (bytes) => expand(definition.decodeResponse(bytes) as ResponseInput<K>),
    };
    if (before !== undefined) {
      const isNew = refusals.noteNow(() => requestRecord(this.#store.speculative(), name) === undefined);
      if (isNew) await refusals.note(before);
    }
    return (await this.#store.update((tx) => refusals.noteNow(() => once(tx, name, codec, change)))).value;
  }
}

/** The entry says who asked. */
function signedBy<K extends MutationKey>(actor: string, mutation: Mutation<K>): Mutation<K> {
  return {
    ...mutation,
    change: (tx) => {
      tx.by(actor);
      return mutation.change(tx);
    },
  };
}

function refuseWhileWaiting(tx: ReadTx): void {
  const recovery = awaitsResume(tx.all("cluster"));
  if (recovery !== null) throw waitingError(recovery);
}

/** What a change says of the state it finds; what keeps it from being made at all is something else. */
class Refusals {
  #error: AppError | null = null;

  has(error: unknown): boolean {
    return error === this.#error;
  }

  noteNow<T>(change: () => T): T {
    try {
      return change();
    } catch (error) {
      this.#keep(error);
      throw error;
    }
  }

  async note<T>(change: () => Promise<T>): Promise<T> {
    try {
      return await change();
    } catch (error) {
      this.#keep(error);
      throw error;
    }
  }

  #keep(error: unknown): void {
    if (isAppError(error) && OF_STATE.has(error.code)) this.#error = error;
  }
}

const OF_STATE: ReadonlySet<ErrorCode> = new Set(["not-found", "exists", "conflict", "precondition", "exhausted"]);

function unconfirmed(): AppError {
  return new AppError("not-leader", "This manager refused a change, and cannot confirm that it still leads", {
    next: "ask again",
  });
}

function same<T>(value: T): T {
  return value;
}

function checkRequestId(requestId: string): void {
  if (requestId.length <= REQUEST_ID_LENGTH_MAX && /^[\x21-\x7e]+$/.test(requestId)) return;
  throw invalid(
    "requestId",
    "is not a request id",
    `use 1 to ${REQUEST_ID_LENGTH_MAX} printable characters without spaces, for example a new id for every change`,
  );
}

/** The same for every version of the program that may serve the repetition: what is empty is not written, maps are in order. */
function hashOf(key: MutationKey, request: object): string {
  return createHash("sha256")
    .update(`${key}\n`)
    .update(rpc(key).encodeRequest({ ...request, requestId: "" }))
    .digest("hex");
}
