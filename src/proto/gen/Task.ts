// Original file: proto/shoal/v1/objects.proto

import type { MetaInput as _shoal_v1_MetaInput, Meta as _shoal_v1_Meta } from './Meta.ts';
import type { TaskStatusInput as _shoal_v1_TaskStatusInput, TaskStatus as _shoal_v1_TaskStatus } from './TaskStatus.ts';
import type { CauseInput as _shoal_v1_CauseInput, Cause as _shoal_v1_Cause } from './Cause.ts';
import type { PortSpecInput as _shoal_v1_PortSpecInput, PortSpec as _shoal_v1_PortSpec } from './PortSpec.ts';
import type { GenericResourceInput as _shoal_v1_GenericResourceInput, GenericResource as _shoal_v1_GenericResource } from './GenericResource.ts';
import type { TaskMoveInput as _shoal_v1_TaskMoveInput, TaskMove as _shoal_v1_TaskMove } from './TaskMove.ts';
import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/objects.proto

/**
 * The scale both desired and observed state climb and never descend; the numbers are Swarm's.
 */
export const _shoal_v1_Task_State = {
  NEW: 'NEW',
  PENDING: 'PENDING',
  ASSIGNED: 'ASSIGNED',
  ACCEPTED: 'ACCEPTED',
  PREPARING: 'PREPARING',
  READY: 'READY',
  STARTING: 'STARTING',
  RUNNING: 'RUNNING',
  COMPLETE: 'COMPLETE',
  SHUTDOWN: 'SHUTDOWN',
  FAILED: 'FAILED',
  REJECTED: 'REJECTED',
  /**
   * Desired only: delete the object once the task stopped.
   */
  REMOVE: 'REMOVE',
  ORPHANED: 'ORPHANED',
} as const;

/**
 * The scale both desired and observed state climb and never descend; the numbers are Swarm's.
 */
export type _shoal_v1_Task_StateInput =
  | 'NEW'
  | 0
  | 'PENDING'
  | 64
  | 'ASSIGNED'
  | 192
  | 'ACCEPTED'
  | 256
  | 'PREPARING'
  | 320
  | 'READY'
  | 384
  | 'STARTING'
  | 448
  | 'RUNNING'
  | 512
  | 'COMPLETE'
  | 576
  | 'SHUTDOWN'
  | 640
  | 'FAILED'
  | 704
  | 'REJECTED'
  | 768
  /**
   * Desired only: delete the object once the task stopped.
   */
  | 'REMOVE'
  | 800
  | 'ORPHANED'
  | 832

/**
 * The scale both desired and observed state climb and never descend; the numbers are Swarm's.
 */
export type _shoal_v1_Task_State = typeof _shoal_v1_Task_State[keyof typeof _shoal_v1_Task_State]

