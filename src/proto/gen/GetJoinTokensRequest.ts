// Original file: proto/shoal/v1/control.proto


export interface GetJoinTokensRequestInput {
}

export interface GetJoinTokensRequest {
}
