// Original file: proto/shoal/v1/control.proto

import type { Long } from '@grpc/proto-loader';

export interface RollbackServiceRequestInput {
  'requestId'?: (string);
  'id'?: (string);
  /**
   * A revision that is kept; 0 is the one the last rollout came from.
   */
  'to'?: (number | string | Long);
}

export interface RollbackServiceRequest {
  'requestId': (string);
  'id': (string);
  /**
   * A revision that is kept; 0 is the one the last rollout came from.
   */
  'to': (number);
}
