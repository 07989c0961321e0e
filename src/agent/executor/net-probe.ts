/**
 * HTTP and TCP probes from this machine to an address that an executor found. An answer's body is not read beyond a
 * few bytes, and nothing of a request is kept for the next one: a kept connection would only tell that it is kept.
 */
import { request } from "node:http";
import { connect } from "node:net";
import { withDeadline, type Env, type Timer } from "../../util/env.ts";
import { AppError, isAppError } from "../../util/errors.ts";
import { fileProblem, isShortage } from "../../util/file-problem.ts";
import { PROBE_TEXT_MAX, type Probe, type ProbeLimits, type ProbeOutcome } from "./executor.ts";

/** Where a port of a task is reached from here. */
export type ProbeAddress = {
  readonly host: string;
  readonly port: number;
  /**
   * Something in between accepts connections before it tries to reach the task, as Docker's port proxy does: being
   * connected proves nothing until this long after.
   */
  readonly lingerMs: number;
};

type HttpProbe = NonNullable<Probe["http"]>;

/** Redirects count: what they lead to is another question. */
const STATUS_MIN = 200;
const STATUS_MAX = 399;

/** @throws cancelled when the caller's signal aborts, unavailable when this machine has nothing to probe with */
export async function probeHttp(
  env: Env,
  { port, path, headers }: HttpProbe,
  { address, limits }: { readonly address: ProbeAddress; readonly limits: ProbeLimits },
): Promise<ProbeOutcome> {
  const what = `GET ${path} on port ${port}`;
  return await within(env, what, limits, async (signal) => {
    const status = await httpStatus({
      ...address,
      path,
      headers: { host: `${address.host}:${port}`, ...headers },
      signal,
    });
    return { isOk: status >= STATUS_MIN && status <= STATUS_MAX, message: `${what}: status ${status}` };
  });
}

/** @throws cancelled when the caller's signal aborts, unavailable when this machine has nothing to probe with */
export async function probeTcp(
  env: Env,
  port: number,
  { address, limits }: { readonly address: ProbeAddress; readonly limits: ProbeLimits },
): Promise<ProbeOutcome> {
  const what = `connecting to port ${port}`;
  return await within(env, what, limits, async (signal) => {
    await connected(env, address, signal);
    return { isOk: true, message: `${what}: connected` };
  });
}

async function within(
  env: Env,
  what: string,
  { timeoutMs, signal: parent }: ProbeLimits,
  ask: (signal: AbortSignal) => Promise<ProbeOutcome>,
): Promise<ProbeOutcome> {
  try {
    return await withDeadline(env, { ms: timeoutMs, what, parent }, ask);
  } catch (error) {
    if (isAppError(error, "cancelled")) throw error;
    if (isShortage(error)) throw cannotProbe(what, error);
    const why = isAppError(error, "deadline") ? `no answer within ${timeoutMs} ms` : reason(error);
    return failed(`${what}: ${why}`);
  }
}

/** What this node lacks says nothing of the task. */
export function cannotProbe(what: string, error: unknown): AppError {
  return new AppError("unavailable", `Cannot probe, ${what}: ${fileProblem(error)}`, {}, error);
}

export function failed(message: string): ProbeOutcome {
  return { isOk: false, message: oneLine(message) };
}

/** What a command or a server wrote, as a line of at most PROBE_TEXT_MAX characters. */
export function oneLine(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\s]+/gu, " ").trim();
  return line.length <= PROBE_TEXT_MAX ? line : `${line.slice(0, PROBE_TEXT_MAX - 1)}…`;
}

async function httpStatus(to: {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}): Promise<number> {
  return await new Promise((resolve, reject) => {
    const { host, port, path, headers, signal } = to;
    const call = request({ host, port, path, headers, method: "GET", agent: false, signal }, (response) => {
      response.on("error", () => undefined);
      resolve(response.statusCode ?? 0);
      response.destroy();
    });
    call.on("error", reject);
    call.end();
  });
}

async function connected(env: Env, { host, port, lingerMs }: ProbeAddress, signal: AbortSignal): Promise<void> {
  const socket = connect({ host, port, signal });
  let linger: Timer | null = null;
  try {
    await new Promise<void>((resolve, reject) => {
      socket.on("error", reject);
      // What it says first is an answer too; only a close without a word is the proxy giving up.
      socket.once("data", () => resolve());
      socket.once("close", () => reject(new Error("the connection was closed at once")));
      socket.once("connect", () => {
        if (lingerMs === 0) resolve();
        else linger = env.setTimer(lingerMs, resolve);
      });
    });
  } finally {
    (linger as Timer | null)?.cancel();
    socket.destroy();
  }
}

/** Node's own words name addresses that mean nothing to the one who reads them. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection was reset",
  EHOSTUNREACH: "no route to it",
  ENETUNREACH: "no route to it",
  ETIMEDOUT: "no answer",
  EPIPE: "the connection was closed",
};

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return WORDS[code] ?? (error.message === "socket hang up" ? "the connection was closed" : error.message);
}
