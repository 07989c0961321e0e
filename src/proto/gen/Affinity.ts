// Original file: proto/shoal/v1/specs.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Within a branch of the spread, nodes whose weights sum up highest come first, and others only when those are full.
 */
export interface AffinityInput {
  /**
   * As in `constraints`.
   */
  'constraint'?: (string);
  /**
   * -100 to 100, where negative avoids; 0 is 50.
   */
  'weight'?: (number | string | Long);
}

/**
 * Within a branch of the spread, nodes whose weights sum up highest come first, and others only when those are full.
 */
export interface Affinity {
  /**
   * As in `constraints`.
   */
  'constraint': (string);
  /**
   * -100 to 100, where negative avoids; 0 is 50.
   */
  'weight': (number);
}
