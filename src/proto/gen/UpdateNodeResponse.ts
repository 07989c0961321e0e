// Original file: proto/shoal/v1/control.proto

import type { NodeInput as _shoal_v1_NodeInput, Node as _shoal_v1_Node } from './Node.ts';

export interface UpdateNodeResponseInput {
  'node'?: (_shoal_v1_NodeInput | null);
  /**
   * As of services: that no node is left to take tasks, that the quorum is lost.
   */
  'warnings'?: (string)[];
}

export interface UpdateNodeResponse {
  'node': (_shoal_v1_Node | null);
  /**
   * As of services: that no node is left to take tasks, that the quorum is lost.
   */
  'warnings': (string)[];
}
