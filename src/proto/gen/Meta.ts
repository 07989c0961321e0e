// Original file: proto/shoal/v1/types.proto

import type { Long } from '@grpc/proto-loader';

export interface MetaInput {
  /**
   * The Raft index at which the object was last written: its version for updates and watches.
   */
  'version'?: (number | string | Long);
  /**
   * Cluster time.
   */
  'createdAtMs'?: (number | string | Long);
  'updatedAtMs'?: (number | string | Long);
}

export interface Meta {
  /**
   * The Raft index at which the object was last written: its version for updates and watches.
   */
  'version': (number);
  /**
   * Cluster time.
   */
  'createdAtMs': (number);
  'updatedAtMs': (number);
}
