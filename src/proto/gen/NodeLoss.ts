// Original file: proto/shoal/v1/specs.proto

import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/specs.proto

/**
 * When the node is back, and both run.
 */
export const _shoal_v1_NodeLoss_OnReturn = {
  KEEP_ORIGINAL: 'KEEP_ORIGINAL',
  KEEP_REPLACEMENT: 'KEEP_REPLACEMENT',
} as const;

/**
 * When the node is back, and both run.
 */
export type _shoal_v1_NodeLoss_OnReturnInput =
  | 'KEEP_ORIGINAL'
  | 0
  | 'KEEP_REPLACEMENT'
  | 1

/**
 * When the node is back, and both run.
 */
export type _shoal_v1_NodeLoss_OnReturn = typeof _shoal_v1_NodeLoss_OnReturn[keyof typeof _shoal_v1_NodeLoss_OnReturn]

/**
 * A task whose node does not answer may well run: another one is started in its place, and it stays wanted beside that
 * until its node answers or is removed. Not of services with one task on every node, nor of those whose tasks stay where
 * their data is; of one that never runs twice replace_after_ms is 30 s at least and nothing is chosen on return.
 */
export interface NodeLossInput {
  /**
   * From the node's last word until its task is replaced; at least 3 s; 0 is the cluster's. Where the node's kernel
   * closed the connection, it is never sooner than the cluster's replace_closed_after_ms.
   */
  'replaceAfterMs'?: (number | string | Long);
  'onReturn'?: (_shoal_v1_NodeLoss_OnReturnInput);
}

/**
 * A task whose node does not answer may well run: another one is started in its place, and it stays wanted beside that
 * until its node answers or is removed. Not of services with one task on every node, nor of those whose tasks stay where
 * their data is; of one that never runs twice replace_after_ms is 30 s at least and nothing is chosen on return.
 */
export interface NodeLoss {
  /**
   * From the node's last word until its task is replaced; at least 3 s; 0 is the cluster's. Where the node's kernel
   * closed the connection, it is never sooner than the cluster's replace_closed_after_ms.
   */
  'replaceAfterMs': (number);
  'onReturn': (_shoal_v1_NodeLoss_OnReturn);
}
