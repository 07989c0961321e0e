// Original file: proto/shoal/v1/daemon.proto


export interface StatusRequestInput {
}

export interface StatusRequest {
}
