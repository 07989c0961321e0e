// Original file: proto/shoal/v1/specs.proto

import type { AffinityInput as _shoal_v1_AffinityInput, Affinity as _shoal_v1_Affinity } from './Affinity.ts';

export interface PlacementPreferenceInput {
  /**
   * `node.labels.zone`: tasks are spread evenly over its values; nodes without the label are one value more. Several are
   * levels, the first the widest.
   */
  'spread'?: (string);
  'affinity'?: (_shoal_v1_AffinityInput | null);
  'preference'?: "spread"|"affinity";
}

export interface PlacementPreference {
  /**
   * `node.labels.zone`: tasks are spread evenly over its values; nodes without the label are one value more. Several are
   * levels, the first the widest.
   */
  'spread'?: (string);
  'affinity'?: (_shoal_v1_Affinity | null);
  'preference'?: "spread"|"affinity";
}
