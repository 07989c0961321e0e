// Original file: proto/shoal/v1/specs.proto

import type { ResourcesInput as _shoal_v1_ResourcesInput, Resources as _shoal_v1_Resources } from './Resources.ts';
import type { Long } from '@grpc/proto-loader';

export interface ResourceRequirementsInput {
  /**
   * Enforced on the node.
   */
  'limits'?: (_shoal_v1_ResourcesInput | null);
  /**
   * Counted by the scheduler.
   */
  'reservations'?: (_shoal_v1_ResourcesInput | null);
  /**
   * Processes; 0 is no limit.
   */
  'pidsLimit'?: (number | string | Long);
}

export interface ResourceRequirements {
  /**
   * Enforced on the node.
   */
  'limits': (_shoal_v1_Resources | null);
  /**
   * Counted by the scheduler.
   */
  'reservations': (_shoal_v1_Resources | null);
  /**
   * Processes; 0 is no limit.
   */
  'pidsLimit': (number);
}
