// Original file: proto/shoal/v1/control.proto


export interface RemoveNodeRequestInput {
  'requestId'?: (string);
  'id'?: (string);
  /**
   * Also when the node is up.
   */
  'force'?: (boolean);
  /**
   * As in SetNodeRoleRequest.
   */
  'loseQuorum'?: (boolean);
}

export interface RemoveNodeRequest {
  'requestId': (string);
  'id': (string);
  /**
   * Also when the node is up.
   */
  'force': (boolean);
  /**
   * As in SetNodeRoleRequest.
   */
  'loseQuorum': (boolean);
}
