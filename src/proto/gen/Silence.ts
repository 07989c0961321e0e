// Original file: proto/shoal/v1/objects.proto

import type { Long } from '@grpc/proto-loader';

/**
 * How long a node has been silent: not all the time, but each time at which something follows from it.
 */
export interface SilenceInput {
  /**
   * Time under a leader since its last word, at least.
   */
  'ms'?: (number | string | Long);
  /**
   * Its kernel closed the connection.
   */
  'closed'?: (boolean);
}

/**
 * How long a node has been silent: not all the time, but each time at which something follows from it.
 */
export interface Silence {
  /**
   * Time under a leader since its last word, at least.
   */
  'ms': (number);
  /**
   * Its kernel closed the connection.
   */
  'closed': (boolean);
}
