// Original file: proto/shoal/v1/control.proto

import type { ClusterInput as _shoal_v1_ClusterInput, Cluster as _shoal_v1_Cluster } from './Cluster.ts';

export interface UpdateClusterResponseInput {
  'cluster'?: (_shoal_v1_ClusterInput | null);
}

export interface UpdateClusterResponse {
  'cluster': (_shoal_v1_Cluster | null);
}
