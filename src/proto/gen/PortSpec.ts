// Original file: proto/shoal/v1/types.proto

import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/types.proto

export const _shoal_v1_PortSpec_Protocol = {
  TCP: 'TCP',
  UDP: 'UDP',
} as const;

export type _shoal_v1_PortSpec_ProtocolInput =
  | 'TCP'
  | 0
  | 'UDP'
  | 1

export type _shoal_v1_PortSpec_Protocol = typeof _shoal_v1_PortSpec_Protocol[keyof typeof _shoal_v1_PortSpec_Protocol]

/**
 * A port of the node itself, bound to one task.
 */
export interface PortSpecInput {
  /**
   * Port inside the container, or the port a process is told by SHOAL_PORT_<target>.
   */
  'target'?: (number | string | Long);
  /**
   * Port on the node; 0 takes a free one, reported in the task's status.
   */
  'published'?: (number | string | Long);
  'protocol'?: (_shoal_v1_PortSpec_ProtocolInput);
  /**
   * Address to bind; empty is every address.
   */
  'hostIp'?: (string);
}

/**
 * A port of the node itself, bound to one task.
 */
export interface PortSpec {
  /**
   * Port inside the container, or the port a process is told by SHOAL_PORT_<target>.
   */
  'target': (number);
  /**
   * Port on the node; 0 takes a free one, reported in the task's status.
   */
  'published': (number);
  'protocol': (_shoal_v1_PortSpec_Protocol);
  /**
   * Address to bind; empty is every address.
   */
  'hostIp': (string);
}
