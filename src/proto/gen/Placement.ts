// Original file: proto/shoal/v1/specs.proto

import type { PlatformInput as _shoal_v1_PlatformInput, Platform as _shoal_v1_Platform } from './Platform.ts';
import type { Long } from '@grpc/proto-loader';

export interface PlacementInput {
  /**
   * `node.labels.zone == a`, all must hold.
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
}

export interface Placement {
  /**
   * `node.labels.zone == a`, all must hold.
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
}
