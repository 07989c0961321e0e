// Original file: proto/shoal/v1/session.proto


export interface RelayResponseInput {
}

export interface RelayResponse {
}
