// Original file: proto/shoal/v1/objects.proto

import type { Long } from '@grpc/proto-loader';

export interface TaskMoveInput {
  'toNodeId'?: (string);
  /**
   * Cluster time.
   */
  'sinceMs'?: (number | string | Long);
}

export interface TaskMove {
  'toNodeId': (string);
  /**
   * Cluster time.
   */
  'sinceMs': (number);
}
