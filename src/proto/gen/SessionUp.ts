// Original file: proto/shoal/v1/session.proto

import type { NodeDescriptionInput as _shoal_v1_NodeDescriptionInput, NodeDescription as _shoal_v1_NodeDescription } from './NodeDescription.ts';
import type { TaskReportInput as _shoal_v1_TaskReportInput, TaskReport as _shoal_v1_TaskReport } from './TaskReport.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * A clean stop: act on it at once.
 */
export interface _shoal_v1_SessionUp_GoodbyeInput {
  'reason'?: (string);
}

/**
 * A clean stop: act on it at once.
 */
export interface _shoal_v1_SessionUp_Goodbye {
  'reason': (string);
}

export interface _shoal_v1_SessionUp_HeartbeatInput {
  /**
   * The engine's health, so that "engine not answering" needs no message of its own.
   */
  'engineOk'?: (boolean);
  'engineMessage'?: (string);
  /**
   * Counts up from 1 within a session; the answer repeats it.
   */
  'number'?: (number | string | Long);
}

export interface _shoal_v1_SessionUp_Heartbeat {
  /**
   * The engine's health, so that "engine not answering" needs no message of its own.
   */
  'engineOk': (boolean);
  'engineMessage': (string);
  /**
   * Counts up from 1 within a session; the answer repeats it.
   */
  'number': (number);
}

export interface _shoal_v1_SessionUp_HelloInput {
  'description'?: (_shoal_v1_NodeDescriptionInput | null);
  'address'?: (string);
  'agentEpoch'?: (number | string | Long);
  'clusterId'?: (string);
}

export interface _shoal_v1_SessionUp_Hello {
  'description': (_shoal_v1_NodeDescription | null);
  'address': (string);
  'agentEpoch': (number);
  'clusterId': (string);
}

export interface _shoal_v1_SessionUp_StatusesInput {
  'reports'?: (_shoal_v1_TaskReportInput)[];
}

export interface _shoal_v1_SessionUp_Statuses {
  'reports': (_shoal_v1_TaskReport)[];
}

export interface SessionUpInput {
  'hello'?: (_shoal_v1_SessionUp_HelloInput | null);
  'heartbeat'?: (_shoal_v1_SessionUp_HeartbeatInput | null);
  'statuses'?: (_shoal_v1_SessionUp_StatusesInput | null);
  'goodbye'?: (_shoal_v1_SessionUp_GoodbyeInput | null);
  'description'?: (_shoal_v1_NodeDescriptionInput | null);
  'message'?: "hello"|"heartbeat"|"statuses"|"goodbye"|"description";
}

export interface SessionUp {
  'hello'?: (_shoal_v1_SessionUp_Hello | null);
  'heartbeat'?: (_shoal_v1_SessionUp_Heartbeat | null);
  'statuses'?: (_shoal_v1_SessionUp_Statuses | null);
  'goodbye'?: (_shoal_v1_SessionUp_Goodbye | null);
  'description'?: (_shoal_v1_NodeDescription | null);
  'message'?: "hello"|"heartbeat"|"statuses"|"goodbye"|"description";
}
