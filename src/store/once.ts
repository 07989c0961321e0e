/** Mutations, once each: the answer to a named request is kept with the change, and repeated for its repetition. */
import { REQUEST_TTL_MS } from "./actions.ts";
import type { ReadTx, Tables, WriteTx } from "./types.ts";
import { AppError } from "../util/errors.ts";

/** `hash` covers what is asked. */
export type RequestName = { readonly caller: string; readonly requestId: string; readonly hash: string };

type Bytes = Tables["request"]["result"];

/** How an answer is kept. */
export type AnswerCodec<T> = { encode(answer: T): Bytes; decode(bytes: Bytes): T };

/** Makes the change, or returns what it returned when it was made. @throws AppError `conflict`, and what `change` throws */
export function once<T>(tx: WriteTx, name: RequestName, codec: AnswerCodec<T>, change: (tx: WriteTx) => T): T {
  const record = requestRecord(tx, name);
  if (record !== undefined) return codec.decode(record.result);
  const answer = change(tx);
  const expiresAtMs = tx.timeMs + REQUEST_TTL_MS;
  tx.put("request", { id: recordId(name), meta: null, hash: name.hash, result: codec.encode(answer), expiresAtMs });
  return answer;
}

/** Of an earlier request of that name. @throws AppError `conflict` if it asked for something else */
export function requestRecord(tx: ReadTx, name: RequestName): Tables["request"] | undefined {
  const record = tx.get("request", recordId(name));
  if (record === undefined || record.expiresAtMs <= tx.timeMs) return undefined;
  if (record.hash !== name.hash) throw otherContent(name);
  return record;
}

export function recordId({ caller, requestId }: Pick<RequestName, "caller" | "requestId">): string {
  return `${caller}/${requestId}`;
}

export function otherContent({ requestId }: Pick<RequestName, "requestId">): AppError {
  return new AppError("conflict", `requestId: ${requestId} was used for another change within the last hour`, {
    path: "requestId",
    next: "use a new request id for each change",
  });
}
