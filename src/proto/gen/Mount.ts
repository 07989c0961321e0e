// Original file: proto/shoal/v1/specs.proto

import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/specs.proto

export const _shoal_v1_Mount_Type = {
  BIND: 'BIND',
  VOLUME: 'VOLUME',
  TMPFS: 'TMPFS',
} as const;

export type _shoal_v1_Mount_TypeInput =
  | 'BIND'
  | 0
  | 'VOLUME'
  | 1
  | 'TMPFS'
  | 2

export type _shoal_v1_Mount_Type = typeof _shoal_v1_Mount_Type[keyof typeof _shoal_v1_Mount_Type]

export interface MountInput {
  'type'?: (_shoal_v1_Mount_TypeInput);
  'source'?: (string);
  'target'?: (string);
  'readOnly'?: (boolean);
  /**
   * TMPFS only.
   */
  'tmpfsSizeBytes'?: (number | string | Long);
}

export interface Mount {
  'type': (_shoal_v1_Mount_Type);
  'source': (string);
  'target': (string);
  'readOnly': (boolean);
  /**
   * TMPFS only.
   */
  'tmpfsSizeBytes': (number);
}
