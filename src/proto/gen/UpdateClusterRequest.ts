// Original file: proto/shoal/v1/control.proto

import type { ClusterSpecInput as _shoal_v1_ClusterSpecInput, ClusterSpec as _shoal_v1_ClusterSpec } from './ClusterSpec.ts';
import type { Long } from '@grpc/proto-loader';

export interface UpdateClusterRequestInput {
  'requestId'?: (string);
  'version'?: (number | string | Long);
  'spec'?: (_shoal_v1_ClusterSpecInput | null);
  'rotateWorkerToken'?: (boolean);
  'rotateManagerToken'?: (boolean);
}

export interface UpdateClusterRequest {
  'requestId': (string);
  'version': (number);
  'spec': (_shoal_v1_ClusterSpec | null);
  'rotateWorkerToken': (boolean);
  'rotateManagerToken': (boolean);
}
