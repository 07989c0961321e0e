// Original file: proto/shoal/v1/raft.proto


export interface RaftJoinRequestInput {
  'address'?: (string);
}

export interface RaftJoinRequest {
  'address': (string);
}
