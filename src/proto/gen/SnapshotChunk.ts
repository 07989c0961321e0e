// Original file: proto/shoal/v1/raft.proto

import type { Long } from '@grpc/proto-loader';

export interface SnapshotChunkInput {
  'offset'?: (number | string | Long);
  'data'?: (Buffer | Uint8Array | string);
}

export interface SnapshotChunk {
  'offset': (number);
  'data': (Buffer);
}
