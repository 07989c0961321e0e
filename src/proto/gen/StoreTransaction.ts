// Original file: proto/shoal/v1/store.proto

import type { StoreActionInput as _shoal_v1_StoreActionInput, StoreAction as _shoal_v1_StoreAction } from './StoreAction.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * One entry: all of it or nothing.
 */
export interface StoreTransactionInput {
  /**
   * The leader's clock; cluster time becomes max(previous, this).
   */
  'timeMs'?: (number | string | Long);
  'actions'?: (_shoal_v1_StoreActionInput)[];
  /**
   * Of the cluster when it was written; 0 is 1. A program that does not speak it must stop, not skip.
   */
  'protocol'?: (number);
  /**
   * Who asked for it, as in Cause; empty: the leader's own loops.
   */
  'actor'?: (string);
  /**
   * Of the manager that leads from here on; in the first entry of each leadership only.
   */
  'leaderId'?: (string);
}

/**
 * One entry: all of it or nothing.
 */
export interface StoreTransaction {
  /**
   * The leader's clock; cluster time becomes max(previous, this).
   */
  'timeMs': (number);
  'actions': (_shoal_v1_StoreAction)[];
  /**
   * Of the cluster when it was written; 0 is 1. A program that does not speak it must stop, not skip.
   */
  'protocol': (number);
  /**
   * Who asked for it, as in Cause; empty: the leader's own loops.
   */
  'actor': (string);
  /**
   * Of the manager that leads from here on; in the first entry of each leadership only.
   */
  'leaderId': (string);
}
