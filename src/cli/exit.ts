/** Exit codes: 0 done, 1 failed, 3 timed out and may still take effect, 64 usage. 2 stays free. */
import { AppError, isAppError } from "../util/errors.ts";

export const EXIT = { done: 0, failed: 1, unknown: 3, usage: 64 } as const;

export function exitCodeOf(error: unknown): number {
  if (isAppError(error, "deadline") || isAppError(error, "unknown-outcome")) return EXIT.unknown;
  return isAppError(error) && error.details["usage"] === "true" ? EXIT.usage : EXIT.failed;
}

/** Wrong words on the command line. */
export function usage(message: string, next?: string): AppError {
  return new AppError("invalid", message, next === undefined ? { usage: "true" } : { usage: "true", next });
}

/** `Error: what\n  next: how` on standard error; one JSON object with --format json. */
export function renderError(error: unknown, asJson: boolean): string {
  const { code, message, details } = AppError.from(error);
  const { usage: _usage, ...shown } = details;
  if (asJson) return JSON.stringify({ error: { code, message, ...shown } });
  const may =
    code === "deadline" || code === "unknown-outcome" ? "\n  It may still take effect: look before you repeat it" : "";
  const next = details.next === undefined ? "" : `\n  Next: ${details.next}`;
  return `Error: ${message}${may}${next}`;
}
