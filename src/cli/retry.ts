/** Which failures of a call another manager, or a later moment, may not repeat. Pure. */
import { AppError } from "../util/errors.ts";

/** The request may have reached a manager and been carried out. */
export function mayHaveRun(error: AppError): boolean {
  if (error.code === "deadline" || error.code === "unknown-outcome") return true;
  return error.code === "unavailable" && error.details["sent"] === "maybe";
}

/** A refusal that another manager, or a later moment, would not repeat. */
export function isWorthRetrying(error: unknown, canRepeat: boolean): boolean {
  if (!(error instanceof AppError)) return false;
  if (error.code === "not-leader") return true;
  if (error.code === "unavailable" && error.details["sent"] !== "maybe") return true;
  return canRepeat && (error.code === "unavailable" || mayHaveRun(error));
}
