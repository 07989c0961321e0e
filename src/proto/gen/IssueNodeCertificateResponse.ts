// Original file: proto/shoal/v1/ca.proto

import type { _shoal_v1_Node_RoleInput, _shoal_v1_Node_Role } from './Node.ts';

export interface IssueNodeCertificateResponseInput {
  'certificatePem'?: (string);
  'rootCertificatePem'?: (string);
  'clusterId'?: (string);
  'nodeId'?: (string);
  'role'?: (_shoal_v1_Node_RoleInput);
  /**
   * gRPC addresses of the managers.
   */
  'managers'?: (string)[];
}

export interface IssueNodeCertificateResponse {
  'certificatePem': (string);
  'rootCertificatePem': (string);
  'clusterId': (string);
  'nodeId': (string);
  'role': (_shoal_v1_Node_Role);
  /**
   * gRPC addresses of the managers.
   */
  'managers': (string)[];
}
