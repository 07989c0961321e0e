// Original file: proto/shoal/v1/session.proto

import type { NodeSpecInput as _shoal_v1_NodeSpecInput, NodeSpec as _shoal_v1_NodeSpec } from './NodeSpec.ts';
import type { _shoal_v1_Node_RoleInput, _shoal_v1_Node_Role } from './Node.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * A piece of an encoded AssignmentSet.
 */
export interface _shoal_v1_SessionDown_AssignmentChunkInput {
  'data'?: (Buffer | Uint8Array | string);
  'last'?: (boolean);
}

/**
 * A piece of an encoded AssignmentSet.
 */
export interface _shoal_v1_SessionDown_AssignmentChunk {
  'data': (Buffer);
  'last': (boolean);
}

export interface _shoal_v1_SessionDown_HeartbeatInput {
  /**
   * Of the heartbeat that it answers: proof that a manager has heard the agent since it sent that.
   */
  'number'?: (number | string | Long);
}

export interface _shoal_v1_SessionDown_Heartbeat {
  /**
   * Of the heartbeat that it answers: proof that a manager has heard the agent since it sent that.
   */
  'number': (number);
}

export interface _shoal_v1_SessionDown_ManagersInput {
  'addresses'?: (string)[];
}

export interface _shoal_v1_SessionDown_Managers {
  'addresses': (string)[];
}

export interface _shoal_v1_SessionDown_RoleInput {
  'role'?: (_shoal_v1_Node_RoleInput);
}

export interface _shoal_v1_SessionDown_Role {
  'role': (_shoal_v1_Node_Role);
}

/**
 * Reports up to here are committed and need not be sent again.
 */
export interface _shoal_v1_SessionDown_StatusAckInput {
  'acks'?: (_shoal_v1_SessionDown_TaskAckInput)[];
}

/**
 * Reports up to here are committed and need not be sent again.
 */
export interface _shoal_v1_SessionDown_StatusAck {
  'acks': (_shoal_v1_SessionDown_TaskAck)[];
}

export interface _shoal_v1_SessionDown_TaskAckInput {
  'taskId'?: (string);
  'agentEpoch'?: (number | string | Long);
  'sequence'?: (number | string | Long);
}

export interface _shoal_v1_SessionDown_TaskAck {
  'taskId': (string);
  'agentEpoch': (number);
  'sequence': (number);
}

export interface _shoal_v1_SessionDown_WelcomeInput {
  'sessionId'?: (string);
  'heartbeatMs'?: (number | string | Long);
  'clusterIncarnation'?: (string);
}

export interface _shoal_v1_SessionDown_Welcome {
  'sessionId': (string);
  'heartbeatMs': (number);
  'clusterIncarnation': (string);
}

export interface SessionDownInput {
  'welcome'?: (_shoal_v1_SessionDown_WelcomeInput | null);
  'managers'?: (_shoal_v1_SessionDown_ManagersInput | null);
  'assignments'?: (_shoal_v1_SessionDown_AssignmentChunkInput | null);
  'ack'?: (_shoal_v1_SessionDown_StatusAckInput | null);
  /**
   * The node object's own part of desired state: availability.
   */
  'node'?: (_shoal_v1_NodeSpecInput | null);
  /**
   * Answers a heartbeat, so that the agent sees a half-open connection.
   */
  'heartbeat'?: (_shoal_v1_SessionDown_HeartbeatInput | null);
  /**
   * The node's role in the cluster: another one than its certificate's is to be taken on.
   */
  'role'?: (_shoal_v1_SessionDown_RoleInput | null);
  'message'?: "welcome"|"managers"|"assignments"|"ack"|"node"|"role"|"heartbeat";
}

export interface SessionDown {
  'welcome'?: (_shoal_v1_SessionDown_Welcome | null);
  'managers'?: (_shoal_v1_SessionDown_Managers | null);
  'assignments'?: (_shoal_v1_SessionDown_AssignmentChunk | null);
  'ack'?: (_shoal_v1_SessionDown_StatusAck | null);
  /**
   * The node object's own part of desired state: availability.
   */
  'node'?: (_shoal_v1_NodeSpec | null);
  /**
   * Answers a heartbeat, so that the agent sees a half-open connection.
   */
  'heartbeat'?: (_shoal_v1_SessionDown_Heartbeat | null);
  /**
   * The node's role in the cluster: another one than its certificate's is to be taken on.
   */
  'role'?: (_shoal_v1_SessionDown_Role | null);
  'message'?: "welcome"|"managers"|"assignments"|"ack"|"node"|"role"|"heartbeat";
}
