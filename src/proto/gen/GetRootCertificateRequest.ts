// Original file: proto/shoal/v1/ca.proto


export interface GetRootCertificateRequestInput {
}

export interface GetRootCertificateRequest {
}
