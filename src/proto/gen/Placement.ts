// Original file: proto/shoal/v1/specs.proto

import type { PlatformInput as _shoal_v1_PlatformInput, Platform as _shoal_v1_Platform } from './Platform.ts';
import type { PlacementPreferenceInput as _shoal_v1_PlacementPreferenceInput, PlacementPreference as _shoal_v1_PlacementPreference } from './PlacementPreference.ts';
import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/specs.proto

export const _shoal_v1_Placement_Strategy = {
  /**
   * The cluster's.
   */
  DEFAULT: 'DEFAULT',
  /**
   * As many nodes as there are, each in proportion to the room that it has for this service.
   */
  SPREAD: 'SPREAD',
  /**
   * The fullest node that has room; needs a reservation to go by.
   */
  BINPACK: 'BINPACK',
} as const;

export type _shoal_v1_Placement_StrategyInput =
  /**
   * The cluster's.
   */
  | 'DEFAULT'
  | 0
  /**
   * As many nodes as there are, each in proportion to the room that it has for this service.
   */
  | 'SPREAD'
  | 1
  /**
   * The fullest node that has room; needs a reservation to go by.
   */
  | 'BINPACK'
  | 2

export type _shoal_v1_Placement_Strategy = typeof _shoal_v1_Placement_Strategy[keyof typeof _shoal_v1_Placement_Strategy]

export interface PlacementInput {
  /**
   * All must hold (model/constraint.ts):
   * node.labels.zone == a · node.ip in (10.0.0.0/24, 10.1.0.5) · node.labels.disk >= 100 · engine.labels.ssd exists
   * service == db: where a task of db is, on the node or another agent of its engine · service != web: where none of web
   * is, and none of web comes after it. Looked at when a task is placed; nothing moves when the other service does.
   */
  'constraints'?: (string)[];
  /**
   * Tasks of this service on one node; 0 is no limit.
   */
  'maxReplicasPerNode'?: (number | string | Long);
  /**
   * Any of these; none is any platform.
   */
  'platforms'?: (_shoal_v1_PlatformInput)[];
  /**
   * At most 16. Not of services with one task on every node.
   */
  'preferences'?: (_shoal_v1_PlacementPreferenceInput)[];
  'strategy'?: (_shoal_v1_Placement_StrategyInput);
}

export interface Placement {
  /**
   * All must hold (model/constraint.ts):
   * node.labels.zone == a · node.ip in (10.0.0.0/24, 10.1.0.5) · node.labels.disk >= 100 · engine.labels.ssd exists
   * service == db: where a task of db is, on the node or another agent of its engine · service != web: where none of web
   * is, and none of web comes after it. Looked at when a task is placed; nothing moves when the other service does.
   */
  'constraints': (string)[];
  /**
   * Tasks of this service on one node; 0 is no limit.
   */
  'maxReplicasPerNode': (number);
  /**
   * Any of these; none is any platform.
   */
  'platforms': (_shoal_v1_Platform)[];
  /**
   * At most 16. Not of services with one task on every node.
   */
  'preferences': (_shoal_v1_PlacementPreference)[];
  'strategy': (_shoal_v1_Placement_Strategy);
}
