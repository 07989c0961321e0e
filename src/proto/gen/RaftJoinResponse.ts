// Original file: proto/shoal/v1/raft.proto


export interface RaftJoinResponseInput {
  /**
   * The members as "<id> <address>", so that the joiner can dial them.
   */
  'members'?: (string)[];
}

export interface RaftJoinResponse {
  /**
   * The members as "<id> <address>", so that the joiner can dial them.
   */
  'members': (string)[];
}
