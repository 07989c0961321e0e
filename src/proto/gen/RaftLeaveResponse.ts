// Original file: proto/shoal/v1/raft.proto


export interface RaftLeaveResponseInput {
}

export interface RaftLeaveResponse {
}
