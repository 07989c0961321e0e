// Original file: proto/shoal/v1/specs.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Good if it answers GET with a status from 200 to 399; redirects are not followed. The port is the one inside the
 * container; of a process that publishes it as a target it is the published one, else that port of 127.0.0.1.
 */
export interface HttpProbeInput {
  'port'?: (number | string | Long);
  /**
   * With a query if need be; empty is /.
   */
  'path'?: (string);
  'headers'?: ({[key: string]: string});
}

/**
 * Good if it answers GET with a status from 200 to 399; redirects are not followed. The port is the one inside the
 * container; of a process that publishes it as a target it is the published one, else that port of 127.0.0.1.
 */
export interface HttpProbe {
  'port': (number);
  /**
   * With a query if need be; empty is /.
   */
  'path': (string);
  'headers': ({[key: string]: string});
}
