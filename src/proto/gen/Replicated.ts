// Original file: proto/shoal/v1/specs.proto

import type { Long } from '@grpc/proto-loader';

export interface ReplicatedInput {
  'replicas'?: (number | string | Long);
}

export interface Replicated {
  'replicas': (number);
}
