// Original file: proto/shoal/v1/objects.proto

import type { Long } from '@grpc/proto-loader';

export interface RolloutFailureInput {
  'taskId'?: (string);
  /**
   * As in the task: its slot, or with slot 0 the node it belongs to.
   */
  'slot'?: (number | string | Long);
  'pinnedNodeId'?: (string);
  'atMs'?: (number | string | Long);
  'message'?: (string);
}

export interface RolloutFailure {
  'taskId': (string);
  /**
   * As in the task: its slot, or with slot 0 the node it belongs to.
   */
  'slot': (number);
  'pinnedNodeId': (string);
  'atMs': (number);
  'message': (string);
}
