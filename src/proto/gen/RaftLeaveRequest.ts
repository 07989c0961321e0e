// Original file: proto/shoal/v1/raft.proto


export interface RaftLeaveRequestInput {
  'nodeId'?: (string);
}

export interface RaftLeaveRequest {
  'nodeId': (string);
}