export interface TaskInput {
  'id'?: (string);
  'meta'?: (_shoal_v1_MetaInput | null);
  'serviceId'?: (string);
  'serviceName'?: (string);
  'revision'?: (number | string | Long);
  /**
   * From 1; 0 where slots are known by their node.
   */
  'slot'?: (number | string | Long);
  'nodeId'?: (string);
  'desired'?: (_shoal_v1_Task_StateInput);
  'status'?: (_shoal_v1_TaskStatusInput | null);
  /**
   * The silent task this one stands in for; that one stays desired RUNNING until its node answers.
   */
  'replaces'?: (string);
  /**
   * Cluster time before which desired READY is not raised to RUNNING (restart delay); 0 is none.
   */
  'startAfterMs'?: (number | string | Long);
  /**
   * Why desired last changed.
   */
  'cause'?: (_shoal_v1_CauseInput | null);
  /**
   * Set by the scheduler for a task it cannot place: each reason with how many nodes it refused.
   */
  'pendingReason'?: (string);
  /**
   * Host ports fixed at assignment (published 0 is resolved on the node and reported in status).
   */
  'ports'?: (_shoal_v1_PortSpecInput)[];
  /**
   * The only node that may run it, fixed when the task is created; empty is any. node_id stays empty until the
   * scheduler found it fit. With slot 0 it is also what the slot is known by: one slot a node.
   */
  'pinnedNodeId'?: (string);
  /**
   * Of a job: the number of its run; 0 for a service.
   */
  'run'?: (number | string | Long);
  /**
   * Of a job: it was stopped because it ran longer than its timeout.
   */
  'timedOut'?: (boolean);
  /**
   * Cluster time at which it first ran and was healthy and ready; 0 until then.
   */
  'readyAtMs'?: (number | string | Long);
  /**
   * Tasks of the slot before this one that ended early, in a row: what the restart back-off counts.
   */
  'earlyEnds'?: (number | string | Long);
  /**
   * It never runs beside another task of its slot: an agent cut off from all managers for 20 s stops it. Once set it stays.
   */
  'single'?: (boolean);
  /**
   * What it has of its node beside CPU and memory, fixed at assignment.
   */
  'generic'?: (_shoal_v1_GenericResourceInput)[];
  /**
   * Set by the scheduler: why it may not stay on its node, which became smaller; empty otherwise.
   */
  'unfit'?: (string);
  /**
   * Set by the scheduler where its service is rebalanced: another task takes its place elsewhere. It stays set in a task
   * that made way, and goes where the move came to nothing.
   */
  'move'?: (_shoal_v1_TaskMoveInput | null);
}

export interface Task {
  'id': (string);
  'meta': (_shoal_v1_Meta | null);
  'serviceId': (string);
  'serviceName': (string);
  'revision': (number);
  /**
   * From 1; 0 where slots are known by their node.
   */
  'slot': (number);
  'nodeId': (string);
  'desired': (_shoal_v1_Task_State);
  'status': (_shoal_v1_TaskStatus | null);
  /**
   * The silent task this one stands in for; that one stays desired RUNNING until its node answers.
   */
  'replaces': (string);
  /**
   * Cluster time before which desired READY is not raised to RUNNING (restart delay); 0 is none.
   */
  'startAfterMs': (number);
  /**
   * Why desired last changed.
   */
  'cause': (_shoal_v1_Cause | null);
  /**
   * Set by the scheduler for a task it cannot place: each reason with how many nodes it refused.
   */
  'pendingReason': (string);
  /**
   * Host ports fixed at assignment (published 0 is resolved on the node and reported in status).
   */
  'ports': (_shoal_v1_PortSpec)[];
  /**
   * The only node that may run it, fixed when the task is created; empty is any. node_id stays empty until the
   * scheduler found it fit. With slot 0 it is also what the slot is known by: one slot a node.
   */
  'pinnedNodeId': (string);
  /**
   * Of a job: the number of its run; 0 for a service.
   */
  'run': (number);
  /**
   * Of a job: it was stopped because it ran longer than its timeout.
   */
  'timedOut': (boolean);
  /**
   * Cluster time at which it first ran and was healthy and ready; 0 until then.
   */
  'readyAtMs': (number);
  /**
   * Tasks of the slot before this one that ended early, in a row: what the restart back-off counts.
   */
  'earlyEnds': (number);
  /**
   * It never runs beside another task of its slot: an agent cut off from all managers for 20 s stops it. Once set it stays.
   */
  'single': (boolean);
  /**
   * What it has of its node beside CPU and memory, fixed at assignment.
   */
  'generic': (_shoal_v1_GenericResource)[];
  /**
   * Set by the scheduler: why it may not stay on its node, which became smaller; empty otherwise.
   */
  'unfit': (string);
  /**
   * Set by the scheduler where its service is rebalanced: another task takes its place elsewhere. It stays set in a task
   * that made way, and goes where the move came to nothing.
   */
  'move': (_shoal_v1_TaskMove | null);
}
