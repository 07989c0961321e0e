// Original file: proto/shoal/v1/objects.proto

import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/objects.proto

export const _shoal_v1_Recovery_Kind = {
  /**
   * On a manager's own data, after the quorum was lost.
   */
  RECOVERED: 'RECOVERED',
  /**
   * From a backup, on an empty host.
   */
  RESTORED: 'RESTORED',
} as const;

export type _shoal_v1_Recovery_KindInput =
  /**
   * On a manager's own data, after the quorum was lost.
   */
  | 'RECOVERED'
  | 0
  /**
   * From a backup, on an empty host.
   */
  | 'RESTORED'
  | 1

export type _shoal_v1_Recovery_Kind = typeof _shoal_v1_Recovery_Kind[keyof typeof _shoal_v1_Recovery_Kind]

/**
 * How this life of the cluster began.
 */
export interface RecoveryInput {
  'kind'?: (_shoal_v1_Recovery_KindInput);
  /**
   * Unix ms by the clock of the machine where it was done.
   */
  'atMs'?: (number | string | Long);
  /**
   * Of the state it began from: what was changed later is not in it.
   */
  'version'?: (number | string | Long);
  /**
   * Managers of the life before: workers now, if they come back.
   */
  'formerManagerIds'?: (string)[];
}

/**
 * How this life of the cluster began.
 */
export interface Recovery {
  'kind': (_shoal_v1_Recovery_Kind);
  /**
   * Unix ms by the clock of the machine where it was done.
   */
  'atMs': (number);
  /**
   * Of the state it began from: what was changed later is not in it.
   */
  'version': (number);
  /**
   * Managers of the life before: workers now, if they come back.
   */
  'formerManagerIds': (string)[];
}
