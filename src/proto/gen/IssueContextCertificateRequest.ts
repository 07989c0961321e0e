// Original file: proto/shoal/v1/ca.proto


export interface IssueContextCertificateRequestInput {
  'csrPem'?: (string);
  /**
   * Shown as the actor of this context's changes.
   */
  'name'?: (string);
}

export interface IssueContextCertificateRequest {
  'csrPem': (string);
  /**
   * Shown as the actor of this context's changes.
   */
  'name': (string);
}
