// Original file: proto/shoal/v1/types.proto

export const Consistency = {
  /**
   * Confirmed with a quorum: sees every write acknowledged before the call.
   */
  LINEARIZABLE: 'LINEARIZABLE',
  /**
   * This manager's own state, which may lag behind; answers without a quorum.
   */
  STALE: 'STALE',
} as const;

export type ConsistencyInput =
  /**
   * Confirmed with a quorum: sees every write acknowledged before the call.
   */
  | 'LINEARIZABLE'
  | 0
  /**
   * This manager's own state, which may lag behind; answers without a quorum.
   */
  | 'STALE'
  | 1

export type Consistency = typeof Consistency[keyof typeof Consistency]
