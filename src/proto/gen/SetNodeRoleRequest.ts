// Original file: proto/shoal/v1/control.proto

import type { _shoal_v1_Node_RoleInput, _shoal_v1_Node_Role } from './Node.ts';

export interface SetNodeRoleRequestInput {
  'requestId'?: (string);
  'id'?: (string);
  'role'?: (_shoal_v1_Node_RoleInput);
  /**
   * Also when too few of the managers left would answer: then nothing can be changed until they do.
   */
  'loseQuorum'?: (boolean);
}

export interface SetNodeRoleRequest {
  'requestId': (string);
  'id': (string);
  'role': (_shoal_v1_Node_Role);
  /**
   * Also when too few of the managers left would answer: then nothing can be changed until they do.
   */
  'loseQuorum': (boolean);
}
