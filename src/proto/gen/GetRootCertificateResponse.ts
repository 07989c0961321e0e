// Original file: proto/shoal/v1/ca.proto


export interface GetRootCertificateResponseInput {
  'rootCertificatePem'?: (string);
  'clusterId'?: (string);
}

export interface GetRootCertificateResponse {
  'rootCertificatePem': (string);
  'clusterId': (string);
}
