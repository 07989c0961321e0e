// Original file: proto/shoal/v1/specs.proto

import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/specs.proto

export const _shoal_v1_RestartPolicy_Condition = {
  ANY: 'ANY',
  ON_FAILURE: 'ON_FAILURE',
  NONE: 'NONE',
} as const;

export type _shoal_v1_RestartPolicy_ConditionInput =
  | 'ANY'
  | 0
  | 'ON_FAILURE'
  | 1
  | 'NONE'
  | 2

export type _shoal_v1_RestartPolicy_Condition = typeof _shoal_v1_RestartPolicy_Condition[keyof typeof _shoal_v1_RestartPolicy_Condition]

export interface RestartPolicyInput {
  'condition'?: (_shoal_v1_RestartPolicy_ConditionInput);
  /**
   * Least time between a task's end and its replacement's start; unset is none.
   */
  'delayMs'?: (number | string | Long);
  /**
   * Restarts of one slot; 0 is no limit. Not with NONE, like the window.
   */
  'maxAttempts'?: (number | string | Long);
  /**
   * Of max_attempts those older than this do not count; 0 counts all.
   */
  'windowMs'?: (number | string | Long);
  /**
   * Tasks that end within a minute of being ready, or never were: from the fourth in a row on the wait is 1 s and doubles
   * up to this; a longer run begins anew. Unset is 5 min, or delay_ms where that is
   * longer. 0 never waits longer than delay_ms; anything else below delay_ms is refused.
   */
  'backoffMaxMs'?: (number | string | Long);
  '_delayMs'?: "delayMs";
  '_backoffMaxMs'?: "backoffMaxMs";
}

export interface RestartPolicy {
  'condition': (_shoal_v1_RestartPolicy_Condition);
  /**
   * Least time between a task's end and its replacement's start; unset is none.
   */
  'delayMs'?: (number);
  /**
   * Restarts of one slot; 0 is no limit. Not with NONE, like the window.
   */
  'maxAttempts': (number);
  /**
   * Of max_attempts those older than this do not count; 0 counts all.
   */
  'windowMs': (number);
  /**
   * Tasks that end within a minute of being ready, or never were: from the fourth in a row on the wait is 1 s and doubles
   * up to this; a longer run begins anew. Unset is 5 min, or delay_ms where that is
   * longer. 0 never waits longer than delay_ms; anything else below delay_ms is refused.
   */
  'backoffMaxMs'?: (number);
  '_delayMs'?: "delayMs";
  '_backoffMaxMs'?: "backoffMaxMs";
}
