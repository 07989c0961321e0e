// Original file: proto/shoal/v1/ca.proto


export interface IssueContextCertificateResponseInput {
  'certificatePem'?: (string);
  'rootCertificatePem'?: (string);
  'clusterId'?: (string);
  'managers'?: (string)[];
}

export interface IssueContextCertificateResponse {
  'certificatePem': (string);
  'rootCertificatePem': (string);
  'clusterId': (string);
  'managers': (string)[];
}
