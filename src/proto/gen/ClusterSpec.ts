// Original file: proto/shoal/v1/specs.proto

import type { Long } from '@grpc/proto-loader';

export interface ClusterSpecInput {
  'name'?: (string);
  /**
   * Tasks kept per slot, the live one included; 0 is the default of 5.
   */
  'taskHistoryLimit'?: (number | string | Long);
}

export interface ClusterSpec {
  'name': (string);
  /**
   * Tasks kept per slot, the live one included; 0 is the default of 5.
   */
  'taskHistoryLimit': (number);
}
