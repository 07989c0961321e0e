/** AppError <-> gRPC status. Code, path and next step travel in trailers, so a client sees the same error. */
import { AppError, ERROR_CODES, type ErrorCode, type ErrorDetails } from "../util/errors.ts";

export const TRAILER_CODE = "shoal-code";
export const TRAILER_DETAILS = "shoal-details-bin";

/** gRPC status numbers; see the table of codes in ARCHITECTURE.md. */
const TO_GRPC: Readonly<Record<ErrorCode, number>> = {
  cancelled: 1,
  "unknown-outcome": 2,
  invalid: 3,
  deadline: 4,
  "not-found": 5,
  exists: 6,
  denied: 7,
  exhausted: 8,
  precondition: 9,
  conflict: 10,
  unsupported: 12,
  internal: 13,
  "not-leader": 14,
  unavailable: 14,
  corrupt: 15,
  unauthenticated: 16,
};

const FROM_GRPC: Readonly<Record<number, ErrorCode>> = {
  1: "cancelled",
  2: "internal",
  3: "invalid",
  4: "deadline",
  5: "not-found",
  6: "exists",
  7: "denied",
  8: "exhausted",
  9: "precondition",
  10: "conflict",
  11: "invalid",
  12: "unsupported",
  13: "internal",
  14: "unavailable",
  15: "corrupt",
  16: "unauthenticated",
};

export type WireStatus = {
  readonly code: number;
  readonly message: string;
  readonly trailers: Readonly<Record<string, string>>;
};

/** An internal error's text stays in the process: it may carry anything. */
export function toStatus(error: AppError): WireStatus {
  const message = error.code === "internal" ? "Internal error; the manager's log has the details" : error.message;
  return {
    code: TO_GRPC[error.code],
    message,
    trailers: {
      [TRAILER_CODE]: error.code,
      [TRAILER_DETAILS]: JSON.stringify(error.code === "internal" ? {} : error.details),
    },
  };
}

export function fromStatus(status: WireStatus): AppError {
  const named = ERROR_CODES.find((code) => code === status.trailers[TRAILER_CODE]);
  const code = named ?? FROM_GRPC[status.code] ?? "internal";
  return new AppError(code, status.message, parseDetails(status.trailers[TRAILER_DETAILS]));
}

function parseDetails(text: string | undefined): ErrorDetails {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as ErrorDetails) : {};
  } catch {
    return {};
  }
}
