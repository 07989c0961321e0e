// Original file: proto/shoal/v1/types.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Of a node: how many it has, or which. Of a reservation: how many the task takes. Of a placed task: how many it has, or
 * which where its node names them.
 */
export interface GenericResourceInput {
  /**
   * 1 to 63 letters, digits, dots, dashes and underscores, case kept.
   */
  'kind'?: (string);
  /**
   * 0 where they are named.
   */
  'count'?: (number | string | Long);
  'names'?: (string)[];
}

/**
 * Of a node: how many it has, or which. Of a reservation: how many the task takes. Of a placed task: how many it has, or
 * which where its node names them.
 */
export interface GenericResource {
  /**
   * 1 to 63 letters, digits, dots, dashes and underscores, case kept.
   */
  'kind': (string);
  /**
   * 0 where they are named.
   */
  'count': (number);
  'names': (string)[];
}
