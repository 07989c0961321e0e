// Original file: proto/shoal/v1/node.proto


export interface NodeTasksRequestInput {
}

export interface NodeTasksRequest {
}
