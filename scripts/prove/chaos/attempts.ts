// One change, asked for again and again under its request id at one manager after the other, and what is known of it
// in the end: only that.
import type { KeysOf, RequestInput, Response } from "../../../src/proto/load.ts";
import { AppError } from "../../../src/util/errors.ts";
import type { ErrorCode } from "../../../src/util/errors.ts";
import type { History } from "./history.ts";
import type { Managers } from "./managers.ts";
import { sleep } from "../report.ts";

const ATTEMPT_MS = 800;
const PAUSE_MS_MAX = 200;
/** A client that goes on asking; others ask once, and what they hear no answer to stays open. */
const ATTEMPTS_MAX = 8;
const IMPATIENT_SHARE = 0.2;

export type Denial = "exists" | "conflict" | "not-found";

export type Verdict<T> =
  | { readonly outcome: "done"; readonly call: number; readonly value: T }
  /** `open`: when the first attempt was sent that got no answer. It may still take effect. */
  | {
      readonly outcome: "denied";
      readonly call: number;
      readonly code: Denial;
      readonly open: number | null;
      readonly knownBefore: number;
    }
  | { readonly outcome: "refused" }
  | { readonly outcome: "unknown"; readonly call: number };

/** Answers that say: not this time, and nothing was done. `unsupported`: a manager that is none at the moment. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(["not-leader", "exhausted", "unsupported"]);
const DENIALS: ReadonlySet<ErrorCode> = new Set(["exists", "conflict", "not-found"]);
const SILENCES: ReadonlySet<ErrorCode> = new Set(["unavailable", "deadline", "unknown-outcome"]);

export type Asking = { readonly managers: Managers; readonly history: History };

export async function attempt<K extends KeysOf<"unary">>(
  { managers, history }: Asking,
  key: K,
  request: RequestInput<K>,
): Promise<Verdict<Response<K>>> {
  const attempts = Math.random() < IMPATIENT_SHARE ? 1 : ATTEMPTS_MAX;
  let open: number | null = null;
  for (let left = attempts; left > 0; left -= 1) {
    const call = history.tick();
    const knownBefore = history.known;
    try {
      const value = await managers.call(anyOf(managers), key, request, ATTEMPT_MS);
      return { outcome: "done", call: open ?? call, value };
    } catch (error) {
      const { code, details, message } = AppError.from(error);
      if (DENIALS.has(code)) return { outcome: "denied", call, code: code as Denial, open, knownBefore };
      if (!REFUSALS.has(code) && !isNeverSent(code, details)) {
        open ??= call;
        if (!SILENCES.has(code)) history.problems.push(`${key} was answered with ${code}: ${message}`);
      }
    }
    await sleep(Math.random() * PAUSE_MS_MAX);
  }
  return open === null ? { outcome: "refused" } : { outcome: "unknown", call: open };
}

/** A linearizable read at any manager. @returns null where none answered */
export async function read<K extends KeysOf<"unary">>(
  { managers, history }: Asking,
  key: K,
  request: RequestInput<K>,
): Promise<{ readonly call: number; readonly answer: Response<K> | "not-found" } | null> {
  for (let left = ATTEMPTS_MAX; left > 0; left -= 1) {
    const call = history.tick();
    try {
      return { call, answer: await managers.call(anyOf(managers), key, request, ATTEMPT_MS) };
    } catch (error) {
      const { code, message } = AppError.from(error);
      if (code === "not-found") return { call, answer: "not-found" };
      if (!REFUSALS.has(code) && !SILENCES.has(code)) {
        history.problems.push(`${key} was answered with ${code}: ${message}`);
      }
    }
    await sleep(Math.random() * PAUSE_MS_MAX);
  }
  return null;
}

function isNeverSent(code: ErrorCode, details: AppError["details"]): boolean {
  return code === "unavailable" && details["sent"] === "no";
}

function anyOf(managers: Managers): number {
  return Math.floor(Math.random() * managers.count);
}
