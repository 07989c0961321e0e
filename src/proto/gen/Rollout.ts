// Original file: proto/shoal/v1/objects.proto

import type { CauseInput as _shoal_v1_CauseInput, Cause as _shoal_v1_Cause } from './Cause.ts';
import type { RolloutFailureInput as _shoal_v1_RolloutFailureInput, RolloutFailure as _shoal_v1_RolloutFailure } from './RolloutFailure.ts';
import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/objects.proto

export const _shoal_v1_Rollout_State = {
  NONE: 'NONE',
  UPDATING: 'UPDATING',
  /**
   * As UPDATING, but for `canary` slots only; then it waits to be promoted.
   */
  CANARY: 'CANARY',
  PAUSED: 'PAUSED',
  COMPLETED: 'COMPLETED',
  ROLLING_BACK: 'ROLLING_BACK',
  ROLLBACK_PAUSED: 'ROLLBACK_PAUSED',
  ROLLED_BACK: 'ROLLED_BACK',
} as const;

export type _shoal_v1_Rollout_StateInput =
  | 'NONE'
  | 0
  | 'UPDATING'
  | 1
  /**
   * As UPDATING, but for `canary` slots only; then it waits to be promoted.
   */
  | 'CANARY'
  | 2
  | 'PAUSED'
  | 3
  | 'COMPLETED'
  | 4
  | 'ROLLING_BACK'
  | 5
  | 'ROLLBACK_PAUSED'
  | 6
  | 'ROLLED_BACK'
  | 7

export type _shoal_v1_Rollout_State = typeof _shoal_v1_Rollout_State[keyof typeof _shoal_v1_Rollout_State]

/**
 * How far a change of a service's revision has come.
 */
export interface RolloutInput {
  'state'?: (_shoal_v1_Rollout_StateInput);
  /**
   * The revision to go back to, and the one that is rolled out.
   */
  'from'?: (number | string | Long);
  'to'?: (number | string | Long);
  'cause'?: (_shoal_v1_CauseInput | null);
  'startedAtMs'?: (number | string | Long);
  /**
   * 0 while it is under way.
   */
  'finishedAtMs'?: (number | string | Long);
  /**
   * For people: how it stands, why it paused or went back, where it had to stop first.
   */
  'message'?: (string);
  /**
   * Slots that differed when it began, and how many of them are replaced and ready.
   */
  'total'?: (number | string | Long);
  'updated'?: (number | string | Long);
  /**
   * One a slot, the oldest first; at most 1,000, and then the failure action is taken whatever the ratio.
   */
  'failures'?: (_shoal_v1_RolloutFailureInput)[];
  /**
   * Failures before this do not count: it was resumed.
   */
  'countsFromMs'?: (number | string | Long);
  /**
   * Slots before promotion; 0 once promoted, or without a canary.
   */
  'canary'?: (number | string | Long);
  /**
   * Since when all canary tasks are ready; 0 while one is not.
   */
  'canaryReadyAtMs'?: (number | string | Long);
  /**
   * When the next of the tasks under way has failed if nothing happens; 0 while none has a deadline.
   */
  'deadlineMs'?: (number | string | Long);
}

/**
 * How far a change of a service's revision has come.
 */
export interface Rollout {
  'state': (_shoal_v1_Rollout_State);
  /**
   * The revision to go back to, and the one that is rolled out.
   */
  'from': (number);
  'to': (number);
  'cause': (_shoal_v1_Cause | null);
  'startedAtMs': (number);
  /**
   * 0 while it is under way.
   */
  'finishedAtMs': (number);
  /**
   * For people: how it stands, why it paused or went back, where it had to stop first.
   */
  'message': (string);
  /**
   * Slots that differed when it began, and how many of them are replaced and ready.
   */
  'total': (number);
  'updated': (number);
  /**
   * One a slot, the oldest first; at most 1,000, and then the failure action is taken whatever the ratio.
   */
  'failures': (_shoal_v1_RolloutFailure)[];
  /**
   * Failures before this do not count: it was resumed.
   */
  'countsFromMs': (number);
  /**
   * Slots before promotion; 0 once promoted, or without a canary.
   */
  'canary': (number);
  /**
   * Since when all canary tasks are ready; 0 while one is not.
   */
  'canaryReadyAtMs': (number);
  /**
   * When the next of the tasks under way has failed if nothing happens; 0 while none has a deadline.
   */
  'deadlineMs': (number);
}
