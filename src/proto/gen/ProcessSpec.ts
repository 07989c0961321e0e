// Original file: proto/shoal/v1/specs.proto

import type { HealthCheckInput as _shoal_v1_HealthCheckInput, HealthCheck as _shoal_v1_HealthCheck } from './HealthCheck.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * A plain process of the node's operating system.
 */
export interface ProcessSpecInput {
  /**
   * Program and arguments; at least one element.
   */
  'command'?: (string)[];
  'env'?: (string)[];
  'dir'?: (string);
  'stopSignal'?: (string);
  'stopGraceMs'?: (number | string | Long);
  'health'?: (_shoal_v1_HealthCheckInput | null);
  '_stopGraceMs'?: "stopGraceMs";
}

/**
 * A plain process of the node's operating system.
 */
export interface ProcessSpec {
  /**
   * Program and arguments; at least one element.
   */
  'command': (string)[];
  'env': (string)[];
  'dir': (string);
  'stopSignal': (string);
  'stopGraceMs'?: (number);
  'health': (_shoal_v1_HealthCheck | null);
  '_stopGraceMs'?: "stopGraceMs";
}
