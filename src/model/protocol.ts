/**
 * The protocol a cluster writes: which kinds of log entries and fields its managers may use. A
 * program speaks a range; the cluster's number is raised once every manager's program reaches it.
 */
export type Protocols = { readonly min: number; readonly max: number };

/** Raise `max` with every new entry kind or replicated field, and write neither below that number. */
export const PROTOCOLS: Protocols = { min: 1, max: 1 };
