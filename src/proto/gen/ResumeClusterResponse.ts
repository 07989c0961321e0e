// Original file: proto/shoal/v1/control.proto


export interface ResumeClusterResponseInput {
}

export interface ResumeClusterResponse {
}
