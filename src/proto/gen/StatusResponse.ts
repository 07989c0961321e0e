// Original file: proto/shoal/v1/daemon.proto


export interface StatusResponseInput {
  /**
   * "uninitialized", "joining", "ready", "leaving".
   */
  'state'?: (string);
  'clusterId'?: (string);
  'nodeId'?: (string);
  'role'?: (string);
  'message'?: (string);
}

export interface StatusResponse {
  /**
   * "uninitialized", "joining", "ready", "leaving".
   */
  'state': (string);
  'clusterId': (string);
  'nodeId': (string);
  'role': (string);
  'message': (string);
}
