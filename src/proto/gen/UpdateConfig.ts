// Original file: proto/shoal/v1/specs.proto

import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/specs.proto

export const _shoal_v1_UpdateConfig_Order = {
  STOP_FIRST: 'STOP_FIRST',
  START_FIRST: 'START_FIRST',
} as const;

export type _shoal_v1_UpdateConfig_OrderInput =
  | 'STOP_FIRST'
  | 0
  | 'START_FIRST'
  | 1

export type _shoal_v1_UpdateConfig_Order = typeof _shoal_v1_UpdateConfig_Order[keyof typeof _shoal_v1_UpdateConfig_Order]

/**
 * How a change of the task spec is rolled out.
 */
export interface UpdateConfigInput {
  /**
   * Tasks replaced at once; 0 is the default of 1.
   */
  'parallelism'?: (number | string | Long);
  'order'?: (_shoal_v1_UpdateConfig_OrderInput);
}

/**
 * How a change of the task spec is rolled out.
 */
export interface UpdateConfig {
  /**
   * Tasks replaced at once; 0 is the default of 1.
   */
  'parallelism': (number);
  'order': (_shoal_v1_UpdateConfig_Order);
}
