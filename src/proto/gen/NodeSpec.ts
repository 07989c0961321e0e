// Original file: proto/shoal/v1/specs.proto

import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/specs.proto

export const _shoal_v1_NodeSpec_Availability = {
  ACTIVE: 'ACTIVE',
  /**
   * No new tasks.
   */
  PAUSE: 'PAUSE',
  /**
   * No tasks: those here are moved.
   */
  DRAIN: 'DRAIN',
} as const;

export type _shoal_v1_NodeSpec_AvailabilityInput =
  | 'ACTIVE'
  | 0
  /**
   * No new tasks.
   */
  | 'PAUSE'
  | 1
  /**
   * No tasks: those here are moved.
   */
  | 'DRAIN'
  | 2

export type _shoal_v1_NodeSpec_Availability = typeof _shoal_v1_NodeSpec_Availability[keyof typeof _shoal_v1_NodeSpec_Availability]

export interface NodeSpecInput {
  'name'?: (string);
  'labels'?: ({[key: string]: string});
  'availability'?: (_shoal_v1_NodeSpec_AvailabilityInput);
  /**
   * DRAIN: from its beginning until what still runs is stopped, although it runs nowhere else yet; 0 is 10 min. What
   * must not run beside another of its slot stops at once.
   */
  'drainDeadlineMs'?: (number | string | Long);
  /**
   * DRAIN: tasks that leave at once, each when the one in its place is ready; at most 1,000; 0 is 4.
   */
  'drainParallelism'?: (number | string | Long);
}

export interface NodeSpec {
  'name': (string);
  'labels': ({[key: string]: string});
  'availability': (_shoal_v1_NodeSpec_Availability);
  /**
   * DRAIN: from its beginning until what still runs is stopped, although it runs nowhere else yet; 0 is 10 min. What
   * must not run beside another of its slot stops at once.
   */
  'drainDeadlineMs': (number);
  /**
   * DRAIN: tasks that leave at once, each when the one in its place is ready; at most 1,000; 0 is 4.
   */
  'drainParallelism': (number);
}
