// Original file: proto/shoal/v1/ca.proto


export interface IssueNodeCertificateRequestInput {
  'csrPem'?: (string);
  /**
   * Empty for a renewal.
   */
  'token'?: (string);
  /**
   * Chosen by the joiner (25 base-36 characters), so that a repeated request is the same node.
   */
  'nodeId'?: (string);
  'address'?: (string);
  'name'?: (string);
  'labels'?: ({[key: string]: string});
}

export interface IssueNodeCertificateRequest {
  'csrPem': (string);
  /**
   * Empty for a renewal.
   */
  'token': (string);
  /**
   * Chosen by the joiner (25 base-36 characters), so that a repeated request is the same node.
   */
  'nodeId': (string);
  'address': (string);
  'name': (string);
  'labels': ({[key: string]: string});
}
