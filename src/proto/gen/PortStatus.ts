// Original file: proto/shoal/v1/types.proto

import type { _shoal_v1_PortSpec_ProtocolInput, _shoal_v1_PortSpec_Protocol } from './PortSpec.ts';

/**
 * A published port as it really is.
 */
export interface PortStatusInput {
  'target'?: (number);
  'published'?: (number);
  'protocol'?: (_shoal_v1_PortSpec_ProtocolInput);
  'hostIp'?: (string);
}

/**
 * A published port as it really is.
 */
export interface PortStatus {
  'target': (number);
  'published': (number);
  'protocol': (_shoal_v1_PortSpec_Protocol);
  'hostIp': (string);
}
