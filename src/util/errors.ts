/**
 * The one error class that crosses component boundaries, and its codes. How a code maps to a gRPC
 * status lives in proto/status.ts; nothing here knows a transport.
 */
import { AssertionFailure } from "./assert.ts";

export const ERROR_CODES = [
  "invalid",
  "not-found",
  "exists",
  "conflict",
  "precondition",
  "not-leader",
  "unavailable",
  "exhausted",
  "denied",
  "unauthenticated",
  "unsupported",
  "deadline",
  "cancelled",
  "unknown-outcome",
  "internal",
  "corrupt",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Machine-readable companions of a message; every value is safe to show to the caller. */
export type ErrorDetails = {
  /** The offending field, e.g. `spec.task.container.image`. */
  readonly path?: string;
  /** What the caller can do next, one sentence without a full stop. */
  readonly next?: string;
  /** For `not-leader`: gRPC address of the leader if known. */
  readonly leaderAddress?: string;
  readonly [key: string]: string | undefined;
};

/**
 * An operating error. `unknown-outcome` means that the change may still take effect: callers must
 * repeat it with the same request id or look, and never assume it failed.
 */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }

  /** At a boundary: anything that is not ours becomes `internal` with the original as its cause. */
  static from(value: unknown): AppError {
    if (value instanceof AppError) return value;
    if (value instanceof AssertionFailure) throw value;
    const message = value instanceof Error ? value.message : String(value);
    return new AppError("internal", message, {}, value);
  }
}

/** For whoever goes on after a failed operation, whatever failed: what a bug broke is thrown on. */
export function rethrowBug(error: unknown): void {
  if (error instanceof AssertionFailure) throw error;
}

export function isAppError(value: unknown, code?: ErrorCode): value is AppError {
  return value instanceof AppError && (code === undefined || value.code === code);
}

/** Bad input with the path of the field that is wrong. */
export function invalid(path: string, message: string, next?: string): AppError {
  return new AppError("invalid", `${path}: ${message}`, next === undefined ? { path } : { path, next });
}

export function cancelled(what: string): AppError {
  return new AppError("cancelled", `${what} was cancelled`);
}
