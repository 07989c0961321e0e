/**
 * What clients use, as a manager serves it: registers and services as rows of the real store, changed inside its
 * transactions, each change once by its request id, read after a real read barrier.
 */
import { once } from "../../../src/store/once.ts";
import type { ReadTx, WriteTx } from "../../../src/store/types.ts";
import { AppError } from "../../../src/util/errors.ts";
import type { RegisterOperation } from "../../support/history.ts";
import type { ServiceOperation } from "../../support/linearizability/models.ts";
import type { Running } from "./machine.ts";

type Any = RegisterOperation | ServiceOperation;
/** What a client asks for. */
export type Asked = Any extends infer Op ? (Op extends Any ? Pick<Op, "op" | "input"> : never) : never;

export type Outcome =
  | { readonly kind: "answer"; readonly output: unknown; readonly index: number }
  /** Certainly not done, by this attempt. */
  | { readonly kind: "refused" }
  | { readonly kind: "unknown" };

const READ_DEADLINE_MS = 1_000;

/** Answers are small. */
const JSON_CODEC = {
  encode: (value: unknown) => Buffer.from(JSON.stringify(value)),
  decode: (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString()),
};

export function serveWrite(
  { state }: Running,
  asked: Asked,
  requestId: string,
  answer: (outcome: Outcome) => void,
): void {
  const name = { caller: "c", requestId, hash: JSON.stringify(asked) };
  try {
    state.store.updateThen((tx) => once<unknown>(tx, name, JSON_CODEC, () => change(tx, asked)), {
      resolve: ({ value, version }) => answer({ kind: "answer", output: value, index: version }),
      reject: (error) => answer(outcomeOf(error)),
    });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    answer(outcomeOf(error));
  }
}

function outcomeOf({ code, message }: AppError): Outcome {
  if (code === "conflict") throw new Error(`A request id was used twice: ${message}`);
  return { kind: code === "not-leader" || code === "exhausted" || code === "unavailable" ? "refused" : "unknown" };
}

function change(tx: WriteTx, asked: Asked): unknown {
  switch (asked.op) {
    case "write":
      return setRegister(tx, asked.input.key, asked.input.value);
    case "cas": {
      const done = register(tx, asked.input.key) === asked.input.expected;
      if (done) setRegister(tx, asked.input.key, asked.input.value);
      return { done };
    }
    case "create":
      if (tx.get("service", asked.input.name) !== undefined) return "exists";
      return putService(tx, asked.input.name, asked.input.value);
    case "update": {
      const service = tx.get("service", asked.input.name);
      if (service === undefined) return "not-found";
      if (service.meta?.version !== asked.input.version) return "conflict";
      return putService(tx, asked.input.name, asked.input.value);
    }
    case "remove":
      if (tx.get("service", asked.input.name) === undefined) return "not-found";
      tx.remove("service", asked.input.name);
      return "removed";
    default:
      throw new Error(`${asked.op} changes nothing`);
  }
}

/** A register is a revision row: small, and its value is a key of an index. */
function setRegister(tx: WriteTx, key: string, value: string): Record<string, never> {
  const outcome = { outcome: "NONE", outcomeMessage: "" } as const;
  tx.put("revision", { id: key, meta: null, serviceId: value, number: 1, spec: null, cause: null, ...outcome });
  return {};
}

function register(tx: ReadTx, key: string): string {
  return tx.get("revision", key)?.serviceId ?? "";
}

function putService(tx: WriteTx, name: string, value: string): { version: number } {
  const flags = { single: false, rebalance: false };
  const spec = { name, labels: { value }, task: null, update: null, rollback: null, nodeLoss: null, ...flags };
  const unused = { cause: null, rollout: null, specVersion: 0, scheduledFromMs: 0, rebalanceUntilMs: 0 };
  tx.put("service", { id: name, meta: null, spec, revision: 1, ...unused });
  return { version: tx.version };
}

export function serveRead({ turns, state }: Running, asked: Asked, answer: (outcome: Outcome) => void): void {
  turns.barriers.waitThen(
    { deadlineMs: READ_DEADLINE_MS },
    {
      resolve: () => {
        const view = state.store.view();
        answer({ kind: "answer", output: look(view, asked), index: view.version });
      },
      reject: () => answer({ kind: "refused" }),
    },
  );
}

function look(view: ReadTx, asked: Asked): unknown {
  if (asked.op === "read") return { value: register(view, asked.input.key) };
  if (asked.op !== "get") throw new Error(`${asked.op} is no read`);
  const service = view.get("service", asked.input.name);
  if (service === undefined) return "not-found";
  return { version: service.meta?.version ?? 0, value: service.spec?.labels["value"] ?? "" };
}
