// Original file: proto/shoal/v1/specs.proto

import type { Long } from '@grpc/proto-loader';

export interface GpuRequestInput {
  /**
   * -1 is all of the node's; 0 where device_ids names them.
   */
  'count'?: (number | string | Long);
  'deviceIds'?: (string)[];
  /**
   * Beside "gpu": "utility", "compute", ...
   */
  'capabilities'?: (string)[];
  /**
   * Empty is whichever the engine has.
   */
  'driver'?: (string);
}

export interface GpuRequest {
  /**
   * -1 is all of the node's; 0 where device_ids names them.
   */
  'count': (number);
  'deviceIds': (string)[];
  /**
   * Beside "gpu": "utility", "compute", ...
   */
  'capabilities': (string)[];
  /**
   * Empty is whichever the engine has.
   */
  'driver': (string);
}
