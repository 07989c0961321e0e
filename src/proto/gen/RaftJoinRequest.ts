// Original file: proto/shoal/v1/raft.proto


export interface RaftJoinRequestInput {
  'address'?: (string);
  /**
   * The highest protocol the caller's program speaks; 0 is 1.
   */
  'protocolMax'?: (number);
}

export interface RaftJoinRequest {
  'address': (string);
  /**
   * The highest protocol the caller's program speaks; 0 is 1.
   */
  'protocolMax': (number);
}
