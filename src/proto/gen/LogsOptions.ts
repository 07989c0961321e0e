// Original file: proto/shoal/v1/logs.proto

import type { Long } from '@grpc/proto-loader';

export interface LogsOptionsInput {
  'follow'?: (boolean);
  /**
   * Last lines of each source; 0 is none, unset all.
   */
  'tail'?: (number);
  /**
   * Unix ms; 0 is from the start.
   */
  'sinceMs'?: (number | string | Long);
  '_tail'?: "tail";
}

export interface LogsOptions {
  'follow': (boolean);
  /**
   * Last lines of each source; 0 is none, unset all.
   */
  'tail'?: (number);
  /**
   * Unix ms; 0 is from the start.
   */
  'sinceMs': (number);
  '_tail'?: "tail";
}
