// Original file: proto/shoal/v1/control.proto

import type { ClusterInput as _shoal_v1_ClusterInput, Cluster as _shoal_v1_Cluster } from './Cluster.ts';
import type { Long } from '@grpc/proto-loader';

export interface GetClusterResponseInput {
  /**
   * Without its secrets.
   */
  'cluster'?: (_shoal_v1_ClusterInput | null);
  /**
   * Empty without a leader.
   */
  'leaderId'?: (string);
  'leaderAddress'?: (string);
  'term'?: (number | string | Long);
  'commitIndex'?: (number | string | Long);
  'managers'?: (number);
  'managersReachable'?: (number);
  'nodes'?: (number);
  'nodesReady'?: (number);
  'services'?: (number);
  'tasks'?: (number);
  'tasksRunning'?: (number);
  /**
   * What managers write, and what they could write after shoal cluster upgrade --finalize: the same
   * while a node runs an older version or does not answer.
   */
  'protocol'?: (number);
  'protocolReady'?: (number);
}

export interface GetClusterResponse {
  /**
   * Without its secrets.
   */
  'cluster': (_shoal_v1_Cluster | null);
  /**
   * Empty without a leader.
   */
  'leaderId': (string);
  'leaderAddress': (string);
  'term': (number);
  'commitIndex': (number);
  'managers': (number);
  'managersReachable': (number);
  'nodes': (number);
  'nodesReady': (number);
  'services': (number);
  'tasks': (number);
  'tasksRunning': (number);
  /**
   * What managers write, and what they could write after shoal cluster upgrade --finalize: the same
   * while a node runs an older version or does not answer.
   */
  'protocol': (number);
  'protocolReady': (number);
}
