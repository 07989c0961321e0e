// Original file: proto/shoal/v1/control.proto

import type { NodeInput as _shoal_v1_NodeInput, Node as _shoal_v1_Node } from './Node.ts';
import type { ManagerStatusInput as _shoal_v1_ManagerStatusInput, ManagerStatus as _shoal_v1_ManagerStatus } from './ManagerStatus.ts';

export interface GetNodeResponseInput {
  'node'?: (_shoal_v1_NodeInput | null);
  'manager'?: (_shoal_v1_ManagerStatusInput | null);
}

export interface GetNodeResponse {
  'node': (_shoal_v1_Node | null);
  'manager': (_shoal_v1_ManagerStatus | null);
}
