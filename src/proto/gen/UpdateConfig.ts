// Original file: proto/shoal/v1/specs.proto

import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/specs.proto

export const _shoal_v1_UpdateConfig_FailureAction = {
  /**
   * ROLLBACK of an update, PAUSE of a rollback.
   */
  DEFAULT: 'DEFAULT',
  /**
   * Back to the last revision that was rolled out. Not for a rollback.
   */
  ROLLBACK: 'ROLLBACK',
  PAUSE: 'PAUSE',
  CONTINUE: 'CONTINUE',
} as const;

export type _shoal_v1_UpdateConfig_FailureActionInput =
  /**
   * ROLLBACK of an update, PAUSE of a rollback.
   */
  | 'DEFAULT'
  | 0
  /**
   * Back to the last revision that was rolled out. Not for a rollback.
   */
  | 'ROLLBACK'
  | 1
  | 'PAUSE'
  | 2
  | 'CONTINUE'
  | 3

export type _shoal_v1_UpdateConfig_FailureAction = typeof _shoal_v1_UpdateConfig_FailureAction[keyof typeof _shoal_v1_UpdateConfig_FailureAction]

// Original file: proto/shoal/v1/specs.proto

export const _shoal_v1_UpdateConfig_Order = {
  /**
   * The old task stops once the new one is ready. Falls back to STOP_FIRST, and says so, where the two cannot run side
   * by side: a port of the node, a volume of the node, or no room.
   */
  START_FIRST: 'START_FIRST',
  /**
   * The new task is prepared, its image pulled, then the old one stops, then the new one starts.
   */
  STOP_FIRST: 'STOP_FIRST',
} as const;

export type _shoal_v1_UpdateConfig_OrderInput =
  /**
   * The old task stops once the new one is ready. Falls back to STOP_FIRST, and says so, where the two cannot run side
   * by side: a port of the node, a volume of the node, or no room.
   */
  | 'START_FIRST'
  | 0
  /**
   * The new task is prepared, its image pulled, then the old one stops, then the new one starts.
   */
  | 'STOP_FIRST'
  | 1

export type _shoal_v1_UpdateConfig_Order = typeof _shoal_v1_UpdateConfig_Order[keyof typeof _shoal_v1_UpdateConfig_Order]

/**
 * How a change of the task spec is rolled out, slot by slot.
 */
export interface UpdateConfigInput {
  /**
   * Slots replaced at once; unset is 1, 0 is all of them.
   */
  'parallelism'?: (number | string | Long);
  'order'?: (_shoal_v1_UpdateConfig_OrderInput);
  /**
   * From a slot's new task being ready until the next slot takes its turn.
   */
  'delayMs'?: (number | string | Long);
  /**
   * A new task that ends within this time of being ready has failed; unset is 5 s.
   */
  'monitorMs'?: (number | string | Long);
  /**
   * Share of the slots to replace that may fail before the failure action is taken, 0 to 1.
   */
  'maxFailureRatio'?: (number | string);
  'failureAction'?: (_shoal_v1_UpdateConfig_FailureActionInput);
  /**
   * A new task that gets no further for so long, be it that no node takes it or that it never becomes ready, has failed.
   * Preparing it, which is pulling its image, takes what it takes. 0 is 10 min.
   */
  'progressDeadlineMs'?: (number | string | Long);
  /**
   * So many slots first; then the rollout waits for SteerRollout(PROMOTE) or a rollback. Not for a rollback. At most the
   * replicas there are when it is asked for; scaled down below it, it is all of them.
   */
  'canary'?: (number | string | Long);
  /**
   * The canary promotes itself once all its tasks were ready for so long without a break; 0 is never.
   */
  'canaryHealthyMs'?: (number | string | Long);
  '_parallelism'?: "parallelism";
  '_monitorMs'?: "monitorMs";
}

/**
 * How a change of the task spec is rolled out, slot by slot.
 */
export interface UpdateConfig {
  /**
   * Slots replaced at once; unset is 1, 0 is all of them.
   */
  'parallelism'?: (number);
  'order': (_shoal_v1_UpdateConfig_Order);
  /**
   * From a slot's new task being ready until the next slot takes its turn.
   */
  'delayMs': (number);
  /**
   * A new task that ends within this time of being ready has failed; unset is 5 s.
   */
  'monitorMs'?: (number);
  /**
   * Share of the slots to replace that may fail before the failure action is taken, 0 to 1.
   */
  'maxFailureRatio': (number);
  'failureAction': (_shoal_v1_UpdateConfig_FailureAction);
  /**
   * A new task that gets no further for so long, be it that no node takes it or that it never becomes ready, has failed.
   * Preparing it, which is pulling its image, takes what it takes. 0 is 10 min.
   */
  'progressDeadlineMs': (number);
  /**
   * So many slots first; then the rollout waits for SteerRollout(PROMOTE) or a rollback. Not for a rollback. At most the
   * replicas there are when it is asked for; scaled down below it, it is all of them.
   */
  'canary': (number);
  /**
   * The canary promotes itself once all its tasks were ready for so long without a break; 0 is never.
   */
  'canaryHealthyMs': (number);
  '_parallelism'?: "parallelism";
  '_monitorMs'?: "monitorMs";
}
