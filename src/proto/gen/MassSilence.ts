// Original file: proto/shoal/v1/objects.proto

import type { Long } from '@grpc/proto-loader';

/**
 * More than half of the nodes fell silent within 10 s: that is rather the network, or the manager that listens, than so
 * many hosts, so for a while nothing is replaced.
 */
export interface MassSilenceInput {
  /**
   * Cluster times.
   */
  'sinceMs'?: (number | string | Long);
  'untilMs'?: (number | string | Long);
  'silent'?: (number);
  'nodes'?: (number);
}

/**
 * More than half of the nodes fell silent within 10 s: that is rather the network, or the manager that listens, than so
 * many hosts, so for a while nothing is replaced.
 */
export interface MassSilence {
  /**
   * Cluster times.
   */
  'sinceMs': (number);
  'untilMs': (number);
  'silent': (number);
  'nodes': (number);
}
