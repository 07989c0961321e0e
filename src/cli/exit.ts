/** Exit codes: 0 done, 1 failed, 2 there are changes and none was made, 3 timed out and may still take effect, 64 usage. */
import { AppError, isAppError } from "../util/errors.ts";
import { asCalled } from "./as-called.ts";

export const EXIT = { done: 0, failed: 1, changes: 2, unknown: 3, usage: 64, interrupted: 130 } as const;

/** Values of flags are checked by shared parsers, which name the flag as the path. */
const FLAG_PATH = /^--?[a-z]/;

export function exitCodeOf(error: unknown): number {
  if (isAppError(error, "deadline") || isAppError(error, "unknown-outcome")) return EXIT.unknown;
  return isUsage(error) ? EXIT.usage : EXIT.failed;
}

export function isUsage(error: unknown): boolean {
  if (!isAppError(error, "invalid")) return false;
  return error.details["usage"] === "true" || FLAG_PATH.test(error.details.path ?? "");
}

/** Of several failures the one a script must not miss: an unknown outcome before a plain failure. */
export function worstExit(codes: readonly number[]): number {
  const order = [EXIT.unknown, EXIT.usage, EXIT.failed];
  return order.find((code) => codes.includes(code)) ?? EXIT.done;
}

/** Wrong words on the command line. */
export function usage(message: string, next?: string): AppError {
  return new AppError("invalid", message, next === undefined ? { usage: "true" } : { usage: "true", next });
}

/** In details: the request only read, so a deadline leaves nothing behind. */
export const ONLY_READ = { read: "true" } as const;

/** Companions of an error that are for this program, not for its reader. */
const HIDDEN = new Set(["usage", "read", "sent"]);

/** `Error: what\n  Next: how` on standard error; one JSON object with --format json. Never a stack trace. */
export function renderError(error: unknown, asJson: boolean, emphasis: (text: string) => string = String): string {
  const { code, message, details } = toAppError(error);
  if (asJson) {
    const shown = Object.fromEntries(Object.entries(details).filter(([key]) => !HIDDEN.has(key)));
    return JSON.stringify({ error: { code, message, ...shown } });
  }
  const isOpen = code === "unknown-outcome" || (code === "deadline" && details["read"] !== "true");
  const may = isOpen ? "\n  It may still take effect: look before you repeat it" : "";
  const next = details.next === undefined ? "" : `\n  Next: ${details.next}`;
  return `${emphasis("Error:")} ${asCalled(`${message}${may}${next}`)}`;
}

/** A broken invariant is a bug here, but a command has nothing to protect by crashing on it. */
function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new AppError("internal", message, {}, error);
}
