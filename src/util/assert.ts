/**
 * Assertions for what only a bug can break. They are never caught for recovery: the process that
 * hits one stops, because going on would act on a state nobody has reasoned about.
 */

/** Thrown by {@link assert}; the daemon turns it into a crash, never into an answer. */
export class AssertionFailure extends Error {
  override readonly name = "AssertionFailure";
}

/** @param why the reason this must hold, as a sentence a maintainer can act on. */
export function assert(condition: boolean, why: string): asserts condition {
  if (!condition) throw new AssertionFailure(why);
}

/** Narrows away null and undefined where absence would be our own bug. */
export function must<T>(value: T | null | undefined, why: string): T {
  if (value === null || value === undefined) throw new AssertionFailure(why);
  return value;
}

/** Ends every switch over a union: a missing case does not compile. */
export function assertNever(value: never, what: string): never {
  throw new AssertionFailure(`Unexpected ${what}: ${JSON.stringify(value)}`);
}
