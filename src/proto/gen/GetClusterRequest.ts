// Original file: proto/shoal/v1/control.proto

import type { ConsistencyInput as _shoal_v1_ConsistencyInput, Consistency as _shoal_v1_Consistency } from './Consistency.ts';

export interface GetClusterRequestInput {
  'consistency'?: (_shoal_v1_ConsistencyInput);
}

export interface GetClusterRequest {
  'consistency': (_shoal_v1_Consistency);
}
