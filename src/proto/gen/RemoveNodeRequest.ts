// Original file: proto/shoal/v1/control.proto


export interface RemoveNodeRequestInput {
  'requestId'?: (string);
  'id'?: (string);
  /**
   * Also when the node is up, or when too few of the managers left would answer.
   */
  'force'?: (boolean);
}

export interface RemoveNodeRequest {
  'requestId': (string);
  'id': (string);
  /**
   * Also when the node is up, or when too few of the managers left would answer.
   */
  'force': (boolean);
}
