import { AppError, isAppError, type ErrorCode } from "../../src/util/errors.ts";

/** The error a promise rejects with, which must have this code. */
export async function expectCode(promise: Promise<unknown>, code: ErrorCode): Promise<AppError> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    if (error instanceof AppError && error.code === code) return error;
    throw error;
  }
  throw new Error(`expected ${code}, but it resolved with ${JSON.stringify(value)}`);
}

/** The same for something that throws at once. */
export function expectThrows(work: () => unknown, code: ErrorCode): AppError {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError && error.code === code) return error;
    throw error;
  }
  throw new Error(`expected ${code}, but nothing was thrown`);
}

/** The error a promise is refused with, whatever its code. */
export async function refusal(attempt: Promise<unknown>): Promise<AppError> {
  try {
    await attempt;
  } catch (error) {
    if (isAppError(error)) return error;
    throw error;
  }
  throw new Error("It was not refused");
}
