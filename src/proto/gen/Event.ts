// Original file: proto/shoal/v1/events.proto

import type { CauseInput as _shoal_v1_CauseInput, Cause as _shoal_v1_Cause } from './Cause.ts';
import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/events.proto

export const _shoal_v1_Event_Level = {
  INFO: 'INFO',
  WARNING: 'WARNING',
  ERROR: 'ERROR',
} as const;

export type _shoal_v1_Event_LevelInput =
  | 'INFO'
  | 0
  | 'WARNING'
  | 1
  | 'ERROR'
  | 2

export type _shoal_v1_Event_Level = typeof _shoal_v1_Event_Level[keyof typeof _shoal_v1_Event_Level]

export interface EventInput {
  /**
   * The Raft index of the change it tells of, and which of that change's events it is: the same on every manager.
   */
  'version'?: (number | string | Long);
  'n'?: (number);
  /**
   * Cluster time.
   */
  'timeMs'?: (number | string | Long);
  /**
   * "service", "task", "node", "run", "cluster".
   */
  'type'?: (string);
  /**
   * What became of it: "running", "failed", "moved", "removed", ...
   */
  'action'?: (string);
  'level'?: (_shoal_v1_Event_LevelInput);
  /**
   * Of what it is about.
   */
  'id'?: (string);
  'name'?: (string);
  /**
   * Empty where no service or node has to do with it.
   */
  'serviceId'?: (string);
  'serviceName'?: (string);
  'nodeId'?: (string);
  'nodeName'?: (string);
  /**
   * Who made it happen, and why. Besides the actors of objects there is "monitor", which watches nodes.
   */
  'cause'?: (_shoal_v1_CauseInput | null);
  /**
   * More in words; at most 512 characters.
   */
  'message'?: (string);
  /**
   * Of a task that ended.
   */
  'exitCode'?: (number);
  '_exitCode'?: "exitCode";
}

export interface Event {
  /**
   * The Raft index of the change it tells of, and which of that change's events it is: the same on every manager.
   */
  'version': (number);
  'n': (number);
  /**
   * Cluster time.
   */
  'timeMs': (number);
  /**
   * "service", "task", "node", "run", "cluster".
   */
  'type': (string);
  /**
   * What became of it: "running", "failed", "moved", "removed", ...
   */
  'action': (string);
  'level': (_shoal_v1_Event_Level);
  /**
   * Of what it is about.
   */
  'id': (string);
  'name': (string);
  /**
   * Empty where no service or node has to do with it.
   */
  'serviceId': (string);
  'serviceName': (string);
  'nodeId': (string);
  'nodeName': (string);
  /**
   * Who made it happen, and why. Besides the actors of objects there is "monitor", which watches nodes.
   */
  'cause': (_shoal_v1_Cause | null);
  /**
   * More in words; at most 512 characters.
   */
  'message': (string);
  /**
   * Of a task that ended.
   */
  'exitCode'?: (number);
  '_exitCode'?: "exitCode";
}
