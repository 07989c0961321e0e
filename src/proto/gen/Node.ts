// Original file: proto/shoal/v1/objects.proto

import type { MetaInput as _shoal_v1_MetaInput, Meta as _shoal_v1_Meta } from './Meta.ts';
import type { NodeSpecInput as _shoal_v1_NodeSpecInput, NodeSpec as _shoal_v1_NodeSpec } from './NodeSpec.ts';
import type { NodeDescriptionInput as _shoal_v1_NodeDescriptionInput, NodeDescription as _shoal_v1_NodeDescription } from './NodeDescription.ts';
import type { NodeStatusInput as _shoal_v1_NodeStatusInput, NodeStatus as _shoal_v1_NodeStatus } from './NodeStatus.ts';

// Original file: proto/shoal/v1/objects.proto

export const _shoal_v1_Node_Role = {
  WORKER: 'WORKER',
  MANAGER: 'MANAGER',
} as const;

export type _shoal_v1_Node_RoleInput =
  | 'WORKER'
  | 0
  | 'MANAGER'
  | 1

export type _shoal_v1_Node_Role = typeof _shoal_v1_Node_Role[keyof typeof _shoal_v1_Node_Role]

export interface NodeInput {
  'id'?: (string);
  'meta'?: (_shoal_v1_MetaInput | null);
  'spec'?: (_shoal_v1_NodeSpecInput | null);
  'role'?: (_shoal_v1_Node_RoleInput);
  /**
   * gRPC host:port by which managers reach the node.
   */
  'address'?: (string);
  'description'?: (_shoal_v1_NodeDescriptionInput | null);
  'status'?: (_shoal_v1_NodeStatusInput | null);
  /**
   * SHA-256 of the public key the certificate was issued for, hex: makes a repeated join idempotent.
   */
  'keyFingerprint'?: (string);
}

export interface Node {
  'id': (string);
  'meta': (_shoal_v1_Meta | null);
  'spec': (_shoal_v1_NodeSpec | null);
  'role': (_shoal_v1_Node_Role);
  /**
   * gRPC host:port by which managers reach the node.
   */
  'address': (string);
  'description': (_shoal_v1_NodeDescription | null);
  'status': (_shoal_v1_NodeStatus | null);
  /**
   * SHA-256 of the public key the certificate was issued for, hex: makes a repeated join idempotent.
   */
  'keyFingerprint': (string);
}
