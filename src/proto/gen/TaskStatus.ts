// Original file: proto/shoal/v1/objects.proto

import type { _shoal_v1_Task_StateInput, _shoal_v1_Task_State } from './Task.ts';
import type { PortStatusInput as _shoal_v1_PortStatusInput, PortStatus as _shoal_v1_PortStatus } from './PortStatus.ts';
import type { Long } from '@grpc/proto-loader';

export interface TaskStatusInput {
  'state'?: (_shoal_v1_Task_StateInput);
  'message'?: (string);
  'error'?: (string);
  /**
   * Cluster time at which the manager recorded `state`.
   */
  'atMs'?: (number | string | Long);
  /**
   * Statuses are ordered by (agent_epoch, sequence).
   */
  'agentEpoch'?: (number | string | Long);
  'sequence'?: (number | string | Long);
  'exitCode'?: (number);
  /**
   * Container id or process id.
   */
  'runtimeId'?: (string);
  'ports'?: (_shoal_v1_PortStatusInput)[];
  /**
   * Unix ms by the node's clock.
   */
  'startedAtMs'?: (number | string | Long);
  'finishedAtMs'?: (number | string | Long);
  /**
   * Its startup check has passed and its runtime's health check passes; without either it is healthy once running.
   */
  'healthy'?: (boolean);
  /**
   * Its readiness check passes, or it has none. A task that runs, is healthy and ready counts as available.
   */
  'ready'?: (boolean);
  /**
   * What the check that does not pass said last; empty while none fails.
   */
  'checkMessage'?: (string);
  /**
   * Whoever has the task knows that it never runs twice.
   */
  'single'?: (boolean);
  '_exitCode'?: "exitCode";
}

export interface TaskStatus {
  'state': (_shoal_v1_Task_State);
  'message': (string);
  'error': (string);
  /**
   * Cluster time at which the manager recorded `state`.
   */
  'atMs': (number);
  /**
   * Statuses are ordered by (agent_epoch, sequence).
   */
  'agentEpoch': (number);
  'sequence': (number);
  'exitCode'?: (number);
  /**
   * Container id or process id.
   */
  'runtimeId': (string);
  'ports': (_shoal_v1_PortStatus)[];
  /**
   * Unix ms by the node's clock.
   */
  'startedAtMs': (number);
  'finishedAtMs': (number);
  /**
   * Its startup check has passed and its runtime's health check passes; without either it is healthy once running.
   */
  'healthy': (boolean);
  /**
   * Its readiness check passes, or it has none. A task that runs, is healthy and ready counts as available.
   */
  'ready': (boolean);
  /**
   * What the check that does not pass said last; empty while none fails.
   */
  'checkMessage': (string);
  /**
   * Whoever has the task knows that it never runs twice.
   */
  'single': (boolean);
  '_exitCode'?: "exitCode";
}
