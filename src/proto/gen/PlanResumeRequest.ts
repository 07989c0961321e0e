// Original file: proto/shoal/v1/control.proto


export interface PlanResumeRequestInput {
}

export interface PlanResumeRequest {
}
