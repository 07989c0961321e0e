// Original file: proto/shoal/v1/raft.proto

import type { Long } from '@grpc/proto-loader';

export interface FetchSnapshotRequestInput {
  'index'?: (number | string | Long);
  'term'?: (number | string | Long);
  'offset'?: (number | string | Long);
}

export interface FetchSnapshotRequest {
  'index': (number);
  'term': (number);
  'offset': (number);
}
