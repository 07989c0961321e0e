// Original file: proto/shoal/v1/raft.proto


export interface RaftDiskRequestInput {
}

export interface RaftDiskRequest {
}
