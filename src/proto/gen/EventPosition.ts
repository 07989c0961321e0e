// Original file: proto/shoal/v1/events.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Ordered by version, then n.
 */
export interface EventPositionInput {
  'version'?: (number | string | Long);
  'n'?: (number);
}

/**
 * Ordered by version, then n.
 */
export interface EventPosition {
  'version': (number);
  'n': (number);
}
