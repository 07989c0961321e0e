// Original file: proto/shoal/v1/raft.proto

import type { Long } from '@grpc/proto-loader';

export interface RaftDiskResponseInput {
  /**
   * Below its own low-water mark: it refuses proposals, or would.
   */
  'isLow'?: (boolean);
  'freeBytes'?: (number | string | Long);
}

export interface RaftDiskResponse {
  /**
   * Below its own low-water mark: it refuses proposals, or would.
   */
  'isLow': (boolean);
  'freeBytes': (number);
}
