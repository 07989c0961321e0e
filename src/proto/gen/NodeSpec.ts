// Original file: proto/shoal/v1/specs.proto


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
}

export interface NodeSpec {
  'name': (string);
  'labels': ({[key: string]: string});
  'availability': (_shoal_v1_NodeSpec_Availability);
}
