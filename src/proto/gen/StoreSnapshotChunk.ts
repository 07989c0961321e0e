// Original file: proto/shoal/v1/store.proto

import type { StoreObjectInput as _shoal_v1_StoreObjectInput, StoreObject as _shoal_v1_StoreObject } from './StoreObject.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * One piece of a snapshot's body.
 */
export interface StoreSnapshotChunkInput {
  'clusterTimeMs'?: (number | string | Long);
  'objects'?: (_shoal_v1_StoreObjectInput)[];
}

/**
 * One piece of a snapshot's body.
 */
export interface StoreSnapshotChunk {
  'clusterTimeMs': (number);
  'objects': (_shoal_v1_StoreObject)[];
}
