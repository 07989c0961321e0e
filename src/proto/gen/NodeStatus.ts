// Original file: proto/shoal/v1/objects.proto

import type { SilenceInput as _shoal_v1_SilenceInput, Silence as _shoal_v1_Silence } from './Silence.ts';
import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/objects.proto

export const _shoal_v1_NodeStatus_State = {
  /**
   * Never connected, or a new leader has not heard of it yet.
   */
  UNKNOWN: 'UNKNOWN',
  READY: 'READY',
  /**
   * Not heard of for 3 s, or its connection closed without a goodbye.
   */
  UNREACHABLE: 'UNREACHABLE',
  /**
   * Lost: its tasks are being replaced.
   */
  DOWN: 'DOWN',
  /**
   * Said goodbye.
   */
  LEFT: 'LEFT',
} as const;

export type _shoal_v1_NodeStatus_StateInput =
  /**
   * Never connected, or a new leader has not heard of it yet.
   */
  | 'UNKNOWN'
  | 0
  | 'READY'
  | 1
  /**
   * Not heard of for 3 s, or its connection closed without a goodbye.
   */
  | 'UNREACHABLE'
  | 2
  /**
   * Lost: its tasks are being replaced.
   */
  | 'DOWN'
  | 3
  /**
   * Said goodbye.
   */
  | 'LEFT'
  | 4

export type _shoal_v1_NodeStatus_State = typeof _shoal_v1_NodeStatus_State[keyof typeof _shoal_v1_NodeStatus_State]

export interface NodeStatusInput {
  'state'?: (_shoal_v1_NodeStatus_StateInput);
  'message'?: (string);
  /**
   * Cluster time of the last change of `state`.
   */
  'sinceMs'?: (number | string | Long);
  /**
   * The engine answers; false with engine_message otherwise.
   */
  'engineOk'?: (boolean);
  'engineMessage'?: (string);
  /**
   * The manager that holds the session.
   */
  'sessionManagerId'?: (string);
  /**
   * Incremented by the node at every start of its agent.
   */
  'agentEpoch'?: (number | string | Long);
  /**
   * Unset while the node is heard of.
   */
  'silence'?: (_shoal_v1_SilenceInput | null);
  /**
   * Cluster time of the last change of engine_ok. After 5 min without its engine a node's containers are replaced.
   */
  'engineSinceMs'?: (number | string | Long);
  /**
   * Cluster time at which its drain began; 0 while it is not drained.
   */
  'drainSinceMs'?: (number | string | Long);
  /**
   * The newest session that the leader has heard of.
   */
  'sessionId'?: (string);
  /**
   * Cluster time at which the deadline of its drain stopped tasks that had nowhere else to run; 0 while it has not.
   */
  'drainOverdueMs'?: (number | string | Long);
}

export interface NodeStatus {
  'state': (_shoal_v1_NodeStatus_State);
  'message': (string);
  /**
   * Cluster time of the last change of `state`.
   */
  'sinceMs': (number);
  /**
   * The engine answers; false with engine_message otherwise.
   */
  'engineOk': (boolean);
  'engineMessage': (string);
  /**
   * The manager that holds the session.
   */
  'sessionManagerId': (string);
  /**
   * Incremented by the node at every start of its agent.
   */
  'agentEpoch': (number);
  /**
   * Unset while the node is heard of.
   */
  'silence': (_shoal_v1_Silence | null);
  /**
   * Cluster time of the last change of engine_ok. After 5 min without its engine a node's containers are replaced.
   */
  'engineSinceMs': (number);
  /**
   * Cluster time at which its drain began; 0 while it is not drained.
   */
  'drainSinceMs': (number);
  /**
   * The newest session that the leader has heard of.
   */
  'sessionId': (string);
  /**
   * Cluster time at which the deadline of its drain stopped tasks that had nowhere else to run; 0 while it has not.
   */
  'drainOverdueMs': (number);
}
