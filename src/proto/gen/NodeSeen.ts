// Original file: proto/shoal/v1/session.proto

import type { NodeDescriptionInput as _shoal_v1_NodeDescriptionInput, NodeDescription as _shoal_v1_NodeDescription } from './NodeDescription.ts';
import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/session.proto

export const _shoal_v1_NodeSeen_Link = {
  OPEN: 'OPEN',
  /**
   * Closed without a goodbye: its kernel lives.
   */
  CLOSED: 'CLOSED',
  GOODBYE: 'GOODBYE',
} as const;

export type _shoal_v1_NodeSeen_LinkInput =
  | 'OPEN'
  | 0
  /**
   * Closed without a goodbye: its kernel lives.
   */
  | 'CLOSED'
  | 1
  | 'GOODBYE'
  | 2

export type _shoal_v1_NodeSeen_Link = typeof _shoal_v1_NodeSeen_Link[keyof typeof _shoal_v1_NodeSeen_Link]

/**
 * What the manager that holds (or held) a node's session knows of it.
 */
export interface NodeSeenInput {
  'nodeId'?: (string);
  /**
   * How long ago the node was heard of, by the relaying manager's monotonic clock.
   */
  'silentMs'?: (number | string | Long);
  'link'?: (_shoal_v1_NodeSeen_LinkInput);
  'sessionId'?: (string);
  /**
   * Set when the session opened or the description changed.
   */
  'description'?: (_shoal_v1_NodeDescriptionInput | null);
  'address'?: (string);
  'agentEpoch'?: (number | string | Long);
  'engineOk'?: (boolean);
  'engineMessage'?: (string);
}

/**
 * What the manager that holds (or held) a node's session knows of it.
 */
export interface NodeSeen {
  'nodeId': (string);
  /**
   * How long ago the node was heard of, by the relaying manager's monotonic clock.
   */
  'silentMs': (number);
  'link': (_shoal_v1_NodeSeen_Link);
  'sessionId': (string);
  /**
   * Set when the session opened or the description changed.
   */
  'description': (_shoal_v1_NodeDescription | null);
  'address': (string);
  'agentEpoch': (number);
  'engineOk': (boolean);
  'engineMessage': (string);
}
