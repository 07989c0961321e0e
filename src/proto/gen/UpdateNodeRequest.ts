// Original file: proto/shoal/v1/control.proto

import type { NodeSpecInput as _shoal_v1_NodeSpecInput, NodeSpec as _shoal_v1_NodeSpec } from './NodeSpec.ts';
import type { Long } from '@grpc/proto-loader';

export interface UpdateNodeRequestInput {
  'requestId'?: (string);
  'id'?: (string);
  'version'?: (number | string | Long);
  'spec'?: (_shoal_v1_NodeSpecInput | null);
}

export interface UpdateNodeRequest {
  'requestId': (string);
  'id': (string);
  'version': (number);
  'spec': (_shoal_v1_NodeSpec | null);
}
