// Original file: proto/shoal/v1/specs.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Counted on nodes that say how many they have, as the generic resource "gpu": by what their engine has found (CDI, engines
 * from 28.2 on) or their operator says. A task gets GPUs of its own there; elsewhere the engine hands out what it is asked for.
 */
export interface GpuRequestInput {
  /**
   * -1 is all of the node's, none of which may be taken; 0 where device_ids names them.
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

/**
 * Counted on nodes that say how many they have, as the generic resource "gpu": by what their engine has found (CDI, engines
 * from 28.2 on) or their operator says. A task gets GPUs of its own there; elsewhere the engine hands out what it is asked for.
 */
export interface GpuRequest {
  /**
   * -1 is all of the node's, none of which may be taken; 0 where device_ids names them.
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
