// Original file: proto/shoal/v1/specs.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Good if a connection is made; ports as above.
 */
export interface TcpProbeInput {
  'port'?: (number | string | Long);
}

/**
 * Good if a connection is made; ports as above.
 */
export interface TcpProbe {
  'port': (number);
}
