/**
 * What a failed engine call means. `unavailable` is an engine that did not answer: the task is not to blame. The rest
 * is the task's own, with the engine's words.
 */
import { AppError, isAppError, type ErrorCode } from "../../../util/errors.ts";

export const NOT_ANSWERING = "engine not answering";

/** An engine that is going down, or whose containerd is, says so with status 500. */
const GOING_DOWN =
  /shutting down|transport is closing|ttrpc: closed|containerd.*(?:connection refused|not running|unavailable)|error reading from server: EOF/i;

/** The modem puts this before the engine's words. */
const MODEM_PREFIX = /^\(HTTP code \d+\) [^-]*- /;

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: "invalid",
  404: "not-found",
  409: "conflict",
  501: "unsupported",
};

export function notAnswering(why: string, cause?: unknown): AppError {
  return new AppError(
    "unavailable",
    `${NOT_ANSWERING} (${why})`,
    { next: "check the Docker engine on this node" },
    cause,
  );
}

/** Anything a call can end with, as an AppError. */
export function callFailure(what: string, error: unknown): AppError {
  if (isAppError(error, "deadline")) return notAnswering(error.message, error);
  if (error instanceof AppError) return error;
  const status = statusOf(error);
  // No status: the connection failed before an answer was complete.
  if (status === null) return notAnswering(connectionFailure(error), error);
  const message = textOf(error).replace(MODEM_PREFIX, "").trim();
  if (status === 502 || status === 503 || (status >= 500 && GOING_DOWN.test(message))) return notAnswering(message);
  // Not `internal`: that would be a bug of ours, and its text would stay on this node.
  return new AppError(CODES[status] ?? "precondition", `${what}: ${message}`, {}, error);
}

/** The HTTP status the engine answered with, null if it did not. */
export function statusOf(error: unknown): number | null {
  const failed = error instanceof AppError ? error.cause : error;
  if (!(failed instanceof Error) || !("statusCode" in failed)) return null;
  return typeof failed.statusCode === "number" ? failed.statusCode : null;
}

function connectionFailure(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return textOf(error);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
