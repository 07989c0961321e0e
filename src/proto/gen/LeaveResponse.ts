// Original file: proto/shoal/v1/daemon.proto


export interface LeaveResponseInput {
}

export interface LeaveResponse {
}
