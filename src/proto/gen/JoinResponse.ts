// Original file: proto/shoal/v1/daemon.proto


export interface JoinResponseInput {
  'clusterId'?: (string);
  'nodeId'?: (string);
  /**
   * "worker" or "manager".
   */
  'role'?: (string);
}

export interface JoinResponse {
  'clusterId': (string);
  'nodeId': (string);
  /**
   * "worker" or "manager".
   */
  'role': (string);
}
